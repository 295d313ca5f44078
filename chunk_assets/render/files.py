"""A walk's files: one directory per chunk, removed once the chunk is recorded."""

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from PIL import Image

from chunk_assets.film.local_files import AnimaticPictures, LocalFile
from chunk_assets.media.images import open_picture, pixel_digest
from chunk_assets.storage.objects import ObjectRef, content_version
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject


@dataclass(frozen=True)
class Picture:
    """A composite or a last frame.

    Attributes:
        file: Where it is on this machine, once it is written or fetched.
        image: The picture, if it is in memory.
        recorded_version: Its version as recorded on S3; empty if it is not recorded.
    """

    file: LocalFile
    image: Image.Image | None = None
    recorded_version: str = ""

    @cached_property
    def version(self) -> str:
        """A digest of its content, computed on first use: the chain need not wait for it."""
        return self.recorded_version or pixel_digest(self.load())

    def load(self) -> Image.Image:
        """Return the picture, reading or downloading it if it is not in memory.

        Raises:
            StorageError: It cannot be fetched.
            MediaError: It cannot be read.
        """
        return self.image if self.image is not None else open_picture(self.file.fetch())


class ChunkFiles:
    """The files of one walk.

    Attributes:
        animatic: The animatic's pictures.
    """

    def __init__(self, store: ObjectStore, workdir: Path):
        self._store, self._workdir = store, workdir
        self.animatic = AnimaticPictures(store, workdir)

    def directory(self, chunk_num: int) -> Path:
        """Return the chunk's directory, made if necessary."""
        path = self._path(chunk_num)
        path.mkdir(exist_ok=True)
        return path

    def remove_before(self, chunk_num: int) -> None:
        """Remove the directories of the chunks before this one."""
        for path in self._workdir.glob("chunk_*"):
            if int(path.name.removeprefix("chunk_")) < chunk_num:
                shutil.rmtree(path)

    def last_frame(self, chunk_num: int) -> Path:
        """Return where a new last frame is written."""
        return self.directory(chunk_num) / "last_frame.png"

    def stored_file(self, chunk_num: int, stored: StoredObject) -> LocalFile:
        """Return the local copy of an object that is used for a chunk."""
        path = self._path(chunk_num) / stored.sha256
        return LocalFile(path, ObjectRef(self._store, stored.key))

    def stored_picture(self, chunk_num: int, stored: StoredObject) -> Picture:
        """Return a stored picture that is used for a chunk."""
        file = self.stored_file(chunk_num, stored)
        return Picture(file, recorded_version=content_version(stored))

    def _path(self, chunk_num: int) -> Path:
        return self._workdir / f"chunk_{chunk_num:02d}"
