"""The frame sizes of a hosted model's clips, and the inputs that request them.

A clip of another size than the film's is later scaled and cropped to cover it.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from math import log, sqrt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StrictInt, model_validator

from chunk_assets.generation.lengths import InputName

Size = tuple[int, int]

NEAR_ENOUGH = 0.9
"""A resolution also serves a film whose sides are up to a ninth longer: 1248×704 counts as 720p,
because the next resolution costs twice as much."""

Side = Annotated[StrictInt, Field(ge=16, le=8192)]


@dataclass(frozen=True)
class ModelSize:
    """The size to request for one clip.

    Attributes:
        inputs: The inputs that request it.
        picture: Width and height of the conditioning image.
        resolution: The model's name for it, if it has names; the price may depend on it.
    """

    inputs: dict[str, Any]
    picture: Size
    resolution: str | None = None


class SizeRule(BaseModel, ABC):
    """A model's rule for frame sizes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @abstractmethod
    def chosen(self, size: Size, seconds: Fraction) -> ModelSize:
        """Return the size to request for a clip of `seconds` and `size` (width, height)."""

    @property
    def resolutions(self) -> tuple[str, ...]:
        """The names of the resolutions, smallest first; empty if the model has no names."""
        return ()

    @property
    def aspects(self) -> tuple[Fraction, ...]:
        """The proportions (width / height) that it makes; empty for the picture's own."""
        return ()

    @property
    @abstractmethod
    def label(self) -> str:
        """The sizes in a few words."""


class PixelsSize(SizeRule):
    """Width and height in pixels; sizes that are too large for the model are reduced."""

    kind: Literal["pixels"]
    width: InputName
    height: InputName
    multiple: StrictInt = Field(ge=2, le=256, multiple_of=2)
    minimum: Side
    maximum_pixels: StrictInt = Field(ge=256)

    @model_validator(mode="after")
    def _check(self) -> "PixelsSize":
        if self.minimum % self.multiple:
            raise ValueError(f"minimum is {self.minimum}: expected a multiple of {self.multiple}")
        if self.minimum**2 > self.maximum_pixels:
            raise ValueError(f"maximum_pixels is less than {self.minimum} by {self.minimum}")
        return self

    def chosen(self, size: Size, seconds: Fraction) -> ModelSize:
        """The size itself, or the nearest allowed size of the same proportions."""
        scale = min(1.0, sqrt(self.maximum_pixels / (size[0] * size[1])))
        scale = max(scale, self.minimum / min(size))
        short, long = sorted(size)
        short = self._rounded(short * scale, self.maximum_pixels / self.minimum)
        long = self._rounded(long * scale, self.maximum_pixels / short)
        width, height = (long, short) if size[0] >= size[1] else (short, long)
        return ModelSize({self.width: width, self.height: height}, (width, height))

    def _rounded(self, side: float, most: float) -> int:
        nearest = round(side / self.multiple)
        return max(self.minimum, min(nearest, int(most / self.multiple)) * self.multiple)

    @property
    def label(self) -> str:
        """The largest size in 16:9."""
        short = sqrt(self.maximum_pixels * 9 / 16)
        return f"to {round(short * 16 / 9)}x{round(short)}"


class Named(BaseModel):
    """A named value of the size input, and its size in pixels.

    `longest_seconds` is the longest clip in that size; None for no limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    size: tuple[Side, Side]
    longest_seconds: FiniteFloat | None = Field(default=None, gt=0, le=600, strict=True)

    @property
    def area(self) -> int:
        """Pixels."""
        return self.size[0] * self.size[1]


class Aspects(BaseModel):
    """An input for the clip's proportions, such as "16:9"."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameter: InputName
    choices: tuple[Annotated[str, Field(pattern=r"^[1-9]\d{0,3}:[1-9]\d{0,3}$")], ...] = Field(
        min_length=1
    )

    def chosen(self, size: Size) -> ModelSize:
        """Return the nearest proportions to those of `size`, and the picture cropped to them."""
        name = min(self.choices, key=lambda name: _distance(_proportions(name), size))
        return ModelSize({self.parameter: name}, _cropped(size, _proportions(name)))


