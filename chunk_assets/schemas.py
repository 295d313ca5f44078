"""The data models: the submitted animatic, its chunks, and the film."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    SerializerFunctionWrapHandler,
    StrictInt,
    ValidationError,
    model_serializer,
    model_validator,
)

from chunk_assets.errors import SpecError
from chunk_assets.file_names import check_file_name
from chunk_assets.frame_rate import FrameRate
from chunk_assets.json_text import Unusable, check_values, read_object, shown
from chunk_assets.usd import StrictUsd

MANIFEST = "animatic.json"
"""The manifest's name in an animatic's directory."""

MAX_DURATION = 3600.0
"""In seconds. A longer film is a mistake in the manifest, not an advertisement."""

MAX_MANIFEST_BYTES = 4 << 20

MAX_BEATS = 3600
"""One per second of the longest film, since the shortest slots in use are one or two seconds long.
Also the most pictures: one per beat or one per chunk."""

MAX_FIELDS, MAX_CHARACTERS = 100, 512 << 10
"""Limits of a beat, the product or the style, including your own fields; characters are of JSON.
Every chunk's spec has a copy of its beat, and its prompt may use any field."""

DEFAULT_FPS = FrameRate(24)
DEFAULT_SIZE = (1024, 576)
SIDE_RANGE = (64, 4096)
"""Pixels per side. Codecs and models refuse less; no model delivers more."""

VIDEO_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,63}")


def check_video_id(video_id: str) -> str:
    """Return `video_id` if it can name a film. It becomes part of S3 keys and partition keys.

    Raises:
        SpecError: It has characters other than letters, digits, `-`, `_` and single dots, does
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
            raise ValueError("write a resolution like '1024x576'")
        value = [int(part) for part in parts]
    if isinstance(value, list | tuple) and len(value) == 2:
        for side in value:
            low, high = SIDE_RANGE
            if isinstance(side, int) and not (low <= side <= high and side % 2 == 0):
                raise ValueError(f"each side must be an even number of {low} to {high} pixels")
    return value


Size = Annotated[tuple[StrictInt, StrictInt], BeforeValidator(_read_size)]
"""Width and height in pixels, read from `"1024x576"` or `[1024, 576]`."""


def _as_words(value: object) -> object:
    return ", ".join(value) if isinstance(value, list) and _are_words(value) else value


def _are_words(value: list[Any]) -> bool:
    return all(isinstance(item, str) for item in value)


Words = Annotated[str, BeforeValidator(_as_words)]
"""Free text, or a list of words, which are joined by commas."""


def _is_number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("it must be a number, not true or false")
    return value


Number = Annotated[FiniteFloat, BeforeValidator(_is_number)]


class _Manifest(BaseModel):
    """Part of the manifest. Unknown fields are kept; optional ones may be null."""

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="before")
    @classmethod
    def _without_null(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        optional = {name for name, field in cls.model_fields.items() if not field.is_required()}
        return {name: v for name, v in value.items() if v is not None or name not in optional}


class _Described(_Manifest):
    """A part of the manifest that prompts use."""

    @model_validator(mode="before")
    @classmethod
    def _check_extent(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            if len(value) > MAX_FIELDS:
                raise ValueError(f"it has {len(value)} fields; the limit is {MAX_FIELDS}")
            size = len(json.dumps(dict(value), default=str, skipkeys=True, ensure_ascii=False))
            if size > MAX_CHARACTERS:
                raise ValueError(
                    f"it has {size} characters; the limit is {MAX_CHARACTERS}, including your own "
                    "fields"
                )
        return value


class Product(_Described):
    """The advertised product."""

    name: Words = ""
    category: Words = ""


class Style(_Described):
    """The look of the whole film."""

    aesthetic: Words = ""
    color_palette: Words = ""
    mood: Words = ""
    lighting: Words = ""


class Beat(_Described):
    """A part of the film; `start` and `duration` are in seconds.

    If the manifest's `continuity` is not "film", `opens_scene` states whether the beat begins a
    scene. By default a beat that follows a "cut" does.

    `starts_from` states whether the beat starts from its own picture or continues from the last
    frame before. By default it starts from its picture if the `continuity` is "keyframes".
    """

    name: str = Field(min_length=1, max_length=200)
    start: Number | None = None
    duration: Number
    shot_type: Words = ""
    action: Words = ""
    prompt_template: str = Field(min_length=1)
    camera_movement: Words | None = None
    opens_scene: bool | None = None
    starts_from: Literal["picture", "last_frame"] | None = None


class Transition(_Manifest):
    """The change from one beat to the next; `duration` is in seconds, and ignored for a cut."""

    type: Literal["cut", "fade", "dissolve"]
    duration: Number = Field(default=0.5, ge=0, le=10)


Continuity = Literal["film", "scene", "keyframes"]
"""What a chunk starts from. "film" and "scene": the last frame of the chunk before, over the whole
film or to the end of each scene. "keyframes": its own picture, on which the chunk before ends."""


class FilmSpec(_Manifest):
    """The film that a manifest describes, without its files.

    Unknown fields are kept. After validation every beat has its `start`, and the beats cover
    `[0, duration)` in order without gap or overlap, to within a frame.
    """

    duration: Number = Field(gt=0, le=MAX_DURATION)
    fps: Annotated[FrameRate, BeforeValidator(_is_number)] = Field(default=DEFAULT_FPS, le=120)
    resolution: Size = DEFAULT_SIZE
    product: Product = Product()
    style: Style = Style()
    beats: list[Beat] = Field(max_length=MAX_BEATS)
    transitions: list[Transition] | None = Field(default=None, max_length=MAX_BEATS)
    model: str | None = None
    negative_prompt: str | None = None
    continuity: Continuity = "film"

    @property
    def num_frames(self) -> int:
        """The film's length in frames."""
        return self.fps.frames_in(self.duration)

    @model_validator(mode="after")
    def _check_film(self) -> Self:
        if self.num_frames < 1:
            raise ValueError(
                f"the duration {self.duration} s is less than one frame at {self.fps} fps"
            )
        self._check_beats()
        if self.transitions is not None and len(self.transitions) != len(self.beats) - 1:
            raise ValueError(
                f"there are {len(self.transitions)} transitions for {len(self.beats)} beats: "
                f"one per beat boundary makes {len(self.beats) - 1}"
            )
        return self

    def _check_beats(self) -> None:
        if not self.beats:
            raise ValueError("beats is empty: a film needs at least one beat")
        frame = float(1 / self.fps)
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
        seen: set[str] = set()
        for beat in self.beats:
            if beat.name in seen:
                raise ValueError(f"two beats have the name {shown(beat.name)}: names must differ")
            seen.add(beat.name)


