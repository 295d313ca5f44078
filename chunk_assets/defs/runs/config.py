"""What a person chooses in the launchpad before a run renders."""

from typing import Any, Literal

import dagster as dg
from pydantic import Field, ValidationInfo, field_validator

from chunk_assets.errors import SpecError
from chunk_assets.film.fingerprints import Weights
from chunk_assets.generation.registry import DEFAULT_GENERATOR
from chunk_assets.media.compositing import ANIMATIC_WEIGHT, STYLE_WEIGHT, TEMPORAL_WEIGHT
from chunk_assets.render.scenes import MAX_PARALLEL_SCENES
from chunk_assets.schemas import Continuity
from chunk_assets.usd import checked_usd

MOST_PARALLEL_SCENES = 64
"""Each is a thread with a clip in memory."""


class ChunkConfig(dg.Config):
    """What one run renders with."""

    generator: str = Field(
        default=DEFAULT_GENERATOR,
        description="The generator of the clips. 'preview' costs nothing, 'replicate' costs money.",
    )
    model: str | None = Field(
        default=None,
        description="The hosted model; the manifest's without it. It must make clips as long as "
        "the film's chunks, which are planned for the manifest's.",
    )
    continuity: Literal["manifest", "film", "scene"] = Field(
        default="manifest",
        description="How far the chain of last frames reaches: through the 'film', to the end of "
        "each 'scene', whose first chunk is then made from animatic and style guide, or as the "
        "'manifest' says.",
    )
    max_parallel_scenes: int = Field(
        default=MAX_PARALLEL_SCENES,
        description="How many scenes are rendered at a time, with the continuity 'scene'.",
    )
    max_cost_usd: float | None = Field(
        default=None,
        description="What the film may cost in all, US dollars; the manifest's limit without it.",
    )
    reuse: Literal["this_run", "matching"] = Field(
        default="this_run",
        description=(
            "Which stored clips stay: 'this_run' makes a new take of every selected chunk (a "
            "retry keeps what the run before it made); 'matching' keeps every clip that was made "
            "from what it would be made from now."
        ),
    )
    seed: int | None = Field(
        default=None,
        description="A seed for the whole film; without it each chunk and take has its own.",
    )
    animatic_weight: float = Field(
        default=ANIMATIC_WEIGHT,
        description="Chunk 0: the animatic's share of the composite.",
    )
    style_weight: float = Field(
        default=STYLE_WEIGHT,
        description="Chunk 0: the style guide's share of the composite.",
    )
    temporal_weight: float = Field(
        default=TEMPORAL_WEIGHT,
        description="Chunks 1 and later: the share of the last frame of the chunk before.",
    )

    @field_validator("max_cost_usd", mode="before")
    @classmethod
    def _is_an_amount(cls, value: Any) -> float | None:
        # Before pydantic, which takes `true` for 1.0.
        return None if value is None else checked_usd(value, "max_cost_usd")

    @field_validator("max_parallel_scenes")
    @classmethod
    def _is_a_few(cls, value: int) -> int:
        if not 1 <= value <= MOST_PARALLEL_SCENES:
            raise SpecError(
                f"max_parallel_scenes is {value}: allowed are 1 to {MOST_PARALLEL_SCENES}"
            )
        return value

    @field_validator("animatic_weight", "style_weight", "temporal_weight", mode="before")
    @classmethod
    def _is_a_share(cls, value: Any, field: ValidationInfo) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= value <= 1:
            raise SpecError(f"{field.field_name} is {value!r}: allowed are 0 to 1")
        return float(value)

    @property
    def chosen_continuity(self) -> Continuity | None:
        """What takes the place of the manifest's."""
        return None if self.continuity == "manifest" else self.continuity

    @property
    def weights(self) -> Weights:
        """The composite's weights."""
        return Weights(self.animatic_weight, self.style_weight, self.temporal_weight)
