"""Some of the frames that are decoded anyhow on the way to a clip's last one."""

from fractions import Fraction

import av
from PIL import Image

from chunk_assets.media.presentation import Presentation
from chunk_assets.media.rgb import RgbConverter


class PreviewFrames:
    """Keeps a few frames, evenly apart, of those that a decoder gives.

    They stay as they are decoded, a reference each: whoever waits for the last one does not wait
    for them to become pictures.

    Args:
        count: How many frames are wanted, at least 1.
    """

    def __init__(self, count: int):
        self._count = count
        self._wanted: list[Fraction] = []
        self._kept: list[tuple[av.VideoFrame, Presentation]] = []

    def plan(self, first: int, last: int) -> None:
        """Say what comes.

        Args:
            first: When the first frame is shown, in the stream's time base.
            last: When the last one is.
        """
        length = last - first
        middles = (Fraction(2 * n + 1, 2 * self._count) for n in range(self._count))
        self._wanted = [first + length * middle for middle in middles]
        self._kept = []

    def add(self, frame: av.VideoFrame, shown: Presentation) -> None:
        """Be shown a frame, in the order of their times, and how a person is to see it."""
        if not self._wanted or frame.pts is None or frame.pts < self._wanted[0]:
            return
        self._kept.append((frame, shown))
        while self._wanted and self._wanted[0] <= frame.pts:
            self._wanted.pop(0)

    def pictures(self, width: int) -> list[Image.Image]:
        """What was kept, in true colours and order, and no wider; empty if nothing was expected.

        The frames are let go of: a second call gives nothing.
        """
        kept, self._kept = self._kept, []
        convert = RgbConverter(width)
        return [Image.fromarray(convert(frame, shown)) for frame, shown in kept]
