"""The data of the product: the animatic a person hands in, the chunks it becomes, the film."""

import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    StrictInt,
    ValidationError,
    model_validator,
)

from chunk_assets.errors import SpecError

MANIFEST = "animatic.json"
"""The manifest's name in an animatic's directory."""

MAX_DURATION = 3600.0
"""Seconds; a film of over an hour is a mistake in the manifest, not an advertisement."""

MAX_MANIFEST_BYTES = 4 << 20

DEFAULT_FPS = 24
DEFAULT_SIZE = (1024, 576)
SIDE_RANGE = (64, 4096)
"""Pixels a side may have: below, codecs and models refuse; above, no model delivers."""

VIDEO_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,63}")


def check_video_id(video_id: str) -> str:
    """Return `video_id` if it can name a film: it becomes part of S3 keys and partition keys.

    Raises:
        SpecError: It holds other characters than letters, digits, `-`, `_` and single dots, does
            not begin with a letter or digit, or has over 64 characters.
    """
    if not isinstance(video_id, str) or not VIDEO_ID.fullmatch(video_id):
        shown = repr(video_id) if len(str(video_id)) <= 80 else f"{str(video_id)[:60]!r}…"
        raise SpecError(
            f"the video id {shown} cannot be used: it must begin with a letter or digit and have "
            "1 to 64 letters, digits, '-', '_' or single dots",
            video_id=video_id,
        )
    return video_id


def _read_size(value: object) -> object:
    if isinstance(value, str):
        parts = value.lower().replace("×", "x").split("x")
        if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
            raise ValueError("a resolution is written like '1024x576'")
        value = [int(part) for part in parts]
    if isinstance(value, list | tuple) and len(value) == 2:
        for side in value:
            low, high = SIDE_RANGE
            if isinstance(side, int) and not (low <= side <= high and side % 2 == 0):
                raise ValueError(f"each side must be an even number of {low} to {high} pixels")
    return value


Size = Annotated[tuple[StrictInt, StrictInt], BeforeValidator(_read_size)]
"""Width and height in pixels; read from `"1024x576"` or `[1024, 576]`."""


def _as_words(value: object) -> object:
    return ", ".join(value) if isinstance(value, list) and _are_words(value) else value


def _are_words(value: list[Any]) -> bool:
    return all(isinstance(item, str) for item in value)


Words = Annotated[str, BeforeValidator(_as_words)]
"""Free text; a list of words is read as the words joined by commas."""


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="allow")


class Product(_Manifest):
    """What the film is about."""

    name: Words = ""
    category: Words = ""


class Style(_Manifest):
    """How the whole film looks."""

    aesthetic: Words = ""
    color_palette: Words = ""
    mood: Words = ""
    lighting: Words = ""


class Beat(_Manifest):
    """A part of the film; `start` and `duration` in seconds.

    With the manifest's `continuity` "scene", `opens_scene` says whether it begins a scene; without
    it, a beat behind a "cut" does.
    """

    name: str = Field(min_length=1)
    start: FiniteFloat | None = None
    duration: FiniteFloat
    shot_type: Words = ""
    action: Words = ""
    prompt_template: str = Field(min_length=1)
    camera_movement: Words | None = None
    opens_scene: bool | None = None


class Transition(_Manifest):
    """How one beat becomes the next; `duration` in seconds, without meaning for a cut."""

    type: Literal["cut", "fade", "dissolve"]
    duration: FiniteFloat = Field(default=0.5, ge=0, le=10)


Continuity = Literal["film", "scene"]
"""How far the chain of last frames reaches: through the whole film, or to the end of each scene."""


