"""The joins between the clips of a film."""

from dataclasses import dataclass
from typing import Literal, get_args

from chunk_assets.errors import SpecError

JoinKind = Literal["crossfade", "cut", "fade"]


@dataclass(frozen=True)
class Join:
    """The transition between two clips.

    Attributes:
        kind: A cross-fade, a cut, or a fade: a dip to black.
        frames: Its length. It ends where the next clip's slot begins. A cut has 0 frames.

    Raises:
        SpecError: The kind is unknown, or the length is negative or given for a cut.
    """

    kind: JoinKind
    frames: int = 0

    def __post_init__(self) -> None:
        """Check both."""
        if self.kind not in get_args(JoinKind):
            raise SpecError(f"a join is {self.kind!r}: expected crossfade, cut or fade")
        if self.frames < 0 or (self.kind == "cut" and self.frames):
            allowed = "0" if self.kind == "cut" else "0 or more"
            raise SpecError(f"a {self.kind} takes {self.frames!r} frames: expected {allowed}")
