"""What a hosted model takes besides a prompt: pictures, sound and camera movements."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    model_validator,
)

from chunk_assets.generation.lengths import InputName

Scalar = StrictBool | StrictInt | StrictFloat | StrictStr

CAMERA_MOVES = frozenset(
    f"{move} {direction}"
    for moves, directions in (
        (("dolly", "zoom"), ("in", "out")),
        (("pan", "truck", "orbit"), ("left", "right")),
        (("tilt", "pedestal", "crane"), ("up", "down")),
    )
    for move in moves
    for direction in directions
) | {"static", "handheld"}
"""The names by which a model's table says what its camera parameter can do."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Media(_Table):
    """How the conditioning image is passed: as an image, or as a clip that holds it.

    `is_list` is for an input that takes a list of files.
    """

    parameter: InputName
    kind: Literal["image", "video"]
    is_list: StrictBool = False


class References(_Table):
    """The input for reference pictures, a list.

    Attributes:
        parameter: Its name.
        maximum: The most pictures that it takes.
        with_picture: Whether it may be used together with a first picture. Every chunk has one, so
            a model that cannot do this gets no reference pictures.
    """

    parameter: InputName
    maximum: StrictInt = Field(ge=1, le=100)
    with_picture: StrictBool = True


class SoundSwitch(_Table):
    """The input that turns sound on (true) or off (false)."""

    parameter: InputName


Sound = Literal["never", "always", "unknown"] | SoundSwitch
"""Whether clips have sound: never, always, unknown, or by choice."""


class Camera(_Table):
    """The input for the camera's movement.

    Attributes:
        parameter: Its name.
        words: The value for each movement that the model knows (`CAMERA_MOVES`).
        other: The value for all other movements; None leaves the input out.
    """

    parameter: InputName
    words: dict[str, Scalar] = Field(min_length=1)
    other: Scalar | None = None

    @model_validator(mode="after")
    def _check(self) -> "Camera":
        if unknown := sorted(set(self.words) - CAMERA_MOVES):
            known = ", ".join(sorted(CAMERA_MOVES))
            raise ValueError(f"words has the movement {unknown[0]!r}: expected {known}")
        return self

    def value(self, camera_movement: str | None) -> Scalar | None:
        """Return the value for a beat's `camera_movement`; None to leave the input out."""
        if not camera_movement:
            return self.other
        return next((self.words[m] for m in _moves(camera_movement) if m in self.words), self.other)


def _moves(camera_movement: str) -> Iterator[str]:
    # Imported here: it imports NumPy, which listing the models does not need.
    from chunk_assets.generation.camera_words import movement_of

    movement = movement_of(camera_movement)
    yield from movement.moves
    if movement.is_static:
        yield "static"
    if movement.is_handheld:
        yield "handheld"


class PictureLimits(_Table):
    """What a model accepts as a picture; None for no limit.

    Attributes:
        maximum_bytes: Size of the file.
        minimum_side: The shorter side, in pixels; smaller pictures are enlarged.
        maximum_side: The longer side, in pixels; larger pictures are reduced.
        maximum_aspect: The longer side divided by the shorter one.
    """

    maximum_bytes: StrictInt | None = Field(default=None, ge=10_000)
    minimum_side: StrictInt | None = Field(default=None, ge=1, le=8192)
    maximum_side: StrictInt | None = Field(default=None, ge=16, le=16384)
    maximum_aspect: FiniteFloat | None = Field(default=None, ge=1, le=100)

    @model_validator(mode="after")
    def _check(self) -> "PictureLimits":
        low, high = self.minimum_side, self.maximum_side
        if low is not None and high is not None and low > high:
            raise ValueError(f"minimum_side is {low}: expected at most maximum_side, {high}")
        return self

    def fitted(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the size within the limits on sides that is nearest to `size`, undistorted."""
        factor = Fraction(1)
        if self.maximum_side is not None:
            factor = min(factor, Fraction(self.maximum_side, max(size)))
        if self.minimum_side is not None:
            factor = max(factor, Fraction(self.minimum_side, min(size)))
        if factor == 1:
            return size
        width, height = (max(1, round(side * factor)) for side in size)
        return width, height


class OutputField(_Table):
    """The field that holds the clip's address, in an output that is an object."""

    field: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


Output = Literal["one", "list"] | OutputField
"""The form of a prediction's output: one address, a list of them, or an object with one."""


def output_field(output: Output) -> str | None:
    """Return the field that holds the clip's address; None if the output is no object."""
    return output.field if isinstance(output, OutputField) else None
