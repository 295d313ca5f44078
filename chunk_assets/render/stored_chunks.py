"""What the walk hands over: one object of one chunk that is now on S3."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from PIL import Image

from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage import keys
from chunk_assets.storage.objects import content_version
from chunk_assets.storage.store import StoredObject

STAGES: dict[str, Callable[[str, int], str]] = {
    "chunk_specs": keys.chunk_spec,
    "composites": keys.composite,
    "chunk_videos": keys.chunk_video,
    "last_frames": keys.last_frame,
}
"""The four assets of a chunk in the order in which they are made, and the key of each."""


@dataclass(frozen=True)
class ChunkObject:
    """One object of one chunk, on S3 by the time anyone sees this.

    Attributes:
        stage: Which of `STAGES`.
        spec: The chunk.
        stored: The object.
        inputs: The version of each asset it was made from; None where there was nothing to use.
        pictures: Gives what a person sees of it, fetched only when asked for: one picture, or some
            of a moving one, evenly apart.
        is_kept: Whether it was there before and stays.
        details: What else its maker said about it.
    """

    stage: str
    spec: ChunkSpec
    stored: StoredObject
    inputs: Mapping[str, str | None]
    pictures: Callable[[], Sequence[Image.Image]]
    is_kept: bool = False
    details: Mapping[str, str | int | float] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """Its data version: a digest of its content."""
        return content_version(self.stored)
