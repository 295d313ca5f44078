"""Convert decoded frames to RGB without a colour drift."""

from fractions import Fraction

import av
import numpy as np
from av.filter import Graph

from chunk_assets.media.encoding import ACCURATE, cover_size
from chunk_assets.media.presentation import Presentation
from chunk_assets.media.tone_mapping import HDR_CURVES, WIDE_PRIMARIES, to_bt709

_PAPER = 255
"""The background of transparent pixels: white, as for an animatic's pictures."""


class RgbConverter:
    """Convert decoded frames to RGB for display: accurate, upright, square pixels.

    Args:
        max_width: The largest width. Scaling down during conversion takes a fifth of the time of
            scaling down afterwards.
        cover: Scale and centre-crop every picture to this size.
    """

    def __init__(self, max_width: int | None = None, cover: tuple[int, int] | None = None):
        self._max_width, self._cover = max_width, cover
        self._graph: Graph | None = None
        self._made_for: Presentation | None = None

    def __call__(self, frame: av.VideoFrame, shown: Presentation) -> np.ndarray:
        """Return a frame with this presentation as height × width × 3, uint8."""
        if self._graph is None or shown != self._made_for:  # it may change within a stream
            self._graph, self._made_for = self._build(frame, shown), shown
        self._graph.vpush(frame)
        picture = self._graph.vpull().to_ndarray()
        if shown.has_alpha:
            picture = _on_paper(picture)
        elif picture.dtype == np.uint16:
            picture = to_bt709(picture, shown.curve, shown.primaries)
        picture = shown.upright(picture)
        if self._cover is not None:
            picture = _middle(picture, self._cover)
        return np.ascontiguousarray(picture)

    def _size(self, shown: Presentation) -> tuple[int, int]:
        width, height = shown.size
        if self._cover is not None:
            return cover_size((width, height), self._cover)
        scale = min(Fraction(1), Fraction(self._max_width or width, width))
        return max(1, round(width * scale)), max(1, round(height * scale))

    def _build(self, frame: av.VideoFrame, shown: Presentation) -> Graph:
        width, height = shown.turned(self._size(shown))
        is_other = shown.curve in HDR_CURVES or shown.primaries in WIDE_PRIMARIES
        pixels = "rgba" if shown.has_alpha else "rgb48le" if is_other else "rgb24"
        graph = Graph()
        graph.link_nodes(
            graph.add_buffer(
                width=shown.width,
                height=shown.height,
                format=frame.format,
                time_base=frame.time_base,
            ),
            graph.add("scale", w=str(width), h=str(height), flags=ACCURATE, **shown.reading),
            graph.add("format", pixels),
            graph.add("buffersink"),
        ).configure()
        return graph


def _on_paper(rgba: np.ndarray) -> np.ndarray:
    colour, alpha = rgba[..., :3].astype(np.uint16), rgba[..., 3:].astype(np.uint16)
    return ((colour * alpha + _PAPER * (255 - alpha) + 127) // 255).astype(np.uint8)


def _middle(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    top, left = (picture.shape[0] - size[1]) // 2, (picture.shape[1] - size[0]) // 2
    return picture[top : top + size[1], left : left + size[0]]
