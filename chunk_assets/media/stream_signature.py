"""What stitching has to know of a clip, short enough to be kept beside it."""

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from chunk_assets.media.frames import VideoInfo


@dataclass(frozen=True)
class StreamSignature:
    """A clip's measures, taken once, when it was made.

    Attributes:
        frames: How many frames it has, at a constant rate.
        fps: Frames per second.
        size: Width and height in pixels.
        keyframes: Where it can be cut.
        header: A digest of codec, colour tags and H.264 parameter sets: clips of one header can
            follow one another in a film as they are.
    """

    frames: int
    fps: Fraction
    size: tuple[int, int]
    keyframes: tuple[int, ...]
    header: str

    @classmethod
    def of(cls, info: VideoInfo) -> Self:
        """The form of a clip that was measured."""
        colours = (info.color_space, info.color_primaries, info.color_trc, info.color_range)
        said = (info.codec, info.pix_fmt, *colours, str(info.has_constant_rate))
        digest = hashlib.sha256(" ".join(said).encode() + info.header).hexdigest()[:16]
        size = (info.width, info.height)
        return cls(info.frames, info.fps, size, info.keyframes, digest)

    def __str__(self) -> str:
        """As it is kept in a record."""
        cuts = ",".join(map(str, self.keyframes))
        return f"{self.frames} {self.fps} {self.size[0]}x{self.size[1]} {cuts} {self.header}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        """What `str` gave; None for anything else."""
        try:
            frames, fps, size, cuts, header = text.split(" ")
            width, height = size.split("x")
            keyframes = tuple(int(cut) for cut in cuts.split(","))
            return cls(int(frames), Fraction(fps), (int(width), int(height)), keyframes, header)
        except (ValueError, ZeroDivisionError):
            return None
