"""The lengths of a hosted model's clips, and the inputs that request them.

A length is a whole number of the model's own frames, and its seconds an exact fraction, so that
no clip is too short by a rounding error, whatever the film's rate.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StrictInt, model_validator

from chunk_assets.frame_rate import FrameRate

Frames = Annotated[StrictInt, Field(ge=1, le=100_000)]
Rate = Annotated[FrameRate, Field(strict=True, le=240)]
InputName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


@dataclass(frozen=True)
class ClipLength:
    """One length that a model can make.

    Attributes:
        inputs: The inputs that request it.
        frames: The number of frames.
        model_fps: Their rate: the model's native rate if it has one.
    """

    inputs: dict[str, Any]
    frames: int
    model_fps: FrameRate

    @property
    def seconds(self) -> Fraction:
        """The clip's length."""
        return self.model_fps.seconds(self.frames)

    def film_frames(self, fps: FrameRate) -> int:
        """Return how many whole frames of a film at `fps` it covers."""
        return int(self.seconds * fps)


class Length(BaseModel, ABC):
    """A model's rule for lengths."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    @abstractmethod
    def native_rate(self) -> FrameRate | None:
        """The frame rate at which the model's motion has its right speed; None for any rate."""

    @abstractmethod
    def shortest(self, fps: FrameRate) -> ClipLength:
        """Return the shortest clip for a film at `fps`."""

    @abstractmethod
    def longest(self, fps: FrameRate) -> ClipLength:
        """Return the longest clip for a film at `fps`."""

    @abstractmethod
    def covering(self, num_frames: int, fps: FrameRate) -> ClipLength | None:
        """Return the shortest clip that covers `num_frames` at `fps`; None if all are too short."""

    @abstractmethod
    def label(self, fps: FrameRate) -> str:
        """Return the lengths in seconds, for a film at `fps`, in a few characters."""


class RangeLength(Length):
    """Any number of frames within limits, at a rate that is an input as well.

    The rate is the native one, or the nearest to it within `fps`. For a model without a native
    rate, it is the film's rate if allowed, so that every frame of the clip is one of the film;
    otherwise a divisor or a multiple of the film's rate, or else the nearest.
    """

    kind: Literal["range"]
    parameter: InputName
    frames: tuple[Frames, Frames]
    fps_parameter: InputName
    fps: tuple[Rate, Rate]
    native_fps: Rate | None = None

    @model_validator(mode="after")
    def _check(self) -> "RangeLength":
        for name in ("frames", "fps"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} is [{low}, {high}]: expected [lowest, highest]")
        return self

    @property
    def native_rate(self) -> FrameRate | None:
        """The rate in the model's table."""
        return self.native_fps

    def shortest(self, fps: FrameRate) -> ClipLength:
        """The fewest frames."""
        return self._of(self.frames[0], self._rate(fps))

    def longest(self, fps: FrameRate) -> ClipLength:
        """The most frames."""
        return self._of(self.frames[1], self._rate(fps))

    def covering(self, num_frames: int, fps: FrameRate) -> ClipLength | None:
        """As many frames as needed, but at least the fewest."""
        rate = self._rate(fps)
        frames = max(self.frames[0], ceil(fps.seconds(num_frames) * rate))
        return self._of(frames, rate) if frames <= self.frames[1] else None

    def label(self, fps: FrameRate) -> str:
        """From the shortest to the longest; only the longest if the shortest is one frame."""
        ends = self.shortest(fps), self.longest(fps)
        first, last = (f"{float(length.seconds):.3g}" for length in ends)
        return f"to {last}" if self.frames[0] == 1 else f"{first}-{last}"

    def _of(self, frames: int, rate: FrameRate) -> ClipLength:
        inputs = {self.parameter: frames, self.fps_parameter: int(rate)}
        return ClipLength(inputs, frames, rate)

    def _rate(self, fps: FrameRate) -> FrameRate:
        low, high = self.fps
        if self.native_fps is not None:
            return min(max(low, self.native_fps), high)
        rates = [FrameRate(rate) for rate in range(int(low), int(high) + 1)]
        if fps > high:  # for an even step, half of the highest rate is acceptable, less is not
            return max(
                (rate for rate in rates if 2 * rate >= high and fps % rate == 0), default=high
            )
        return min((rate for rate in rates if rate % fps == 0), default=low)


