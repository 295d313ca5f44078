"""An animatic as a person has it: a directory with a manifest and pictures, put on S3 as it is."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from chunk_assets.chain.film_plan import slot_seconds
from chunk_assets.errors import MediaError, SpecError
from chunk_assets.images import open_picture
from chunk_assets.planning import build_chunk_specs
from chunk_assets.schemas import MANIFEST, MAX_MANIFEST_BYTES, Animatic, ChunkSpec, read_animatic
from chunk_assets.storage import keys
from chunk_assets.storage.digests import bytes_digest, file_digest
from chunk_assets.storage.objects import JSON
from chunk_assets.storage.store import ObjectStore

_AT_ONCE = 4
"""Pictures that are put at a time."""

_LOOKED_AT_ONCE = 2
"""Pictures that are in memory at a time: the largest allowed is 300 MB."""

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
    """A directory that has been read and found in order.

    Attributes:
        animatic: The manifest.
        document: The manifest as it was written.
        pictures: The pictures' files by the names the manifest has for them.
    """

    animatic: Animatic
    document: bytes
    pictures: dict[str, Path]

    def specs(self, video_id: str) -> list[ChunkSpec]:
        """The film's chunks, before anything is on S3 (their URLs are file names)."""
        references = {
            "style_guide_url": self.animatic.style_guide,
            "product_reference_url": self.animatic.product_reference,
        }
        return build_chunk_specs(
            video_id,
            self.animatic,
            self.animatic.frames,
            references,
            slot_seconds=slot_seconds(self.animatic),
        )

    def version(self, name: str) -> str:
        """A picture's version, the same as once it is on S3."""
        return f"sha256:{file_digest(self.pictures[name])}"

    def with_choices(self, **fields: str | None) -> "AnimaticDirectory":
        """The same with other values in these fields of the manifest; None leaves one as it is."""
        chosen = {name: value for name, value in fields.items() if value is not None}
        if not chosen:
            return self
        animatic = self.animatic.model_copy(update=chosen)
        written = json.loads(self.document) | chosen
        document = json.dumps(written, indent=2, ensure_ascii=False).encode() + b"\n"
        return replace(self, animatic=animatic, document=document)


def read_directory(directory: Path) -> AnimaticDirectory:
    """Read an animatic's directory and look at every picture.

    Raises:
        SpecError: The manifest is missing or cannot be used, or names a file outside.
        MediaError: A picture is missing or cannot be read.
    """
    if not directory.is_dir():
        raise SpecError(f"{str(directory)!r} is not a directory: give one that holds {MANIFEST}")
    manifest = directory / MANIFEST
    if manifest.exists() and not manifest.is_file():  # a pipe would be waited for
        raise SpecError(f"{str(manifest)!r} is not a file")
    try:
        document = manifest.read_bytes()
    except FileNotFoundError:
        raise SpecError(f"there is no manifest {str(manifest)!r} in the directory") from None
    except OSError as error:
        raise SpecError(f"{str(manifest)!r} cannot be read: {error.strerror}") from error
    if len(document) > MAX_MANIFEST_BYTES:
        raise SpecError(
            f"{str(manifest)!r} has {len(document)} bytes: at most {MAX_MANIFEST_BYTES} are allowed"
        )
    animatic = read_animatic(document, where=str(manifest))
    root = directory.resolve()
    pictures = {}
    for name in animatic.files:
        path = directory / name
        # `Path.resolve` would raise at a link that leads to itself, which is no file, either.
        if not Path(os.path.realpath(path)).is_relative_to(root):
            raise SpecError(
                f"the file {name!r} leads out of {str(directory)!r}: "
                "an animatic's pictures must lie inside its directory"
            )
        if not path.is_file():
            raise MediaError(f"the manifest names {name!r}, but there is no file {str(path)!r}")
        pictures[name] = path
    with ThreadPoolExecutor(_LOOKED_AT_ONCE, thread_name_prefix="pictures") as pool:
        for looked_at in [pool.submit(_look_at, path) for path in pictures.values()]:
            looked_at.result()
    return AnimaticDirectory(animatic, document, pictures)


def _look_at(path: Path) -> None:
    open_picture(path)


def submit(store: ObjectStore, video_id: str, directory: AnimaticDirectory) -> bool:
    """Put an animatic on S3: the pictures, then the manifest, which commits them.

    What is there already with the same content is not written again.

    Returns:
        Whether anything was written.

    Raises:
        SpecError: The name, or the count of frames, cannot be used; nothing is written then.
        StorageError: S3 refuses it; the manifest of before stands then.
    """
    directory.specs(video_id)

    def put(picture: tuple[str, Path]) -> bool:
        name, path = picture
        key = keys.animatic_file(video_id, name)
        stored = store.head(key)
        if stored is not None and stored.sha256 == file_digest(path):
            return False
        kind = CONTENT_TYPES.get(path.suffix.lower(), "application/octet-stream")
        store.put_file(key, path, kind)
        return True

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="submitting") as pool:
        written = any(list(pool.map(put, directory.pictures.items())))
    manifest = keys.manifest(video_id)
    stored = store.head(manifest)
    if written or stored is None or stored.sha256 != bytes_digest(directory.document):
        store.put_bytes(manifest, directory.document, JSON)
        written = True
    return written
