"""How a clip that should end on a picture comes to its end, and how much of it to use.

Models that are given an end picture often reach it early and hold it. The film would stand still
there at each key picture, so the held frames are left out, and the rest is stretched to fill the
chunk (`media.retiming`).
"""

from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from chunk_assets.errors import MediaError
from chunk_assets.media.clip_metrics import reduced_luma
from chunk_assets.media.containers import open_video

HELD_LUMA = 0.5
"""Mean difference in levels below which a frame shows the last picture: an encoded still changes by
up to 0.37 (see `quality.Quality.still_luma`)."""

SHORTEST_HOLD = Fraction(1, 6)
"""Seconds. A shorter hold is the end of a movement that slows down."""

STILL_SHARE = Fraction(9, 10)
"""The share of a clip that is held from which all of it is a still, and nothing is left out."""

SLOWEST = Fraction(3, 4)
"""The lowest speed at which a clip is played: below, repeated frames are seen. What would have to
be slower keeps a part of its hold."""

_MAX_FRAMES = 1200
"""How many of the last frames are compared: 20 s at 60 fps, 17 MB."""


@dataclass(frozen=True)
class Ending:
    """How a clip ends.

    Attributes:
        seconds: Its length.
        held_seconds: How long its last frames repeat the picture that it ends on.
    """

    seconds: Fraction
    held_seconds: Fraction

    def used_seconds(self, wanted: Fraction) -> Fraction:
        """Return how much of the clip to stretch to a chunk of `wanted` seconds."""
        is_still = self.held_seconds >= STILL_SHARE * self.seconds
        if is_still or self.held_seconds < SHORTEST_HOLD:
            return self.seconds
        return min(self.seconds, max(self.seconds - self.held_seconds, SLOWEST * wanted))


def measure_ending(path: Path | str) -> Ending:
    """Measure how long a clip holds the picture that it ends on.

    Raises:
        MediaError: The clip cannot be read, or no frame can be decoded.
    """
    starts: deque[Fraction] = deque(maxlen=_MAX_FRAMES)
    lumas: deque[np.ndarray] = deque(maxlen=_MAX_FRAMES)
    begin: Fraction | None = None
    length = Fraction(0)
    with open_video(path) as video:
        for frame in video.frames():
            if frame.is_corrupt or frame.pts is None or frame.time_base is None:
                continue
            moment = frame.pts * frame.time_base
            begin = moment if begin is None else begin
            length = (frame.duration or 0) * frame.time_base
            starts.append(moment - begin)
            lumas.append(reduced_luma(frame))
    if not starts:
        raise MediaError(f"no frame of {str(path)!r} can be decoded", path=str(path))
    if not length and len(starts) > 1:
        length = starts[-1] - starts[-2]
    first = _first_held(list(lumas))
    return Ending(starts[-1] + length, starts[-1] - starts[first])


def _first_held(lumas: list[np.ndarray]) -> int:
    """Return the first of the frames that all look like the last one."""
    last, first = lumas[-1].astype(np.float32), len(lumas) - 1
    while first > 0:
        before = lumas[first - 1]
        if before.shape != last.shape or float(np.abs(before - last).mean()) >= HELD_LUMA:
            break
        first -= 1
    return first