class ResolutionSize(SizeRule):
    """One of several resolutions; the clip has the picture's proportions, or one of `aspect`.

    Of those that allow the clip's length, the smallest that covers the film's area (within
    `NEAR_ENOUGH`), or the largest.
    """

    kind: Literal["resolution"]
    parameter: InputName
    options: tuple[Named, ...] = Field(min_length=1)
    aspect: Aspects | None = None

    @model_validator(mode="after")
    def _check(self) -> "ResolutionSize":
        if all(option.longest_seconds for option in self.options):
            raise ValueError("every option has longest_seconds: at least one must have none")
        return self

    def chosen(self, size: Size, seconds: Fraction) -> ModelSize:
        """The resolution, and the picture unchanged, or cropped to the nearest proportions."""
        options = sorted(self.options, key=lambda option: option.area)
        able = [o for o in options if seconds <= (o.longest_seconds or seconds)]
        needed = NEAR_ENOUGH**2 * size[0] * size[1]
        option = next((option for option in able if option.area >= needed), able[-1])
        named = {self.parameter: option.name}
        if self.aspect is None:
            return ModelSize(named, size, option.name)
        shaped = self.aspect.chosen(size)
        return ModelSize({**named, **shaped.inputs}, shaped.picture, option.name)

    @property
    def aspects(self) -> tuple[Fraction, ...]:
        """Those of `aspect`."""
        return tuple(map(_proportions, self.aspect.choices)) if self.aspect else ()

    @property
    def resolutions(self) -> tuple[str, ...]:
        """The options' names."""
        return tuple(o.name for o in sorted(self.options, key=lambda option: option.area))

    @property
    def label(self) -> str:
        """The names, or the shorter sides where a name has no number, such as "pro"."""
        options = sorted(self.options, key=lambda option: option.area)
        names = [o.name if any(map(str.isdigit, o.name)) else f"{min(o.size)}p" for o in options]
        return ", ".join(names) if len(names) < 3 else f"{names[0]}-{names[-1]}"


class AspectSize(SizeRule):
    """One of several sizes with different proportions; the picture is fitted to it."""

    kind: Literal["aspect"]
    parameter: InputName
    options: tuple[Named, ...] = Field(min_length=1)

    def chosen(self, size: Size, seconds: Fraction) -> ModelSize:
        """The size with the nearest proportions."""
        option = min(self.options, key=lambda option: _distance(Fraction(*option.size), size))
        return ModelSize({self.parameter: option.name}, option.size)

    @property
    def aspects(self) -> tuple[Fraction, ...]:
        """Those of the options."""
        return tuple(Fraction(*option.size) for option in self.options)

    @property
    def label(self) -> str:
        """The first of them."""
        return f"{self.options[0].size[0]}x{self.options[0].size[1]}"


class TargetSize(SizeRule):
    """A length of the longer side; the clip has the picture's proportions."""

    kind: Literal["target"]
    parameter: InputName
    choices: tuple[Side, ...] = Field(min_length=1)

    def chosen(self, size: Size, seconds: Fraction) -> ModelSize:
        """The smallest one that covers the longer side, or the largest."""
        fitting = [choice for choice in self.choices if choice >= max(size)]
        target = min(fitting, default=max(self.choices))
        return ModelSize({self.parameter: target}, size)

    @property
    def label(self) -> str:
        """From the smallest to the largest."""
        return f"{min(self.choices)}-{max(self.choices)}"


class ImageSize(SizeRule):
    """No input: the clip has the picture's size."""

    kind: Literal["image"]

    def chosen(self, size: Size, seconds: Fraction) -> ModelSize:
        """The picture unchanged."""
        return ModelSize({}, size)

    @property
    def label(self) -> str:
        """Its name."""
        return "the image's"


AnySize = Annotated[
    PixelsSize | ResolutionSize | AspectSize | TargetSize | ImageSize, Field(discriminator="kind")
]


def _proportions(name: str) -> Fraction:
    width, height = name.split(":")
    return Fraction(int(width), int(height))


def _distance(proportions: Fraction, size: Size) -> float:
    return abs(log(proportions) - log(size[0] / size[1]))


def _cropped(size: Size, proportions: Fraction) -> Size:
    """Return the largest even size of these proportions within `size`."""
    width, height = size
    if Fraction(width, height) > proportions:
        width = round(height * proportions)
    else:
        height = round(width / proportions)
    return width // 2 * 2, height // 2 * 2
