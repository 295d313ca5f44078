"""Measure a clip in one pass: its first and last frames, and its movement."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation

from chunk_assets.errors import MediaError
from chunk_assets.media.containers import open_video
from chunk_assets.media.metrics import REDUCED_WIDTH, Movement, movement, reduced
from chunk_assets.media.presentation import Presentation
from chunk_assets.media.rgb import RgbConverter


@dataclass(frozen=True)
class ClipMetrics:
    """What the checks need to know of a clip.

    Attributes:
        first: Its first frame, `metrics.reduced`.
        last: Its last frame, likewise.
        movement: Its movement; `frames` counts the intact frames.
    """

    first: np.ndarray
    last: np.ndarray
    movement: Movement


def measure_clip(path: Path, *, black_luma: float, still_luma: float) -> ClipMetrics:
    """Decode a clip once and measure it.

    Only the first and the last frame are converted to RGB, which takes ten times as long as
    decoding; the others only need their brightness. Memory does not grow with the length.

    Args:
        path: The clip.
        black_luma: See `metrics.movement`.
        still_luma: See `metrics.movement`.

    Raises:
        MediaError: The clip cannot be read, or no frame can be decoded.
    """
    ends: list[tuple[av.VideoFrame, Presentation]] = []

    def lumas() -> Iterator[np.ndarray]:
        for frame, shown in _intact(path):
            ends[1:] = [(frame, shown)]
            if len(ends) == 1:
                ends.append((frame, shown))
            yield reduced_luma(frame)

    seen = movement(lumas(), black_luma=black_luma, still_luma=still_luma)
    if not ends:
        raise MediaError(f"no frame of {str(path)!r} can be decoded", path=str(path))
    convert = RgbConverter()
    return ClipMetrics(reduced(convert(*ends[0])), reduced(convert(*ends[-1])), seen)


def reduced_luma(frame: av.VideoFrame) -> np.ndarray:
    """Return the brightness of a decoded frame, 0 to 255, at most `REDUCED_WIDTH` wide."""
    width = min(REDUCED_WIDTH, frame.width)
    return frame.reformat(
        width=width,
        height=max(1, round(frame.height * width / frame.width)),
        format="gray",
        interpolation=Interpolation.AREA,
        dst_color_range=ColorRange.JPEG,
    ).to_ndarray()


def _intact(path: Path) -> Iterator[tuple[av.VideoFrame, Presentation]]:
    """Yield intact frames in order, each with its presentation."""
    with open_video(path) as video:
        for frame in video.frames():
            if not frame.is_corrupt:
                yield frame, video.presentation(frame)
