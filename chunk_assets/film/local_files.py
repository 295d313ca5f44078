"""A film's files on this machine, each fetched from S3 when it is first needed."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from chunk_assets.files.digests import bytes_digest
from chunk_assets.film.objects import animatic_file_at
from chunk_assets.media.images import open_picture
from chunk_assets.storage.objects import ObjectRef
from chunk_assets.storage.store import ObjectStore


@dataclass(frozen=True)
class LocalFile:
    """A file on this machine.

    Attributes:
        path: The file.
        ref: The object on S3 that it is a copy of; None for a file made here.
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


class AnimaticPictures:
    """The pictures of a film's animatic; chunks of one beat share one.

    Args:
        store: Where the animatic is.
        workdir: An existing directory for the files.
    """

    def __init__(self, store: ObjectStore, workdir: Path):
        self._store, self._workdir = store, workdir
        self._fitted: tuple[tuple[str, tuple[int, int]], Image.Image] | None = None

    def file(self, uri: str) -> LocalFile:
        """Return the file of a picture, by its S3 URI.

        Raises:
            StorageError: The URI is not that of an animatic's file in this bucket.
        """
        ref = animatic_file_at(self._store, uri)
        return LocalFile(self._workdir / f"picture_{bytes_digest(uri.encode())}", ref)

    def fitted(self, uri: str, size: tuple[int, int]) -> Image.Image:
        """Return a picture in the film's size; the last one is kept for the next chunk.

        Raises:
            StorageError: It cannot be fetched.
            MediaError: It cannot be read.
        """
        wanted, last = (uri, size), self._fitted
        if last is None or last[0] != wanted:
            last = (wanted, open_picture(self.file(uri).fetch(), size))
            self._fitted = last
        return last[1]
