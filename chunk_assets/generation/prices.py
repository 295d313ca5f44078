"""The price of a hosted model's clips."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

from chunk_assets.generation.lengths import Rate
from chunk_assets.usd import StrictUsd

Usd = Annotated[StrictUsd, Field(le=1000)]


LONGEST_SECONDS = 3600.0
"""A metered clip that is longer is a mistake, and its price stands."""


@dataclass(frozen=True)
class Usage:
    """What a provider metered for one clip, by which it is billed.

    Attributes:
        seconds: The length of the clip.
        variants: What it names as resolution, variant or mode, in any order.
        with_sound: Whether the clip has sound.
    """

    seconds: float
    variants: tuple[str, ...] = ()
    with_sound: bool = False


class Price(BaseModel):
    """The price of a clip in US dollars.

    Attributes:
        unit: Whether `usd` is per clip or per second.
        usd: One figure, or one per resolution of the model. For a model whose sound can be turned
            off, the price of a silent clip.
        usd_with_sound: The same for a clip with sound, if that costs more.
        billed_fps: The frame rate by which seconds are billed; None for the clip's own.
        is_estimate: Whether the figure comes from neither a price list nor a bill.
        source: The figure's source.
        date: When the source was read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: Literal["clip", "second"]
    usd: Usd | dict[str, Usd]
    usd_with_sound: Usd | dict[str, Usd] | None = None
    billed_fps: Rate | None = None
    is_estimate: StrictBool = False
    source: str = Field(min_length=1)
    date: date

    @model_validator(mode="after")
    def _check(self) -> "Price":
        if self.usd_with_sound is not None and (
            _resolutions(self.usd) != _resolutions(self.usd_with_sound)
        ):
            raise ValueError("usd_with_sound must be for the same resolutions as usd")
        return self

    @property
    def resolutions(self) -> set[str]:
        """The resolutions that have a figure of their own; empty if there is one for all."""
        return _resolutions(self.usd)

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest `usd`."""
        figures = self.usd.values() if isinstance(self.usd, dict) else [self.usd]
        return min(figures), max(figures)

    def figure(self, resolution: str | None, *, with_sound: bool = False) -> float:
        """Return the figure for a resolution, per `unit`.

        Raises:
            KeyError: There is none for that resolution.
        """
        usd = self.usd
        if with_sound and self.usd_with_sound is not None:
            usd = self.usd_with_sound
        return usd[resolution or ""] if isinstance(usd, dict) else usd

    def settled(self, usage: Usage) -> float | None:
        """Return the price of what was metered; None if that does not decide it."""
        if self.unit != "second" or not 0 < usage.seconds <= LONGEST_SECONDS:
            return None
        named = [name for name in usage.variants if name in self.resolutions]
        if self.resolutions and not named:
            return None
        figure = self.figure(named[0] if named else None, with_sound=usage.with_sound)
        return round(figure * usage.seconds, 6)


def _resolutions(usd: float | dict[str, float]) -> set[str]:
    return set(usd) if isinstance(usd, dict) else set()
