"""One object's place in the bucket, with methods to write and read JSON, pictures and videos."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from chunk_assets.errors import Damaged
from chunk_assets.media.images import open_picture, pixel_digest
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject

Model = TypeVar("Model", bound=BaseModel)
Record = Mapping[str, str]

JSON, PNG, MP4 = "application/json", "image/png", "video/mp4"


@dataclass(frozen=True)
class ObjectRef:
    """The place of one object in the bucket, whether or not it is stored."""

    store: ObjectStore
    key: str

    @property
    def uri(self) -> str:
        """The S3 URI, `s3://bucket/key`."""
        return self.store.uri(self.key)

    def link(self) -> str:
        """Return a presigned URL for a browser."""
        return self.store.link(self.key)

    def head(self) -> StoredObject | None:
        """Return what is stored, None if nothing is."""
        return self.store.head(self.key)

    def find(self) -> StoredObject:
        """Return what is stored.

        Raises:
            NotStored: Nothing is.
        """
        return self.store.find(self.key)

    def download(self, path: Path) -> StoredObject:
        """Read the object into a file.

        Raises:
            NotStored: There is none.
            Damaged: It is not what was written.
        """
        return self.store.download(self.key, path)

    def read_json(self, kind: type[Model]) -> tuple[Model, StoredObject]:
        """Read a model.

        Raises:
            NotStored: There is none.
            Damaged: What is stored is not such a model.
        """
        content, stored = self.store.get_bytes(self.key)
        try:
            return kind.model_validate_json(content), stored
        except ValidationError as error:
            fault = error.errors()[0]
            raise Damaged(
                f"{stored.uri} is damaged: it is not a {kind.__name__} ({fault['msg']})"
                f"{self.store.remedy(self.key)}",
                uri=stored.uri,
                key=self.key,
            ) from None

    def copy_from(self, stored: StoredObject) -> StoredObject:
        """Copy another object here, on the server; its kind must be that of this key."""
        kind = {".png": PNG, ".mp4": MP4, ".json": JSON}[PurePosixPath(self.key).suffix]
        return self.store.copy(stored, self.key, kind)

    def write_json(self, model: BaseModel) -> StoredObject:
        """Store a model as JSON."""
        return self.store.put_bytes(self.key, json_bytes(model), JSON)

    def write_image(self, path: Path, record: Record | None = None) -> StoredObject:
        """Store a PNG; its record includes a digest of the pixels."""
        record = dict(record or {})
        if "pixels" not in record:
            record["pixels"] = pixel_digest(open_picture(path))
        return self.store.put_file(self.key, path, PNG, record)

    def write_video(self, path: Path, record: Record | None = None) -> StoredObject:
        """Store an MP4 file, streamed. The file must not change afterwards."""
        stored = self.store.put_file(self.key, path, MP4, record)
        if self.store.video_cache is not None:
            self.store.video_cache.keep(path, stored.sha256)
        return stored


def content_version(stored: StoredObject) -> str:
    """Return the version of an object's content: an image's pixels, anything else's bytes."""
    return stored.record.get("pixels") or stored.sha256 or stored.version


def json_bytes(model: BaseModel) -> bytes:
    """Return a model as it is stored: indented, for readability."""
    return model.model_dump_json(indent=2).encode() + b"\n"


def read_video(store: ObjectStore, stored: StoredObject, path: Path) -> None:
    """Copy a clip or film to the file `path`, from the video cache if it is there."""
    if store.video_cache is None or not store.video_cache.copy(stored.sha256, path):
        store.download(stored.key, path)
