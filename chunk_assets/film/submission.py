"""Reads an animatic from a directory with a manifest and pictures, and uploads it to S3."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from chunk_assets.deployment import deployment
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
from chunk_assets.storage.objects import JSON
from chunk_assets.storage.store import ObjectStore

_AT_ONCE = 4
"""Concurrent uploads of pictures."""

_CHECKED_AT_ONCE = 2
"""Pictures that are checked in parallel; only one large picture is in memory at a time."""

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
    """The content of a directory, read once and checked.

    Attributes:
        animatic: The manifest.
        document: The manifest's bytes.
        pictures: Private copies of the pictures, by their names in the manifest.
        sources: The original files.
        copies: Owns the copies: they are removed with it.
    """

    animatic: Animatic
    document: bytes
    pictures: dict[str, Path]
    sources: tuple[Path, ...] = ()
    copies: PrivateCopies | None = field(default=None, repr=False)

    def specs(self, video_id: str) -> list[ChunkSpec]:
        """Return the film's chunks, with file names instead of URIs."""
        return named_specs(video_id, self.animatic)

    def version(self, name: str) -> str:
        """Return the version that a picture will have on S3."""
        return f"sha256:{file_digest(self.pictures[name])}"

    def with_choices(self, **fields: str | None) -> "AnimaticDirectory":
        """Return a copy with these fields of the manifest replaced; None keeps a field."""
        chosen = {name: value for name, value in fields.items() if value is not None}
        if not chosen:
            return self
        animatic = self.animatic.model_copy(update=chosen)
        written = read_object(self.document, MANIFEST) | chosen
        document = json.dumps(written, indent=2, ensure_ascii=False).encode() + b"\n"
        return replace(self, animatic=animatic, document=document)


def read_directory(directory: Path) -> AnimaticDirectory:
    """Read an animatic's directory and check every picture.

    Raises:
        SpecError: The manifest is missing or invalid, or names a link or a file outside.
        MediaError: A picture is missing or cannot be read.
    """
    with OpenDirectory(directory) as opened:
        document = read_bytes(opened, MANIFEST, MAX_MANIFEST_BYTES)
        if document is None:
            raise SpecError(f"there is no manifest {str(directory / MANIFEST)!r} in the directory")
        animatic = read_animatic(document, where=str(directory / MANIFEST))
        copies, limit = PrivateCopies(), deployment().limits.picture_file_bytes
        try:
            pictures = {name: copies.copy(opened, name, limit) for name in animatic.files}
            sources = {name: directory / name for name in pictures}
            _check_pictures(pictures, sources, animatic.resolution)
        except BaseException:
            copies.remove()
            raise
    files = (directory / MANIFEST, *sources.values())
    return AnimaticDirectory(animatic, document, pictures, files, copies)


def _check_pictures(
    pictures: dict[str, Path], sources: dict[str, Path], size: tuple[int, int]
) -> None:
    with ThreadPoolExecutor(_CHECKED_AT_ONCE, thread_name_prefix="pictures") as pool:
        checks = [
            pool.submit(_check_picture, pictures[name], sources[name], size) for name in pictures
        ]
        for check in checks:
            check.result()


def _check_picture(copy: Path, source: Path, size: tuple[int, int]) -> None:
    try:
        open_picture(copy, size)
    except MediaError as error:  # name the original file
        message = str(error).replace(repr(str(copy)), repr(str(source)))
        raise MediaError(message, **{**error.data, "path": str(source)}) from error


def submit(store: ObjectStore, video_id: str, directory: AnimaticDirectory) -> bool:
    """Upload an animatic: the pictures, then the manifest, which commits them.

    Objects that are intact and have the same content are not written again.

    Returns:
        Whether anything was written.

    Raises:
        SpecError: The name or the manifest is invalid; nothing is written.
        StorageError: S3 does not accept an object; the stored manifest is unchanged.
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
