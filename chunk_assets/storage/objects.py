"""How one kind of object (JSON model, image, video file) is written to its key and read from it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from chunk_assets.errors import Damaged
from chunk_assets.media.images import open_picture, pixel_digest
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore, StoredObject

Model = TypeVar("Model", bound=BaseModel)
Record = Mapping[str, str]

JSON, PNG, MP4 = "application/json", "image/png", "video/mp4"


def content_version(stored: StoredObject) -> str:
    """What of an object counts as its content: an image's pixels, anything else's bytes."""
    return stored.record.get("pixels") or stored.sha256 or stored.version


def json_bytes(model: BaseModel) -> bytes:
    """A model as it is stored: indented, for people."""
    return model.model_dump_json(indent=2).encode() + b"\n"


def write_json(
    store: ObjectStore, key: str, model: BaseModel, record: Record | None = None
) -> StoredObject:
    """Store a model as JSON."""
    return store.put_bytes(key, json_bytes(model), JSON, record)


def read_json(store: ObjectStore, key: str, kind: type[Model]) -> tuple[Model, StoredObject]:
    """Read a model.

    Raises:
        NotStored: There is none.
        Damaged: What is stored is not such a model.
    """
    content, stored = store.get_bytes(key)
    try:
        return kind.model_validate_json(content), stored
    except ValidationError as error:
        fault = error.errors()[0]
        raise Damaged(
            f"{stored.uri} is damaged: it is not a {kind.__name__} ({fault['msg']})"
            f"{keys.remedy(key)}",
            uri=stored.uri,
            key=key,
        ) from None


def write_image(
    store: ObjectStore, key: str, path: Path, record: Record | None = None
) -> StoredObject:
    """Store a PNG, with a digest of its pixels beside that of its bytes."""
    record = dict(record or {})
    if "pixels" not in record:
        record["pixels"] = pixel_digest(open_picture(path))
    return store.put_file(key, path, PNG, record)


def read_image(store: ObjectStore, key: str, path: Path) -> StoredObject:
    """Read a picture into the file `path`."""
    return store.download(key, path)


def write_video(
    store: ObjectStore, key: str, path: Path, record: Record | None = None
) -> StoredObject:
    """Store an MP4 file, streamed; nobody may write to the file any more."""
    stored = store.put_file(key, path, MP4, record)
    if store.nearby is not None:
        store.nearby.keep(path, stored.sha256)
    return stored


def read_video(store: ObjectStore, stored: StoredObject, path: Path) -> None:
    """Read a clip or film into the file `path`, streamed, or from nearby if it is there."""
    if store.nearby is None or not store.nearby.copy(stored.sha256, path):
        store.download(stored.key, path)
