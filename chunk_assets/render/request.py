"""A run's request to the walk, and the walk's results: objects that are on S3."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from PIL import Image

from chunk_assets.film.fingerprints import Weights
from chunk_assets.render.files import LocalFile
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.objects import content_version
from chunk_assets.storage.stored import StoredObject

STAGES = ("chunk_specs", "composites", "chunk_videos", "last_frames")
"""The four assets of a chunk in the order in which they are made."""

Reuse = Literal["matching", "this_run"]


@dataclass(frozen=True)
class RenderRequest:
    """A run's request to the walk.

    Attributes:
        stages: Which of the four assets to make; the others are read from S3.
        reuse: Which stored clips to keep. `matching`: those whose inputs have not changed;
            `this_run`: of these, only the ones that `root_run` made, so that all others are new
            takes.
        root_run: This run, or the first of the runs it retries.
        weights: The shares of the composite's pictures.
        takes: How many new takes of each chunk to render side by side.
        take: The stored take to choose for each chunk, instead of rendering; None to render.
        accepts: Whether to accept each chunk's clip, although it was made from other inputs.
        by: Who asks, for the record of choices and acceptances.
    """

    stages: frozenset[str] = frozenset(STAGES)
    reuse: Reuse = "matching"
    root_run: str = ""
    weights: Weights = field(default_factory=Weights)
    takes: int = 1
    take: int | None = None
    accepts: bool = False
    by: str = ""

    @property
    def renders(self) -> bool:
        """Whether clips may be rendered, not only chosen or accepted."""
        return self.take is None and not self.accepts


@dataclass(frozen=True)
class ChunkObject:
    """One object of one chunk, already stored on S3.

    Attributes:
        stage: Which of `STAGES`.
        spec: The chunk.
        stored: The object.
        inputs: The version of each asset it was made from; None where there was nothing to use,
            empty where it is not known.
        file: The file that its preview is made from: its content, or a spec's animatic picture.
        pictures: Its preview, if it is in memory; see `previews.load_pictures`.
        moving: A clip's moving preview, a WebP; empty if it is not in memory.
        take_key: The key of the take's own copy of a clip or last frame, which stays when another
            take is chosen; empty if there is none.
        is_kept: Whether it was stored before and is kept.
        details: Further details from the generator.
    """

    stage: str
    spec: ChunkSpec
    stored: StoredObject
    inputs: Mapping[str, str | None]
    file: LocalFile
    pictures: Sequence[Image.Image] = ()
    moving: bytes = b""
    take_key: str = ""
    is_kept: bool = False
    details: Mapping[str, str | int | float] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """Its data version: a digest of its content."""
        return content_version(self.stored)
