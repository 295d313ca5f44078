"""The walk's files on disk: one directory a chunk, fetched from S3 only when somebody looks."""

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from PIL import Image

from chunk_assets.film.objects import animatic_file_at
from chunk_assets.media.images import open_picture
from chunk_assets.storage.objects import content_version
from chunk_assets.storage.store import ObjectStore, StoredObject


@dataclass(frozen=True)
class Picture:
    """A picture: `path` and `image` fetch it when it is not here yet.

    Its version is digested when somebody first asks: the chain need not wait for it.
    """

    path: Callable[[], Path]
    image: Callable[[], Image.Image]
    digest: Callable[[], str]

    @cached_property
    def version(self) -> str:
        """A digest of its content."""
        return self.digest()


class ChunkFiles:
    """What one walk has on disk; bounded, since `forget_before` lets go of finished chunks."""

    def __init__(self, store: ObjectStore, workdir: Path):
        self._store = store
        self._workdir = workdir
        self._animatic: dict[str, Path] = {}
        self._fetching = threading.Lock()  # the next chunk's picture is fetched beside this one's
        self._fitted: tuple[tuple[str, tuple[int, int]], Image.Image] | None = None

    def directory(self, chunk_num: int) -> Path:
        """Where the chunk's files are made."""
        path = self._workdir / f"chunk_{chunk_num:02d}"
        path.mkdir(exist_ok=True)
        return path

    def forget_before(self, chunk_num: int) -> None:
        """Remove the files of the chunks before this one."""
        for path in self._workdir.glob("chunk_*"):
            if int(path.name.removeprefix("chunk_")) < chunk_num:
                shutil.rmtree(path)

    def animatic_picture(self, uri: str) -> Path:
        """A picture of the animatic, by its S3 URI; neighbouring chunks share it.

        Raises:
            StorageError: The URI leads elsewhere than to this bucket's animatics.
        """
        picture = animatic_file_at(self._store, uri)
        with self._fetching:
            if uri not in self._animatic:
                path = self._workdir / f"picture_{len(self._animatic)}"
                picture.download(path)
                self._animatic[uri] = path
            return self._animatic[uri]

    def fitted_animatic(self, uri: str, size: tuple[int, int]) -> Image.Image:
        """A picture of the animatic in the film's size; the last one is kept for the next chunk.

        Raises:
            StorageError: The URI leads elsewhere than to this bucket's animatics.
            MediaError: It cannot be read.
        """
        wanted, fitted = (uri, size), self._fitted
        if fitted is None or fitted[0] != wanted:
            fitted = (wanted, open_picture(self.animatic_picture(uri), size))
            self._fitted = fitted
        return fitted[1]

    def stored_file(self, chunk_num: int, stored: StoredObject) -> Path:
        """One of the film's own objects, fetched for a chunk unless it has just been."""
        path = self.directory(chunk_num) / stored.sha256
        if not path.exists():
            self._store.download(stored.key, path)
        return path

    def stored_picture(self, chunk_num: int, stored: StoredObject) -> Picture:
        """A picture that is on S3, fetched for a chunk when it is needed."""

        def path() -> Path:
            return self.stored_file(chunk_num, stored)

        return Picture(path, lambda: open_picture(path()), lambda: content_version(stored))
