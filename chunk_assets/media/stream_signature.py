"""The properties of a clip that stitching depends on, as one line of text in its record."""

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from chunk_assets.media.frames import VideoInfo


@dataclass(frozen=True)
class StreamSignature:
    """A clip's properties, measured when it was made.

    Attributes:
        frames: The number of frames, at a constant rate.
        fps: Frames per second.
        size: Width and height in pixels.
        keyframes: The frames at which it can be cut.
        header: A digest of codec, colour tags and H.264 parameter sets. Clips with equal headers
            can be concatenated without encoding.
    """

    frames: int
    fps: Fraction
    size: tuple[int, int]
    keyframes: tuple[int, ...]
    header: str

    @classmethod
    def of(cls, info: VideoInfo) -> Self:
        """Return the signature of a measured clip."""
        colours = (info.color_space, info.color_primaries, info.color_trc, info.color_range)
        said = (info.codec, info.pix_fmt, *colours, str(info.has_constant_rate))
        digest = hashlib.sha256(" ".join(said).encode() + info.header).hexdigest()[:16]
        size = (info.width, info.height)
        return cls(info.frames, info.fps, size, info.keyframes, digest)

    def __str__(self) -> str:
        """Return the text for a record."""
        cuts = ",".join(map(str, self.keyframes))
        return f"{self.frames} {self.fps} {self.size[0]}x{self.size[1]} {cuts} {self.header}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Read the output of `str`; None for any other text."""
        try:
            frames, fps, size, cuts, header = text.split(" ")
            width, height = size.split("x")
            keyframes = tuple(int(cut) for cut in cuts.split(","))
            return cls(int(frames), Fraction(fps), (int(width), int(height)), keyframes, header)
        except (ValueError, ZeroDivisionError):
            return None
