"""One hosted model: its inputs, lengths, sizes and price."""

from datetime import date
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    model_validator,
)

from chunk_assets.errors import SpecError
from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.lengths import AnyLength, ClipLength, InputName, Rate
from chunk_assets.generation.sizes import AnySize, ModelSize, Size
from chunk_assets.usd import StrictUsd

Usd = Annotated[StrictUsd, Field(le=1000)]
Scalar = StrictBool | StrictInt | StrictFloat | StrictStr


class Price(BaseModel):
    """The price of a clip in US dollars.

    Attributes:
        unit: Whether `usd` is per clip or per second.
        usd: One figure, or one per resolution of the model.
        billed_fps: The frame rate by which seconds are billed; None for the clip's own.
        is_estimate: Whether the figure comes from neither a price list nor a bill.
        source: The figure's source.
        date: When the source was read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: Literal["clip", "second"]
    usd: Usd | dict[str, Usd]
    billed_fps: Rate | None = None
    is_estimate: StrictBool = False
    source: str = Field(min_length=1)
    date: date

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest `usd`."""
        figures = self.usd.values() if isinstance(self.usd, dict) else [self.usd]
        return min(figures), max(figures)


class Media(BaseModel):
    """How the conditioning image is passed: as an image, or as a clip that holds it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameter: InputName
    kind: Literal["image", "video"]


class HostedModel(BaseModel):
    """One model on Replicate. Inputs are given by their names; None if the model has no such input.

    Attributes:
        name: The short name that users type.
        replicate: Its name on Replicate, `owner/name`.
        is_official: Whether Replicate itself maintains it; others are requested by version.
        version: The version's id; None for the latest.
        prompt: Input of the prompt.
        negative_prompt: Input of the negative prompt.
        seed: Input of the seed.
        media: Input of the conditioning image.
        end_image: Input of a picture to end with.
        length: The lengths of its clips.
        size: The sizes of its clips.
        inputs: Further inputs that are always sent, with their values.
        output: Whether a prediction returns one file or a list.
        price: The price of a clip.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    replicate: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$")
    is_official: StrictBool
    version: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    prompt: InputName = "prompt"
    negative_prompt: InputName | None = None
    seed: InputName | None = None
    media: Media
    end_image: InputName | None = None
    length: AnyLength
    size: AnySize
    inputs: dict[InputName, Scalar] = Field(default_factory=dict)
    output: Literal["one", "list"] = "one"
    price: Price

    @model_validator(mode="after")
    def _check(self) -> "HostedModel":
        shortest = self.length.shortest(FrameRate(24))
        names = [self.prompt, self.negative_prompt, self.seed, self.media.parameter, self.end_image]
        names += [*shortest.inputs, *self.size.chosen((1024, 576), shortest.seconds).inputs]
        used = [name for name in [*names, *self.inputs] if name is not None]
        if twice := sorted({name for name in used if used.count(name) > 1}):
            raise ValueError(f"the input {twice[0]!r} has two meanings")
        if isinstance(self.price.usd, dict) and set(self.price.usd) != set(self.size.resolutions):
            priced, known = sorted(self.price.usd), sorted(self.size.resolutions)
            raise ValueError(f"price.usd is for the resolutions {priced}, and size has {known}")
        return self

    @property
    def native_fps(self) -> FrameRate | None:
        """The frame rate at which its motion has its right speed; None for any rate."""
        return self.length.native_rate

    def clip_length(self, num_frames: int, fps: FrameRate) -> ClipLength:
        """Return the shortest clip that covers `num_frames` at `fps`.

        Raises:
            SpecError: The model makes no clip that long.
        """
        if num_frames < 1:
            raise SpecError(f"a clip of {num_frames!r} frames at {fps} fps cannot be requested")
        length = self.length.covering(num_frames, fps)
        if length is None:
            seconds, longest = float(fps.seconds(num_frames)), self.longest_seconds(fps)
            raise SpecError(
                f"{self.name} makes no clip of {seconds:g} s ({num_frames} frames at "
                f"{fps} fps): {longest:g} s is the longest it makes, choose a shorter slot",
                model=self.name,
                measured=seconds,
                allowed=longest,
            )
        return length

    def shortest_seconds(self, fps: FrameRate) -> float:
        """Return the length of its shortest clip, for a film at `fps`."""
        return float(self.length.shortest(fps).seconds)

    def longest_seconds(self, fps: FrameRate) -> float:
        """Return the length of its longest clip, for a film at `fps`."""
        return float(self.length.longest(fps).seconds)

    def slot_frames(self, fps: FrameRate, overlap_frames: int, wanted_frames: int) -> int:
        """Return how many frames of the film one chunk should fill.

        That is the wanted number, if the model can make a clip of that length plus the overlap.
        Otherwise it is the model's shortest or longest clip without the overlap, in whole frames
        of the film, so that no paid frame is discarded.
        """
        shortest = self.length.shortest(fps).film_frames(fps)
        longest = self.length.longest(fps).film_frames(fps)
        return min(max(wanted_frames, shortest - overlap_frames), longest - overlap_frames)

    def slot_seconds(self, fps: FrameRate, overlap_seconds: float, wanted: float = 2.0) -> float:
        """`slot_frames` in seconds, from which `planning.plan_slots` comes to the same frames."""
        wanted_frames = fps.frames_in(wanted)
        frames = self.slot_frames(fps, fps.frames_in(overlap_seconds), wanted_frames)
        return wanted if frames == wanted_frames else float(fps.seconds(frames))

    def frame_size(self, length: ClipLength, size: Size) -> ModelSize:
        """Return the size to request for a clip of `size` (width, height)."""
        return self.size.chosen(size, length.seconds)

    def price_usd(self, length: ClipLength, size: Size) -> float:
        """Return the price of a clip in US dollars, whether or not all of it is used."""
        usd = self.price.usd
        if isinstance(usd, dict):
            usd = usd[self.frame_size(length, size).resolution or ""]
        if self.price.unit == "second":
            rate = self.price.billed_fps or length.model_fps
            usd *= float(rate.seconds(length.frames))
        return round(usd, 6)
