"""The config of a run that renders, as people see it in Dagit's launchpad."""

from typing import Any, Literal

import dagster as dg
from pydantic import Field, ValidationInfo, field_validator

from chunk_assets.errors import SpecError
from chunk_assets.film.fingerprints import Weights
from chunk_assets.generation.registry import DEFAULT_GENERATOR
from chunk_assets.media.compositing import ANIMATIC_WEIGHT, STYLE_WEIGHT, TEMPORAL_WEIGHT
from chunk_assets.render.scenes import MAX_PARALLEL_CHUNKS, MAX_PARALLEL_SCENES
from chunk_assets.schemas import Continuity
from chunk_assets.usd import checked_usd

MOST_PARALLEL_SCENES = 64
"""Each scene takes a thread and holds a clip in memory."""


MOST_TAKES = 8
"""Takes of a chunk that are rendered side by side: each is a clip in memory and its price."""


class ChunkConfig(dg.Config):
    """The options of a run that renders."""

    generator: str = Field(
        default=DEFAULT_GENERATOR,
        description="The generator of the clips. 'preview' and 'comfyui' are free, 'replicate' "
        "costs money.",
    )
    model: str | None = Field(
        default=None,
        description="The hosted model; by default the manifest's. It must make clips as long as "
        "the film's chunks, which are planned for the manifest's model.",
    )
    continuity: Literal["manifest", "film", "scene", "keyframes"] = Field(
        default="manifest",
        description="What chunks start from. 'film' and 'scene': the last frame of the chunk "
        "before, through the whole film or to the end of each scene, whose first chunk is then "
        "made from animatic and style guide. 'keyframes': their own pictures, on which the chunks "
        "before them end. 'manifest' uses the manifest's setting.",
    )
    max_parallel_scenes: int | None = Field(
        default=None,
        description="How many scenes, or with 'keyframes' chunks, are rendered concurrently; by "
        f"default {MAX_PARALLEL_SCENES} scenes, or {MAX_PARALLEL_CHUNKS} chunks of a hosted model.",
    )
    max_cost_usd: float | None = Field(
        default=None,
        description="The most that the film may cost in all, in US dollars; by default the "
        "manifest's limit.",
    )
    reuse: Literal["this_run", "matching"] = Field(
        default="this_run",
        description=(
            "Which stored clips are kept: 'this_run' renders a new take of every selected chunk "
            "(a retry keeps the takes of the run it retries); 'matching' keeps every clip that is "
            "up to date."
        ),
    )
    takes: int = Field(
        default=1,
        description="How many new takes of each selected chunk to render side by side, with "
        "different seeds. The first whose checks pass is chosen, and the others are kept. Each "
        "costs its price.",
    )
    take: int | None = Field(
        default=None,
        description="A stored take to choose for the selected chunk, instead of rendering one; "
        "select chunk_videos and last_frames (the job choose_take does).",
    )
    accept: bool = Field(
        default=False,
        description="Accept the clips of the selected chunks as they are, although what they are "
        "made from has changed; nothing is rendered.",
    )
    by: str = Field(
        default="Dagit",
        description="Who chooses or accepts, for the record.",
    )
    seed: int | None = Field(
        default=None,
        description="A seed for the whole film; by default each take has its own.",
    )
    animatic_weight: float = Field(
        default=ANIMATIC_WEIGHT,
        description="The animatic's share of the composite of chunk 0.",
    )
    style_weight: float = Field(
        default=STYLE_WEIGHT,
        description="The style guide's share of the composite of chunk 0.",
    )
    temporal_weight: float = Field(
        default=TEMPORAL_WEIGHT,
        description="The previous last frame's share of the composite of chunk 1 and later.",
    )

    @field_validator("max_cost_usd", mode="before")
    @classmethod
    def _is_an_amount(cls, value: Any) -> float | None:
        # Before pydantic, which would convert `true` to 1.0.
        return None if value is None else checked_usd(value, "max_cost_usd")

    @field_validator("max_parallel_scenes")
    @classmethod
    def _is_a_few(cls, value: int | None) -> int | None:
        if value is not None and not 1 <= value <= MOST_PARALLEL_SCENES:
            raise SpecError(f"max_parallel_scenes is {value}: expected 1 to {MOST_PARALLEL_SCENES}")
        return value

    @field_validator("takes")
    @classmethod
    def _is_a_number_of_takes(cls, value: int) -> int:
        if not 1 <= value <= MOST_TAKES:
            raise SpecError(f"takes is {value}: expected 1 to {MOST_TAKES}")
        return value

    @field_validator("seed")
    @classmethod
    def _fits_takes(cls, value: int | None, given: ValidationInfo) -> int | None:
        if value is not None and given.data.get("takes", 1) > 1:
            raise SpecError(
                f"seed is {value}, so all takes would be the same: set only one of seed and takes"
            )
        return value

    @field_validator("animatic_weight", "style_weight", "temporal_weight", mode="before")
    @classmethod
    def _is_a_share(cls, value: Any, field: ValidationInfo) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= value <= 1:
            raise SpecError(f"{field.field_name} is {value!r}: expected 0 to 1")
        return float(value)

    @property
    def chosen_continuity(self) -> Continuity | None:
        """The continuity that replaces the manifest's, if any."""
        return None if self.continuity == "manifest" else self.continuity

    @property
    def weights(self) -> Weights:
        """The weights of the composites."""
        return Weights(self.animatic_weight, self.style_weight, self.temporal_weight)
