"""What a generator can do with a request."""

from dataclasses import dataclass
from typing import Literal

from chunk_assets.frame_rate import FrameRate


@dataclass(frozen=True)
class Abilities:
    """What a generator can do with a request, known without a network request.

    Attributes:
        end_image: Whether a clip can end on a given picture (`GenerationRequest.end_image`).
        references: How many reference pictures a request may have beside its conditioning image.
        sound: Whether clips have sound: `"choice"` if it can be turned off, which it is.
        seeds: Whether the seed has an effect.
        native_fps: The frame rate at which its motion has its right speed; None for any rate.
        longest_seconds: The length of its longest clip; None if it makes clips of any length.
    """

    end_image: bool = False
    references: int = 0
    sound: Literal["never", "choice", "always"] = "never"
    seeds: bool = False
    native_fps: FrameRate | None = None
    longest_seconds: float | None = None
