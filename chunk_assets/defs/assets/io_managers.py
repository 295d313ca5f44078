"""The S3 IO managers over `storage.objects`, one for each kind of object.

An asset's key and its partition determine the object's key; nothing is pickled. Partition `03|film`
of `composites` is `chunks/film/composites/chunk_03.png`, partition `film` of `stitched_videos` is
`videos/film/stitched.mp4`.
"""

from abc import abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
from PIL import Image
from pydantic import BaseModel

from chunk_assets.defs.assets.metadata import breakable
from chunk_assets.defs.partitions.definitions import read_chunk_key, shown
from chunk_assets.defs.resources import FilmStore
from chunk_assets.errors import NotStored, StorageError
from chunk_assets.film.objects import FilmObjects
from chunk_assets.media.images import open_picture, save_png
from chunk_assets.render.request import STAGES
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.objects import ObjectRef, read_video
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject

_AT_ONCE = 8
"""Concurrent requests to S3."""


def object_ref(store: ObjectStore, asset: str, partition_key: str) -> ObjectRef:
    """Return the place of one partition's object.

    Raises:
        NotStored: The partition names no chunk.
    """
    if asset in STAGES:
        if (read := read_chunk_key(partition_key)) is None:
            raise NotStored(f"nothing is stored of the partition {shown(partition_key)}")
        video_id, chunk_num = read
        return FilmObjects(store, video_id).stage(asset, chunk_num)
    if asset == "stitched_videos":
        return FilmObjects(store, partition_key).film()
    raise dg.DagsterInvariantViolationError(f"no key is known for the asset {asset!r}")


class S3ObjectIOManager(dg.ConfigurableIOManager):
    """Stores one partition's object; loads one as it is, or several as a dict by partition key.

    A dict leaves out what is not stored: the partition grid is the product of films and chunk
    numbers, and films differ in length.
    """

    films: dg.ResourceDependency[FilmStore]

    @abstractmethod
    def write(self, ref: ObjectRef, value: Any) -> StoredObject:
        """Store an asset's value."""

    @abstractmethod
    def read(self, ref: ObjectRef) -> Any:
        """Return the value for a downstream asset.

        Raises:
            NotStored: Nothing is stored at the key.
        """

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Store one partition's object, and record where it is."""
        asset, partition = context.asset_key.path[-1], context.asset_partition_key
        stored = self.write(object_ref(self.films.store(), asset, partition), obj)
        context.add_output_metadata({"uri": stored.uri, "sha256": breakable(stored.sha256)})

    def load_input(self, context: dg.InputContext) -> Any:
        """Load the upstream partition, or partitions if the mapping leads to several.

        Raises:
            NotStored: One partition was asked for, and is not stored.
        """
        asset, partitions = context.asset_key.path[-1], context.asset_partition_keys
        store = self.films.store()
        if _is_one_for_one(context, partitions):
            return self.read(object_ref(store, asset, partitions[0]))

        def read(partition: str) -> Any:
            with suppress(NotStored):
                return self.read(object_ref(store, asset, partition))

        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="reading") as pool:
            found = zip(partitions, pool.map(read, partitions), strict=True)
            return {partition: value for partition, value in found if value is not None}


def _is_one_for_one(context: dg.InputContext, partitions: Sequence[str]) -> bool:
    """Return whether one partition is meant; a film of one chunk still gets a dict of chunks."""
    if len(partitions) != 1:
        return False
    return not context.has_partition_key or context.partition_key == partitions[0]


class JsonIOManager(S3ObjectIOManager):
    """Chunk specs: a `ChunkSpec` in and out."""

    def write(self, ref: ObjectRef, value: BaseModel) -> StoredObject:
        """Store a model as JSON."""
        return ref.write_json(value)

    def read(self, ref: ObjectRef) -> ChunkSpec:
        """Read a chunk's spec."""
        return ref.read_json(ChunkSpec)[0]


class ImageIOManager(S3ObjectIOManager):
    """Composites and last frames: a Pillow image in and out."""

    def write(self, ref: ObjectRef, value: Image.Image) -> StoredObject:
        """Store a picture as PNG."""
        with TemporaryDirectory() as scratch:
            return ref.write_image(save_png(value, Path(scratch) / "image.png"))

    def read(self, ref: ObjectRef) -> Image.Image:
        """Read a picture."""
        with TemporaryDirectory() as scratch:
            path = Path(scratch) / "image.png"
            ref.download(path)
            return open_picture(path)


@dataclass(frozen=True)
class StoredVideo:
    """A clip or film on S3 for a downstream asset, which fetches it when it needs it."""

    store: ObjectStore
    stored: StoredObject

    def fetch(self, path: Path) -> Path:
        """Stream it into the file `path`.

        Raises:
            StorageError: It cannot be read, or differs from what was stored.
        """
        read_video(self.store, self.stored, path)
        return path


class VideoIOManager(S3ObjectIOManager):
    """Clips and films: a path or a `StoredVideo` in, a `StoredVideo` out."""

    def write(self, ref: ObjectRef, value: Path | StoredVideo) -> StoredObject:
        """Store an MP4 file; a video that is stored already stays as it is.

        Raises:
            StorageError: S3 refuses the file, or the stored video has another key.
        """
        if isinstance(value, StoredVideo):
            if value.stored.key != ref.key:
                raise StorageError(f"{value.stored.uri} is not {ref.uri}")
            return value.stored
        return ref.write_video(value)

    def read(self, ref: ObjectRef) -> StoredVideo:
        """Return a handle on a clip or film."""
        return StoredVideo(ref.store, ref.find())
