"""What is judged of chunks and films, and what a judgement says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

CONFORMS = "clip_conforms"
NOT_BLACK = "not_black"
NOT_FROZEN = "not_frozen"
BEGINS = "begins_where_the_last_ended"
COLOUR = "colour_has_not_drifted"
WHOLE = "film_is_whole"
COMPLETE = "film_is_complete"
USABLE = "animatic_is_usable"

OF_A_CHUNK: dict[str, str] = {
    CONFORMS: "The clip plays from beginning to end and is what its spec says: frames, rate, size, "
    "codec, colour tags. Stitching refuses one that is not.",
    NOT_BLACK: "No frame is black, unless the clip begins in black.",
    NOT_FROZEN: "The picture moves, unless the beat asks for a static camera.",
    BEGINS: "The first frame is the picture that the clip was conditioned on, and follows the "
    "last frame of the clip before by no more than the blend with the animatic adds.",
    COLOUR: "The last frame has the mean colours and the contrast of the picture that the clip was "
    "conditioned on, and the beat's chunks have not added up to a visible drift.",
}
"""The checks of a chunk's clip in the order in which one explains the next, each in words."""

OF_A_FILM: dict[str, str] = {
    COMPLETE: "Every planned chunk is stored and up to date, and the film is made of exactly these "
    "chunks: '15 of 15 chunks', or what is missing and what is out of date.",
    WHOLE: "The film has exactly the frames of its manifest, one constant step apart, none "
    "dropped.",
}
"""The checks of a stitched film."""

OF_AN_ANIMATIC: dict[str, str] = {
    USABLE: "The manifest and every picture it names are stored, and a film can be planned from "
    "them and rendered by a generator that this deployment has.",
}
"""The checks of an animatic."""

BREAKS_THE_FILM = frozenset({CONFORMS, WHOLE, USABLE})
"""Checks whose failure is an error; that of the others asks a person to look."""

Value = int | float | str


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check.

    Attributes:
        check: Its name in `OF_A_CHUNK` or `OF_A_FILM`.
        passed: Whether it holds.
        sentence: What was found, for a person.
        values: What was measured, by name, and what is allowed, under `{name}_allowed`.
    """

    check: str
    passed: bool
    sentence: str
    values: Mapping[str, Value] = field(default_factory=dict)

    @classmethod
    def not_judged(cls, check: str, cause: str) -> Self:
        """A check that another one's failure leaves nothing to judge of; it does not fail too."""
        return cls(check, True, f"not judged: {cause} has failed", {"not_judged": cause})


def measured(**pairs: tuple[float, float]) -> dict[str, Value]:
    """Values of a verdict, from measured and allowed by name; numbers that can be plotted."""
    values: dict[str, Value] = {}
    for name, (value, allowed) in pairs.items():
        values[name], values[f"{name}_allowed"] = _rounded(value), _rounded(allowed)
    return values


def too_much(**pairs: tuple[float, float]) -> list[str]:
    """The names whose measured value is above the allowed one; NaN is above everything."""
    return [name for name, (value, allowed) in pairs.items() if not value <= allowed]


def _rounded(value: float) -> Value:
    return value if isinstance(value, int) else round(float(value), 3)
