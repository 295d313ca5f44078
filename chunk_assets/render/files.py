"""A walk's files: one directory per chunk, removed once the chunk is recorded."""

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from PIL import Image

from chunk_assets.files.digests import bytes_digest
from chunk_assets.film.objects import animatic_file_at
from chunk_assets.media.images import open_picture, pixel_digest
from chunk_assets.storage.objects import ObjectRef, content_version
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject


@dataclass(frozen=True)
class LocalFile:
    """A file on this machine.

    Attributes:
        path: The file.
        ref: The S3 object that it is a copy of; None for a file made here.
    """

    path: Path
    ref: ObjectRef | None = None

    def fetch(self) -> Path:
        """Return the path; download the object first if the file is missing.

        Raises:
            StorageError: The object cannot be read, or the disk refuses the file.
        """
        if self.ref is not None and not self.path.exists():
            self.path.parent.mkdir(exist_ok=True)
            self.ref.download(self.path)
        return self.path


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
        """Return the picture; it is read or downloaded once if it is not in memory.

        Raises:
            StorageError: It cannot be fetched.
            MediaError: It cannot be read.
        """
        return self._loaded

    @cached_property
    def _loaded(self) -> Image.Image:
        return self.image if self.image is not None else open_picture(self.file.fetch())


class ChunkFiles:
    """The files of one walk, in its work directory."""

    def __init__(self, store: ObjectStore, workdir: Path):
        self._store, self._workdir = store, workdir
        self._fitted: tuple[tuple[str, tuple[int, int]], Image.Image] | None = None

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

    def take_directory(self, chunk_num: int, take: int) -> Path:
        """Return the directory of a new take, made if necessary."""
        path = self.directory(chunk_num) / f"take_{take:02d}"
        path.mkdir(exist_ok=True)
        return path

    def last_frame(self, chunk_num: int) -> Path:
        """Return where the last frame of a stored clip is written."""
        return self.directory(chunk_num) / "last_frame.png"

    def stored_file(self, chunk_num: int, stored: StoredObject) -> LocalFile:
        """Return the local copy of an object that is used for a chunk."""
        path = self._path(chunk_num) / stored.sha256
        return LocalFile(path, ObjectRef(self._store, stored.key))

    def stored_picture(self, chunk_num: int, stored: StoredObject) -> Picture:
        """Return a stored picture that is used for a chunk."""
        file = self.stored_file(chunk_num, stored)
        return Picture(file, recorded_version=content_version(stored))

    def animatic_file(self, uri: str) -> LocalFile:
        """Return the local copy of an animatic's picture, by its S3 URI; chunks share it.

        Raises:
            StorageError: The URI is not that of an animatic's file in this bucket.
        """
        path = self._workdir / f"picture_{bytes_digest(uri.encode())}"
        return LocalFile(path, animatic_file_at(self._store, uri))

    def fitted_animatic(self, uri: str, size: tuple[int, int]) -> Image.Image:
        """Return an animatic's picture in the film's size; the last one is kept in memory.

        Raises:
            StorageError: It cannot be fetched.
            MediaError: It cannot be read.
        """
        wanted, last = (uri, size), self._fitted
        if last is None or last[0] != wanted:
            last = (wanted, open_picture(self.animatic_file(uri).fetch(), size))
            self._fitted = last
        return last[1]

    def _path(self, chunk_num: int) -> Path:
        return self._workdir / f"chunk_{chunk_num:02d}"