class Animatic(_Manifest):
    """The manifest: what an advertising team hands in, beside its pictures.

    Unknown fields are kept. After validation every beat has its `start`, and the beats cover
    `[0, duration)` in order without gap or overlap, to within a frame.
    """

    duration: FiniteFloat = Field(gt=0, le=MAX_DURATION)
    fps: int = Field(default=DEFAULT_FPS, ge=1, le=120)
    resolution: Size = DEFAULT_SIZE
    product: Product = Product()
    style: Style = Style()
    beats: list[Beat]
    transitions: list[Transition] | None = None
    frames: list[str]
    style_guide: str | None = None
    product_reference: str | None = None
    generator: str | None = None
    model: str | None = None
    fallback_model: str | None = None
    max_cost_usd: FiniteFloat | None = Field(default=None, ge=0)
    negative_prompt: str | None = None
    continuity: Continuity = "film"

    @property
    def num_frames(self) -> int:
        """The film's length in frames."""
        return round(self.duration * self.fps)

    @property
    def files(self) -> list[str]:
        """Every picture the manifest names, once each, in order."""
        named = [*self.frames, self.style_guide, self.product_reference]
        return list(dict.fromkeys(name for name in named if name))

    @model_validator(mode="after")
    def _check(self) -> "Animatic":
        if self.num_frames < 1:
            raise ValueError(
                f"the duration {self.duration} s is less than one frame at {self.fps} fps"
            )
        self._check_beats()
        for name in (*self.frames, *self.files):  # `files` leaves out an empty name
            _check_file_name(name)
        if not self.frames:
            raise ValueError("frames is empty: give one picture a beat, or one a chunk")
        if self.transitions is not None and len(self.transitions) != len(self.beats) - 1:
            raise ValueError(
                f"there are {len(self.transitions)} transitions for {len(self.beats)} beats: "
                f"one per beat boundary makes {len(self.beats) - 1}"
            )
        return self

    def _check_beats(self) -> None:
        if not self.beats:
            raise ValueError("beats is empty: a film needs at least one")
        frame = 1 / self.fps
        end, last = 0.0, "the film's start"
        for beat in self.beats:
            if beat.duration <= 0:
                raise ValueError(
                    f"beat {beat.name!r} has the duration {beat.duration} s: it must be above 0"
                )
            beat.start = end if beat.start is None else beat.start
            if abs(beat.start - end) >= frame:
                kind = "overlaps" if beat.start < end else "leaves a gap after"
                raise ValueError(
                    f"beat {beat.name!r} starts at {beat.start:g} s and {kind} {last}, "
                    f"which ends at {end:g} s: beats must follow one another"
                )
            end, last = beat.start + beat.duration, f"beat {beat.name!r}"
        if abs(end - self.duration) >= frame:
            kind = "runs past" if end > self.duration else "ends before"
            raise ValueError(
                f"{last} ends at {end:g} s and so {kind} the film's duration of {self.duration:g} s"
            )
        names = [beat.name for beat in self.beats]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two beats have the name {name!r}: names must differ")


def _check_file_name(name: str) -> None:
    path = PurePosixPath(name)
    unsafe = path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts
    if unsafe or any(not character.isprintable() for character in name) or len(name) > 512:
        raise ValueError(
            f"the file name {name!r} cannot be used: it must name a file inside the animatic's "
            "directory, without '..' and not absolute"
        )


def read_animatic(document: str | bytes | dict[str, Any], where: str = "the manifest") -> Animatic:
    """Validate a manifest, given as JSON text or as the object read from it.

    Raises:
        SpecError: It is not JSON, or a field cannot be used; the sentence names `where`, the
            field, its value and what is allowed.
    """
    try:
        if isinstance(document, dict):
            return Animatic.model_validate(document)
        return Animatic.model_validate_json(document)
    except ValidationError as error:
        raise SpecError(f"{where}: {_first_fault(error)}", where=where) from None


def _first_fault(error: ValidationError) -> str:
    """One sentence for the first of pydantic's errors (the others follow from a new try)."""
    faults = error.errors()
    first = faults[0]
    if first["type"] == "json_invalid":
        return f"this is not JSON ({first['msg'].removeprefix('Invalid JSON: ')})"
    place = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    if not place:
        return message + more
    if first["type"] == "missing":
        return f"{place} is missing{more}"
    given = repr(first["input"])
    given = given if len(given) <= 80 else given[:77] + "…"
    return f"{place} is {given}: {message[:1].lower()}{message[1:]}{more}"


class ChunkSpec(BaseModel):
    """Specification of a single chunk: one slot of the film and what is asked for it.

    Times are seconds for people; frames are what counts. The chunk's clip has `num_frames` frames:
    its lead-in (`overlap_frames`, which play before `start_time` and are cross-faded with the tail
    of the chunk before), then the slot. `*_url` are S3 URIs. A chunk that opens a scene does not
    begin with the last frame of the chunk before.
    """

    video_id: str
    chunk_num: int = Field(ge=0)
    start_time: float
    duration: float
    beat: dict[str, Any]
    animatic_frame_url: str
    style_guide_url: str | None = None
    product_reference_url: str | None = None
    previous_chunk_last_frame: str | None = None
    prompt: str

    fps: int = DEFAULT_FPS
    num_frames: int = 48
    overlap_frames: int = 0
    keyframes: tuple[int, ...] = ()
    size: tuple[int, int] = DEFAULT_SIZE
    camera_movement: str | None = None
    negative_prompt: str | None = None
    model: str | None = None
    seed: int | None = None
    animatic_frame_version: str | None = None
    style_guide_version: str | None = None
    opens_scene: bool = False

    @property
    def begins_anew(self) -> bool:
        """Whether it is made from animatic and style guide, and not from the chunk before."""
        return self.chunk_num == 0 or self.opens_scene

    @property
    def slot_frames(self) -> int:
        """How many frames of the film are this chunk's own."""
        return self.num_frames - self.overlap_frames


class ChunkGenerationOutput(BaseModel):
    """What rendering a film gives: where it is, of which clips it is made, what it cost.

    `total_cost` is in US dollars; `made_from` tells this film from one stitched of other takes.
    """

    stitched_video_url: str
    chunk_urls: list[str]
    total_cost: float
    made_from: str = ""
