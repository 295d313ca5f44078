"""How a video's pictures are to be shown: the one place that decides it.

What is decoded here (`rgb.RgbConverter`) and what FFmpeg's graphs make (`clips`, `reducing`)
follow the same decision, so that a last frame shows exactly what the stored clip shows.
"""

import struct
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.sidedata.sidedata import Type
from av.video.stream import VideoStream

from chunk_assets.media import colour
from chunk_assets.media.tone_mapping import HDR_CURVES, WIDE_PRIMARIES

_IDENTITY = (1, 0, 0, 1)


@dataclass(frozen=True)
class Presentation:
    """How the pictures of a stream become what a person sees.

    Attributes:
        width: Of the picture as it is coded, in pixels.
        height: Likewise.
        pix_fmt: FFmpeg's name of its pixel format.
        space: FFmpeg's name of its matrix.
        primaries: Likewise.
        curve: Likewise, the transfer curve.
        range: "tv", "pc" or "unknown".
        pixel_aspect: A pixel's width beside its height.
        axes: The display matrix, each number as -1, 0 or 1: a coded pixel at (x, y) is shown at
            (a·x + c·y, b·x + d·y) of (a, b, c, d), with x to the right and y down.
    """

    width: int
    height: int
    pix_fmt: str
    space: str
    primaries: str
    curve: str
    range: str
    pixel_aspect: Fraction = Fraction(1)
    axes: tuple[int, int, int, int] = _IDENTITY

    @classmethod
    def of(cls, frame: av.VideoFrame, stream: VideoStream) -> "Presentation":
        """How a frame is to be shown that `stream` gave.

        Pixels have the shape that the container says, else that the codec says, else are square.
        """
        codec = stream.codec_context
        space, primaries, curve, range_ = colour.names(
            frame.colorspace, codec.color_primaries, codec.color_trc, frame.color_range
        )
        return cls(
            width=frame.width,
            height=frame.height,
            pix_fmt=frame.format.name,
            space=space,
            primaries=primaries,
            curve=curve,
            range=range_,
            pixel_aspect=stream.sample_aspect_ratio or codec.sample_aspect_ratio or Fraction(1),
            axes=_axes(frame),
        )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as a person sees them: square pixels, upright."""
        return self.turned((max(1, round(self.width * self.pixel_aspect)), self.height))

    def turned(self, size: tuple[int, int]) -> tuple[int, int]:
        """A size before the picture is turned as it is afterwards, and the other way round."""
        return size if self.axes[0] else (size[1], size[0])

    def upright(self, picture: np.ndarray) -> np.ndarray:
        """Turn and mirror a picture, height × width × channels, as the display matrix says."""
        a, b, c, d = self.axes
        across, down = a, d
        if not a:
            picture, across, down = picture.swapaxes(0, 1), c, b
        return picture[:: down or 1, :: across or 1]

    @property
    def reading(self) -> dict[str, str]:
        """The `scale` filter's options that say how to read the picture's numbers."""
        is_untagged_hdr = self.hdr is not None and self.space == "unknown"
        space = "bt2020nc" if is_untagged_hdr else self.space
        return colour.reading(self.pix_fmt, space, self.range, (self.width, self.height))

    @property
    def hdr(self) -> str | None:
        """Which kind of HDR it is, "PQ" or "HLG"; None for SDR."""
        return HDR_CURVES.get(self.curve)

    @property
    def has_alpha(self) -> bool:
        """Whether its pixels may be transparent."""
        return any(component.is_alpha for component in av.VideoFormat(self.pix_fmt).components)

    @property
    def is_plain(self) -> bool:
        """Whether it is shown as it is coded: 8 bit SDR, upright, square pixels, video range."""
        return (
            self.pix_fmt == "yuv420p"
            and self.reading in (colour.BT709, colour.BT601)
            and self.hdr is None
            and self.primaries not in WIDE_PRIMARIES
            and self.pixel_aspect == 1
            and self.axes == _IDENTITY
        )


def _axes(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    data = frame.side_data.get(Type.DISPLAYMATRIX.name)
    if data is None:
        return _IDENTITY
    # 3 × 3 of 16.16 (ISO 14496-12, 6.2.2), as FFmpeg keeps it: in the machine's order of bytes.
    a, b, _, c, d = struct.unpack("=5i", bytes(data)[:20])
    is_turned = abs(b) + abs(c) > abs(a) + abs(d)
    shown = (0, b, c, 0) if is_turned else (a, 0, 0, d)
    a, b, c, d = (int(np.sign(number)) for number in shown)
    return (a, b, c, d) if abs(a) + abs(b) + abs(c) + abs(d) == 2 else _IDENTITY