class _ChosenLength(Length):
    fps: Rate

    @property
    def native_rate(self) -> FrameRate | None:
        """The only rate."""
        return self.fps

    @abstractmethod
    def lengths(self, fps: FrameRate) -> list[ClipLength]:
        """Return all lengths for a film at `fps`, shortest first."""

    def shortest(self, fps: FrameRate) -> ClipLength:
        """The first."""
        return self.lengths(fps)[0]

    def longest(self, fps: FrameRate) -> ClipLength:
        """The last."""
        return self.lengths(fps)[-1]

    def covering(self, num_frames: int, fps: FrameRate) -> ClipLength | None:
        """The first that is long enough."""
        needed = fps.seconds(num_frames)
        return next((length for length in self.lengths(fps) if length.seconds >= needed), None)

    def label(self, fps: FrameRate) -> str:
        """Each, or from the first to the last."""
        shown = [f"{float(length.seconds):.3g}" for length in self.lengths(fps)]
        return ", ".join(shown) if len(shown) < 3 else f"{shown[0]}-{shown[-1]}"


class FramesLength(_ChosenLength):
    """One of several numbers of frames, at the model's own rate."""

    kind: Literal["frames"]
    parameter: InputName
    choices: tuple[Frames, ...] = Field(min_length=1)

    def lengths(self, fps: FrameRate) -> list[ClipLength]:
        """One length per choice."""
        return [
            ClipLength({self.parameter: frames}, frames, self.fps)
            for frames in sorted(self.choices)
        ]


class SecondsLength(_ChosenLength):
    """One of several durations in whole seconds.

    The rate is the model's own. If it can be chosen, it is the film's rate; or the lowest multiple
    of it, so that every film frame is one of the clip's; or else `fps`.
    """

    kind: Literal["seconds"]
    parameter: InputName
    choices: tuple[Annotated[StrictInt, Field(ge=1, le=600)], ...] = Field(min_length=1)
    fps_parameter: InputName | None = None
    fps_choices: tuple[Rate, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "SecondsLength":
        if (self.fps_parameter is None) != (not self.fps_choices):
            raise ValueError("fps_parameter and fps_choices belong together: give both or neither")
        if self.fps_choices and self.fps not in self.fps_choices:
            choices = ", ".join(map(str, self.fps_choices))
            raise ValueError(f"fps is {self.fps}: expected one of fps_choices, {choices}")
        return self

    @property
    def native_rate(self) -> FrameRate | None:
        """The only rate; None if it can be chosen."""
        return None if self.fps_choices else self.fps

    def lengths(self, fps: FrameRate) -> list[ClipLength]:
        """One length per choice."""
        rate = self._rate(fps)
        inputs = {self.fps_parameter: int(rate)} if self.fps_parameter else {}
        return [
            ClipLength({self.parameter: seconds, **inputs}, rate.frames_in(seconds), rate)
            for seconds in sorted(self.choices)
        ]

    def _rate(self, fps: FrameRate) -> FrameRate:
        return min((rate for rate in self.fps_choices if rate % fps == 0), default=self.fps)


class FixedLength(_ChosenLength):
    """Always the same length, without an input."""

    kind: Literal["fixed"]
    seconds: FiniteFloat = Field(gt=0, le=600, strict=True)

    def lengths(self, fps: FrameRate) -> list[ClipLength]:
        """The only length, in whole frames."""
        # From its decimal text: 5.04 s at 25 fps are 126 frames, but slightly fewer in binary.
        return [ClipLength({}, max(1, int(Fraction(str(self.seconds)) * self.fps)), self.fps)]


AnyLength = Annotated[
    RangeLength | FramesLength | SecondsLength | FixedLength, Field(discriminator="kind")
]
