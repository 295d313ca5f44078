"""An animatic as a person has it: a directory with a manifest and pictures, put on S3 as it is."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from chunk_assets.errors import MediaError, SpecError
from chunk_assets.files.digests import Content, file_digest
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import named_specs
from chunk_assets.film.safe_files import OpenDirectory, PrivateCopies, read_bytes
from chunk_assets.json_text import read_object
from chunk_assets.media.images import open_picture
from chunk_assets.schemas import (
    MANIFEST,
    MAX_MANIFEST_BYTES,
    Animatic,
    ChunkSpec,
    read_animatic,
)
from chunk_assets.settings import load_settings
from chunk_assets.storage.objects import JSON
from chunk_assets.storage.store import ObjectStore

_AT_ONCE = 4
"""Pictures that are put at a time."""

_LOOKED_AT_ONCE = 2
"""Pictures that are looked at side by side; of large ones, one is in memory at a time."""

CONTENT_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
}


@dataclass(frozen=True)
class AnimaticDirectory:
    """A directory that has been read, once, and found in order.

    Attributes:
        animatic: The manifest.
        document: The manifest as it was written.
        pictures: Private copies of the pictures, by the names the manifest has for them.
        sources: The files themselves.
        copies: Keeps the copies on the disk.
    """

    animatic: Animatic
    document: bytes
    pictures: dict[str, Path]
    sources: tuple[Path, ...] = ()
    copies: PrivateCopies | None = field(default=None, repr=False)

    def specs(self, video_id: str) -> list[ChunkSpec]:
        """The film's chunks, before anything is on S3 (their URLs are file names)."""
        return named_specs(video_id, self.animatic)

    def version(self, name: str) -> str:
        """A picture's version, the same as once it is on S3."""
        return f"sha256:{file_digest(self.pictures[name])}"

    def with_choices(self, **fields: str | None) -> "AnimaticDirectory":
        """The same with other values in these fields of the manifest; None leaves one as it is."""
        chosen = {name: value for name, value in fields.items() if value is not None}
        if not chosen:
            return self
        animatic = self.animatic.model_copy(update=chosen)
        written = read_object(self.document, MANIFEST) | chosen
        document = json.dumps(written, indent=2, ensure_ascii=False).encode() + b"\n"
        return replace(self, animatic=animatic, document=document)


def read_directory(directory: Path) -> AnimaticDirectory:
    """Read an animatic's directory and look at every picture.

    Raises:
        SpecError: The manifest is missing or cannot be used, or names a file outside or a link.
        MediaError: A picture is missing or cannot be read.
    """
    with OpenDirectory(directory) as opened:
        document = read_bytes(opened, MANIFEST, MAX_MANIFEST_BYTES)
        if document is None:
            raise SpecError(f"there is no manifest {str(directory / MANIFEST)!r} in the directory")
        animatic = read_animatic(document, where=str(directory / MANIFEST))
        copies, limit = PrivateCopies(), load_settings().limits.picture_file_bytes
        try:
            pictures = {name: copies.take(opened, name, limit) for name in animatic.files}
            sources = {name: directory / name for name in pictures}
            _look_at_all(pictures, sources, animatic.resolution)
        except BaseException:
            copies.remove()
            raise
    files = (directory / MANIFEST, *sources.values())
    return AnimaticDirectory(animatic, document, pictures, files, copies)


def _look_at_all(
    pictures: dict[str, Path], sources: dict[str, Path], size: tuple[int, int]
) -> None:
    with ThreadPoolExecutor(_LOOKED_AT_ONCE, thread_name_prefix="pictures") as pool:
        seen = [pool.submit(_look_at, pictures[name], sources[name], size) for name in pictures]
        for looked_at in seen:
            looked_at.result()


def _look_at(copy: Path, source: Path, size: tuple[int, int]) -> None:
    try:
        open_picture(copy, size)
    except MediaError as error:  # people know the file by its own name
        message = str(error).replace(repr(str(copy)), repr(str(source)))
        raise MediaError(message, **{**error.data, "path": str(source)}) from error


def submit(store: ObjectStore, video_id: str, directory: AnimaticDirectory) -> bool:
    """Put an animatic on S3: the pictures, then the manifest, which commits them.

    What is there already with the same content is not written again; what is damaged is.

    Returns:
        Whether anything was written.

    Raises:
        SpecError: The name, or the count of frames, cannot be used; nothing is written then.
        StorageError: S3 refuses it; the manifest of before stands then.
    """
    directory.specs(video_id)
    objects = FilmObjects(store, video_id)

    def put(picture: tuple[str, Path]) -> bool:
        name, path = picture
        picture_ref = objects.animatic_file(name)
        stored = picture_ref.head()
        if stored is not None and store.holds(stored, Content.of_file(path)):
            return False
        kind = CONTENT_TYPES.get(Path(name).suffix.lower(), "application/octet-stream")
        store.put_file(picture_ref.key, path, kind)
        return True

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="submitting") as pool:
        written = any(list(pool.map(put, directory.pictures.items())))
    manifest = objects.manifest()
    stored = manifest.head()
    document = Content.of_bytes(directory.document)
    if written or stored is None or not store.holds(stored, document):
        store.put_bytes(manifest.key, directory.document, JSON)
        written = True
    return written