class Animatic(FilmSpec):
    """The manifest that an advertising team submits with its pictures."""

    frames: list[str] = Field(max_length=MAX_BEATS)
    style_guide: str | None = None
    product_reference: str | None = None
    generator: str | None = None
    fallback_model: str | None = None
    max_cost_usd: StrictUsd | None = None

    @property
    def files(self) -> list[str]:
        """The names of all pictures, in order and without duplicates."""
        named = [*self.frames, self.style_guide, self.product_reference]
        return list(dict.fromkeys(name for name in named if name))

    @model_validator(mode="after")
    def _check_files(self) -> Self:
        for name in (*self.frames, *self.files):  # `files` omits an empty name
            check_file_name(name)
        if not self.frames:
            raise ValueError("frames is empty: give one picture per beat or one per chunk")
        return self


def read_animatic(document: str | bytes | dict[str, Any], where: str = "the manifest") -> Animatic:
    """Validate a manifest, given as JSON text or as the object read from it.

    Raises:
        SpecError: It is not JSON in UTF-8, or a field is invalid; the error names `where`, the
            field, its value and what is allowed.
    """
    if isinstance(document, str | bytes):
        document = read_object(document, where)
    return _validated(Animatic, document, where)


def read_film_spec(document: Mapping[str, Any], where: str = "the spec") -> FilmSpec:
    """Validate a film without its files, for callers that have the pictures' URLs.

    Raises:
        SpecError: A field is missing or invalid.
    """
    return _validated(FilmSpec, document, where)


_Spec = TypeVar("_Spec", bound=FilmSpec)


def _validated(kind: type[_Spec], document: object, where: str) -> _Spec:
    try:
        if not isinstance(document, Mapping):
            raise Unusable(f"is {shown(document)}: it must be an object of named fields")
        check_values(document)
        return kind.model_validate(document)
    except ValidationError as error:
        raise SpecError(f"{where}: {_first_fault(error)}", where=where) from None
    except Unusable as error:
        raise SpecError(f"{where}: {error}", where=where) from None


def _first_fault(error: ValidationError) -> str:
    """Return one sentence for the first of pydantic's errors, and the number of the others."""
    faults = error.errors(include_url=False)
    first = faults[0]
    place = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    if not place:
        return message + more
    if first["type"] == "missing":
        return f"{place} is missing{more}"
    if first["type"] == "too_long" and isinstance(first["input"], list):
        most = first.get("ctx", {}).get("max_length")
        return f"{place} has {len(first['input'])} items; the limit is {most}{more}"
    return f"{place} is {shown(first['input'])}: {message[:1].lower()}{message[1:]}{more}"


_RARE_FIELDS = (
    "has_key_picture",
    "is_unblended",
    "end_frame_url",
    "end_frame_version",
    "reference_urls",
    "reference_versions",
)


class ChunkSpec(BaseModel):
    """One chunk: a slot of the film, and what its clip should show.

    The chunk's clip has `num_frames` frames: the lead-in (`overlap_frames` frames that play before
    `start_time` and are cross-faded with the end of the previous chunk), then the slot. Times in
    seconds are for people; frame counts decide. The fields `*_url` are S3 URIs. A chunk that opens
    a scene, or has a key picture, does not continue from the previous chunk's last frame. A chunk
    with a key picture starts from its animatic frame; one with an end frame ends on the key picture
    of the next chunk. An unblended chunk starts from one picture, its own or the last frame before.
    References are the pictures that its model gets beside the first.
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

    fps: FrameRate = DEFAULT_FPS
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
    has_key_picture: bool = False
    is_unblended: bool = False
    end_frame_url: str | None = None
    end_frame_version: str | None = None
    reference_urls: tuple[str, ...] = ()
    reference_versions: tuple[str, ...] = ()

    @model_serializer(mode="wrap")
    def _without_unused(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what only few films use: stored specs of the others keep their content."""
        fields = serialize(self)
        for name in _RARE_FIELDS:
            if not fields.get(name):
                fields.pop(name, None)
        return fields

    @property
    def starts_chain(self) -> bool:
        """Whether it is made from pictures of the animatic alone, not from the previous chunk."""
        return self.chunk_num == 0 or self.opens_scene or self.has_key_picture

    @property
    def start_frame(self) -> int:
        """The first film frame of its slot, computed from `start_time`, which is stored."""
        return self.fps.frames_in(self.start_time)

    @property
    def slot_frames(self) -> int:
        """The length of its slot in frames."""
        return self.num_frames - self.overlap_frames


class ChunkGenerationOutput(BaseModel):
    """A rendered film: its URL, the URLs of its clips, and its cost.

    `total_cost` is in US dollars; `made_from` identifies the takes it was stitched from.
    """

    stitched_video_url: str
    chunk_urls: list[str]
    total_cost: FiniteFloat
    made_from: str = ""
