"""Decide how to display a video's pictures: orientation, pixel aspect and colours.

Both `rgb.RgbConverter` and the FFmpeg graphs in `clips` and `thumbnail_video` follow this decision,
so that a last frame looks exactly like the stored clip.
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
    """How to display the pictures of a stream.

    Attributes:
        width: The coded width in pixels.
        height: The coded height in pixels.
        pix_fmt: FFmpeg's name of the pixel format.
        space: FFmpeg's name of the matrix.
        primaries: FFmpeg's name of the primaries.
        curve: FFmpeg's name of the transfer curve.
        range: "tv", "pc" or "unknown".
        pixel_aspect: A pixel's width divided by its height.
        axes: The display matrix (a, b, c, d), each -1, 0 or 1: a coded pixel at (x, y) is displayed
            at (a·x + c·y, b·x + d·y), with x to the right and y down.
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
        """Return how to display a frame of `stream`.

        The pixel aspect comes from the container, else from the codec, else is 1.
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
        """The displayed width and height, in square pixels and upright."""
        return self.turned((max(1, round(self.width * self.pixel_aspect)), self.height))

    def turned(self, size: tuple[int, int]) -> tuple[int, int]:
        """Swap a size's width and height if the picture is rotated by a quarter turn."""
        return size if self.axes[0] else (size[1], size[0])

    def upright(self, picture: np.ndarray) -> np.ndarray:
        """Rotate and mirror a picture (height × width × channels) by the display matrix."""
        a, b, c, d = self.axes
        across, down = a, d
        if not a:
            picture, across, down = picture.swapaxes(0, 1), c, b
        return picture[:: down or 1, :: across or 1]

    @property
    def reading(self) -> dict[str, str]:
        """The `scale` filter's options for the picture's input colours."""
        is_untagged_hdr = self.hdr is not None and self.space == "unknown"
        space = "bt2020nc" if is_untagged_hdr else self.space
        return colour.reading(self.pix_fmt, space, self.range, (self.width, self.height))

    @property
    def hdr(self) -> str | None:
        """The kind of HDR, "PQ" or "HLG"; None for SDR."""
        return HDR_CURVES.get(self.curve)

    @property
    def has_alpha(self) -> bool:
        """Whether the pixel format has transparency."""
        return any(component.is_alpha for component in av.VideoFormat(self.pix_fmt).components)

    @property
    def is_plain(self) -> bool:
        """Whether pictures are displayed as coded: 8 bit SDR, upright, square pixels, tv range."""
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
    # 3 × 3 of 16.16 fixed point (ISO 14496-12, 6.2.2), in the machine's byte order.
    a, b, _, c, d = struct.unpack("=5i", bytes(data)[:20])
    is_turned = abs(b) + abs(c) > abs(a) + abs(d)
    shown = (0, b, c, 0) if is_turned else (a, 0, 0, d)
    a, b, c, d = (int(np.sign(number)) for number in shown)
    return (a, b, c, d) if abs(a) + abs(b) + abs(c) + abs(d) == 2 else _IDENTITY
