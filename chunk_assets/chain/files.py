"""The walk's files on disk: one directory a chunk, fetched from S3 only when somebody looks."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chunk_assets.errors import StorageError
from chunk_assets.storage.keys import ANIMATICS
from chunk_assets.storage.objects import content_version
from chunk_assets.storage.store import ObjectStore, StoredObject


@dataclass(frozen=True)
class Picture:
    """A picture by its version; `path` fetches it when it is not on disk yet."""

    version: str
    path: Callable[[], Path]


class ChunkFiles:
    """What one walk has on disk; bounded, since `forget_before` lets go of finished chunks."""

    def __init__(self, store: ObjectStore, workdir: Path):
        self._store = store
        self._workdir = workdir
        self._animatic: dict[str, Path] = {}
        self._fetched = workdir / "stored"
        self._fetched.mkdir(exist_ok=True)

    def directory(self, chunk_num: int) -> Path:
        """Where the chunk's files are made."""
        path = self._workdir / f"chunk_{chunk_num:02d}"
        path.mkdir(exist_ok=True)
        return path

    def forget_before(self, chunk_num: int) -> None:
        """Remove the files of the chunks before this one, and what was fetched from S3."""
        for path in self._workdir.glob("chunk_*"):
            if int(path.name.removeprefix("chunk_")) < chunk_num:
                shutil.rmtree(path)
        for path in self._fetched.iterdir():
            path.unlink()

    def animatic_picture(self, uri: str) -> Path:
        """A picture of the animatic, by its S3 URI; neighbouring chunks share it.

        Raises:
            StorageError: The URI leads elsewhere than to this bucket's animatics.
        """
        if uri not in self._animatic:
            prefix = self._store.uri(ANIMATICS)
            if not uri.startswith(prefix):
                raise StorageError(f"{uri!r} is not a picture of an animatic under {prefix}")
            path = self._workdir / f"picture_{len(self._animatic)}"
            self._store.download(uri.removeprefix(self._store.uri("")), path)
            self._animatic[uri] = path
        return self._animatic[uri]

    def stored_file(self, stored: StoredObject) -> Path:
        """One of the film's own objects, fetched unless it has just been."""
        path = self._fetched / stored.sha256
        if not path.exists():
            self._store.download(stored.key, path)
        return path

    def stored_picture(self, stored: StoredObject) -> Picture:
        """A picture that is on S3, fetched when it is needed."""
        return Picture(content_version(stored), lambda: self.stored_file(stored))
