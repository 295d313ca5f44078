"""What a video's numbers mean as colours, and turning them into RGB without a drift."""

from fractions import Fraction

import av
import numpy as np
from av.filter import Graph

from chunk_assets.video.encoding import ACCURATE

# The code points of ITU-T H.273, as FFmpeg names them.
_SPACES = {
    0: "gbr",
    1: "bt709",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
    10: "bt2020c",
}
_PRIMARIES = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    11: "smpte431",
    12: "smpte432",
}
_CURVES = {
    1: "bt709",
    4: "gamma22",
    5: "gamma28",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    18: "arib-std-b67",
}
_RANGES = {1: "tv", 2: "pc"}
BT601 = {"in_color_matrix": "bt601", "in_range": "tv"}
BT709 = {"in_color_matrix": "bt709", "in_range": "tv"}
"""What `reading` says of the usual clips of SD and HD."""

# The scale filter's own names for the matrices it knows.
_MATRICES = {
    "bt709": "bt709",
    "fcc": "fcc",
    "bt470bg": "bt601",
    "smpte170m": "bt601",
    "smpte240m": "smpte240m",
    "bt2020nc": "bt2020",
    "bt2020c": "bt2020",
}


def names(space: int, primaries: int, curve: int, range_: int) -> tuple[str, str, str, str]:
    """Return FFmpeg's names of a stream's colour code points, "unknown" where there is none."""
    return (
        _SPACES.get(space, "unknown"),
        _PRIMARIES.get(primaries, "unknown"),
        _CURVES.get(curve, "unknown"),
        _RANGES.get(range_, "unknown"),
    )


def reading(pix_fmt: str, space: str, range_: str, size: tuple[int, int]) -> dict[str, str]:
    """Return the `scale` filter's options that say how to read a picture's numbers.

    Untagged pictures are read as players read them: as bt709 from HD on (a side of 1280 pixels,
    or both above 576), as bt601 below, in tv range unless the pixel format says otherwise.
    """
    if av.VideoFormat(pix_fmt).is_rgb or pix_fmt == "pal8":
        return {}
    untagged = "bt709" if max(size) >= 1280 or min(size) > 576 else "bt601"
    options = {"in_color_matrix": _MATRICES.get(space, untagged)}
    if range_ != "unknown":
        options["in_range"] = range_
    elif pix_fmt.startswith("yuvj"):
        options["in_range"] = "pc"
    elif not pix_fmt.startswith("gray"):
        options["in_range"] = "tv"
    return options


class RgbConverter:
    """Turns decoded frames into RGB as a person sees them: accurate, upright, square pixels.

    Args:
        max_width: How wide the pictures may be; wider ones are scaled down on the way, which takes
            a fifth of the time of doing it afterwards.
    """

    def __init__(self, max_width: int | None = None):
        self._max_width = max_width
        self._graph: Graph | None = None
        self._made_for: tuple[object, ...] = ()

    def __call__(self, frame: av.VideoFrame, pixel_aspect: Fraction | None = None) -> np.ndarray:
        """Return height × width × 3, uint8.

        Args:
            frame: The frame.
            pixel_aspect: Its pixels' width beside their height, which its codec context knows once
                it has decoded a frame; None for square ones.
        """
        size = (frame.width, frame.height, frame.rotation % 180, pixel_aspect)
        kind = (frame.format.name, *size, frame.colorspace, frame.color_range)
        if self._graph is None or kind != self._made_for:  # a stream's frames may change
            self._graph, self._made_for = self._build(frame, pixel_aspect), kind
        self._graph.vpush(frame)
        rgb = self._graph.vpull().to_ndarray()
        return np.ascontiguousarray(np.rot90(rgb, frame.rotation // 90))

    def _build(self, frame: av.VideoFrame, pixel_aspect: Fraction | None) -> Graph:
        size = (frame.width, frame.height)
        space, _, _, range_ = names(frame.colorspace, 2, 2, frame.color_range)
        width, height = _square_pixels(frame, pixel_aspect)
        if self._max_width is not None:
            across = height if frame.rotation % 180 else width
            scale = min(Fraction(1), Fraction(self._max_width, across))
            width, height = max(1, round(width * scale)), max(1, round(height * scale))
        graph = Graph()
        graph.link_nodes(
            graph.add_buffer(
                width=size[0], height=size[1], format=frame.format, time_base=frame.time_base
            ),
            graph.add(
                "scale",
                w=str(width),
                h=str(height),
                flags=ACCURATE,
                **reading(frame.format.name, space, range_, size),
            ),
            graph.add("format", "rgb24"),
            graph.add("buffersink"),
        ).configure()
        return graph


def as_seen(frame: av.VideoFrame, pixel_aspect: Fraction | None) -> tuple[int, int]:
    """Return the width and height of a frame that is upright and has square pixels."""
    width, height = _square_pixels(frame, pixel_aspect)
    return (height, width) if frame.rotation % 180 else (width, height)


def _square_pixels(frame: av.VideoFrame, pixel_aspect: Fraction | None) -> tuple[int, int]:
    return max(1, round(frame.width * (pixel_aspect or 1))), frame.height
