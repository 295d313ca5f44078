"""Frames for a clip's moving preview, collected while its last frame is decoded."""

from fractions import Fraction

import av
from PIL import Image

from chunk_assets.media.presentation import Presentation
from chunk_assets.media.rgb import RgbConverter


class PreviewFrames:
    """Collect a few evenly spaced frames from a decoder.

    Only references to decoded frames are kept; they are converted later, so that the last frame
    is not delayed.

    Args:
        count: How many frames to collect, at least 1.
    """

    def __init__(self, count: int):
        self._count = count
        self._wanted: list[Fraction] = []
        self._kept: list[tuple[av.VideoFrame, Presentation]] = []

    def plan(self, first: int, last: int) -> None:
        """Choose the times at which to collect frames.

        Args:
            first: The time of the first frame, in the stream's time base.
            last: The time of the last one.
        """
        length = last - first
        middles = (Fraction(2 * n + 1, 2 * self._count) for n in range(self._count))
        self._wanted = [first + length * middle for middle in middles]
        self._kept = []

    def add(self, frame: av.VideoFrame, shown: Presentation) -> None:
        """Consider a frame, in order of time, with its presentation."""
        if not self._wanted or frame.pts is None or frame.pts < self._wanted[0]:
            return
        self._kept.append((frame, shown))
        while self._wanted and self._wanted[0] <= frame.pts:
            self._wanted.pop(0)

    def pictures(self, width: int) -> list[Image.Image]:
        """Return the collected pictures in order, scaled down to `width`, and release the frames.

        The list is empty without `plan`, and on a second call.
        """
        kept, self._kept = self._kept, []
        convert = RgbConverter(width)
        return [Image.fromarray(convert(frame, shown)) for frame, shown in kept]
