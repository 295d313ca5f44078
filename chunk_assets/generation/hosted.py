"""One hosted model: its inputs, lengths, sizes and price."""

from fractions import Fraction

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator

from chunk_assets.errors import SpecError
from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.abilities import Abilities
from chunk_assets.generation.lengths import AnyLength, ClipLength, InputName
from chunk_assets.generation.model_inputs import (
    Camera,
    Media,
    Output,
    PictureLimits,
    References,
    Scalar,
    Sound,
    SoundSwitch,
)
from chunk_assets.generation.prices import Price
from chunk_assets.generation.sizes import AnySize, ModelSize, Size

LEAST_KEPT = 0.72
"""The least share of a picture that may remain after it is cropped to the proportions of a model:
2.39:1 keeps 0.74 on 16:9. A square film would keep 0.56, so such a model is refused."""


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
        references: Input of reference pictures.
        sound: Whether its clips have sound; where it is a choice, it is turned off.
        camera: Input of the camera's movement.
        picture: What it accepts as a picture.
        prompt_characters: The longest prompt; None for no known limit.
        length: The lengths of its clips.
        size: The sizes of its clips.
        inputs: Further inputs that are always sent, with their values.
        output: The form of a prediction's output.
        content_credentials: Whether its clips are signed (C2PA); None if unknown.
        alternatives: Short names of models to name if this one cannot be had.
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
    references: References | None = None
    sound: Sound = "never"
    camera: Camera | None = None
    picture: PictureLimits = PictureLimits()
    prompt_characters: StrictInt | None = Field(default=None, ge=50)
    length: AnyLength
    size: AnySize
    inputs: dict[InputName, Scalar | list[Scalar]] = Field(default_factory=dict)
    output: Output = "one"
    content_credentials: StrictBool | None = None
    alternatives: tuple[str, ...] = ()
    price: Price

    @model_validator(mode="after")
    def _check(self) -> "HostedModel":
        used = [name for name in [*self._named_inputs(), *self.inputs] if name is not None]
        if twice := sorted({name for name in used if used.count(name) > 1}):
            raise ValueError(f"the input {twice[0]!r} has two meanings")
        priced, known = self.price.resolutions, set(self.size.resolutions)
        if priced and priced != known:
            raise ValueError(
                f"price.usd is for the resolutions {sorted(priced)}, and size has {sorted(known)}"
            )
        return self

    def _named_inputs(self) -> list[str | None]:
        """Return the names of all inputs that have a meaning of their own."""
        shortest = self.length.shortest(FrameRate(24))
        sized = self.size.chosen((1024, 576), shortest.seconds)
        named = [self.prompt, self.negative_prompt, self.seed, self.media.parameter, self.end_image]
        switch = self.sound if isinstance(self.sound, SoundSwitch) else None
        named += [one.parameter for one in (self.references, switch, self.camera) if one]
        return [*named, *shortest.inputs, *sized.inputs]

    @property
    def abilities(self) -> Abilities:
        """What it can do with a request."""
        references = self.references
        is_choice = isinstance(self.sound, SoundSwitch)
        return Abilities(
            end_image=self.end_image is not None,
            references=references.maximum if references and references.with_picture else 0,
            sound="choice" if is_choice else "never" if self.sound == "never" else "always",
            seeds=self.seed is not None,
            native_fps=self.native_fps,
        )

    @property
    def instead(self) -> str:
        """What to do if it cannot be had, in words."""
        named = " or ".join(self.alternatives)
        such = f", such as {named}" if named else "; 'chunk-assets models' lists them"
        return f"choose another model with --model, or in the manifest{such}"

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
        """Return the size to request for a clip of `size` (width, height).

        Raises:
            SpecError: The model makes no clip of such proportions, or accepts no such picture.
        """
        chosen = self.size.chosen(size, length.seconds)
        kept = min(Fraction(*size), Fraction(*chosen.picture)) / max(
            Fraction(*size), Fraction(*chosen.picture)
        )
        if self.size.aspects and kept < LEAST_KEPT:
            made = ", ".join(map(_proportions, self.size.aspects))
            raise SpecError(
                f"{self.name} makes clips of the proportions {made} only, and a film of "
                f"{size[0]}x{size[1]} would lose {round(100 * (1 - kept))} % of each picture: "
                "choose another resolution or model",
                model=self.name,
            )
        limit, longest = self.picture.maximum_aspect, max(chosen.picture) / min(chosen.picture)
        if limit is not None and longest > limit:
            raise SpecError(
                f"{self.name} accepts pictures of at most {limit:g}:1, and the film's are "
                f"{longest:.3g}:1 ({size[0]}x{size[1]}): choose another resolution or model",
                model=self.name,
            )
        return chosen

    def price_usd(self, length: ClipLength, size: Size) -> float:
        """Return the price of a clip in US dollars, whether or not all of it is used.

        Raises:
            SpecError: As `frame_size`.
        """
        usd = self.price.figure(self.frame_size(length, size).resolution)
        if self.price.unit == "second":
            rate = self.price.billed_fps or length.model_fps
            usd *= float(rate.seconds(length.frames))
        return round(usd, 6)


def _proportions(proportions: Fraction) -> str:
    near = proportions.limit_denominator(21)
    return f"{near.numerator}:{near.denominator}"
