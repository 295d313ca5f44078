"""A sheet of paper to draw on: washes, light and ink lines, laid one over the other."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from drawing.curves import Curve
from drawing.palette import INK, PAPER
from drawing.pen import Hatching, Pen
from drawing.textures import softened, streaks, tooth

Blend = Literal["over", "multiply", "screen"]
Point = tuple[float, float]
Fade = tuple[Point, Point]
"""From where a wash is full to where it has gone."""
Window = tuple[slice, slice]
Mask = NDArray[np.floating]


@cache
def rgb(colour: str) -> Mask:
    """`#rrggbb` as three values of 0..1."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.float32) / 255


class Sheet:
    """A panel in the making. All positions are pixels of the finished panel.

    Args:
        size: Width and height of the finished panel.
        seed: What the hand's wobble starts from.
        scale: How many times larger it is drawn than kept.
        ground: The paper's colour.
    """

    def __init__(
        self,
        size: tuple[int, int] = (1280, 720),
        seed: int = 1,
        scale: int = 3,
        ground: str = PAPER,
    ):
        self.size = size
        self.scale = scale
        self.rng = np.random.default_rng(seed)
        self._drawn = (size[0] * scale, size[1] * scale)
        self.pixels = np.empty((self._drawn[1], self._drawn[0], 3), np.float32)
        self.pixels[:] = rgb(ground)
        self._clip: Mask | None = None

    def reseed(self, seed: int) -> None:
        """Restart with `seed`: the same calls draw the same lines on any sheet."""
        self.rng = np.random.default_rng(seed)

    def fill(
        self,
        points: ArrayLike,
        colour: str,
        opacity: float = 1.0,
        *,
        blur: float = 0.0,
        blend: Blend = "over",
        streak: float = 0.0,
        angle: float = 0.0,
        edge: float = 0.0,
        fade: Fade | None = None,
    ) -> None:
        """Lay a wash inside a closed outline.

        Args:
            points: The outline.
            colour: `#rrggbb`.
            opacity: 0..1.
            blur: How soft the edge is, in pixels.
            blend: `multiply` for marker on marker, `screen` for light.
            streak: How much the marker's streaks show, 0..1, running along `angle`.
            angle: Degrees, clockwise from the horizontal.
            edge: How much more pigment dries along the outline, 0..1.
            fade: From where the wash is full to where it has gone.
        """
        found = self._mask([np.asarray(points, dtype=np.float64)], blur)
        if found is None:
            return
        window, mask = found
        if edge:
            levels = Image.fromarray((mask * 255).astype(np.uint8))
            inner = np.asarray(softened(levels, 5 * self.scale), dtype=np.float32) / 255
            mask = mask * (1 - edge + edge * np.clip(2.2 * (1 - inner), 0, 1))
        if fade:
            mask = mask * self._ramp(window, fade)
        if streak:
            mask = mask * (1 + streak * streaks(self._drawn, self.scale, angle)[window])
        self._lay(window, mask * opacity, colour, blend)

    def glow(
        self,
        center: Point,
        radius: float,
        colour: str,
        strength: float = 1.0,
        squash: float = 1.0,
        falloff: float = 2.0,
        blend: Blend = "screen",
    ) -> None:
        """Light around a point, gone at `radius`; `squash` makes it lower than wide."""
        reach = np.array([radius, radius * squash])
        window, x, y = self._window(np.array([center - reach, center + reach]))
        away = np.hypot((x - center[0]) / reach[0], (y - center[1]) / reach[1])
        light = strength * np.clip(1 - away, 0, 1) ** falloff
        self._lay(window, light.astype(np.float32), colour, blend)

    def line(
        self,
        points: ArrayLike,
        width: float = 2.2,
        colour: str = INK,
        opacity: float = 1.0,
        *,
        taper: float = 0.75,
        wobble: float = 0.7,
        closed: bool = False,
    ) -> None:
        """Draw one stroke through the points; see `Pen`."""
        self.lines([points], width, colour, opacity, taper=taper, wobble=wobble, closed=closed)

    def lines(
        self,
        strokes: Sequence[ArrayLike],
        width: float = 2.2,
        colour: str = INK,
        opacity: float = 1.0,
        *,
        taper: float = 0.75,
        wobble: float = 0.7,
        closed: bool = False,
        straight: bool = False,
    ) -> None:
        """Draw many strokes with one pen; where they cross, opacity does not add up."""
        pen = Pen(width, taper, wobble, closed, straight)
        outlines = [outline for stroke in strokes for outline in pen.stroke(self.rng, stroke)]
        found = self._mask(outlines, 0.0)
        if found is None:
            return
        window, mask = found
        dry = 1 - 0.14 * np.clip(tooth(self._drawn, self.scale)[window] - 0.15, 0, 1)
        self._lay(window, mask * dry * opacity, colour, "over")

    def hatch(
        self,
        points: ArrayLike,
        angle: float,
        spacing: float = 7.0,
        width: float = 1.2,
        colour: str = INK,
        opacity: float = 0.8,
        *,
        skip: float = 0.08,
        shorten: float = 0.12,
    ) -> None:
        """Hatch an outline with parallel strokes; see `Hatching`."""
        strokes = Hatching(angle, spacing, skip, shorten).strokes(self.rng, points)
        self.lines(strokes, width, colour, opacity, taper=0.7, wobble=0.5)

    def stamp(self, shape: Image.Image, at: Point, colour: str, opacity: float = 1.0) -> None:
        """Print a mask (mode L, drawn at `scale`) with its upper left corner at `at`."""
        left, top = int(at[0] * self.scale), int(at[1] * self.scale)
        window = (slice(top, top + shape.height), slice(left, left + shape.width))
        self._lay(window, np.asarray(shape, np.float32) / 255 * opacity, colour, "over")

    @contextmanager
    def inside(self, points: ArrayLike, blur: float = 0.0) -> Iterator[None]:
        """Keep all that is drawn meanwhile within an outline (and any outline around it)."""
        outer = self._clip
        full = np.zeros(self.pixels.shape[:2], np.float32)
        found = self._mask([np.asarray(points, dtype=np.float64)], blur)
        if found is not None:
            full[found[0]] = found[1]
        self._clip = full if outer is None else full * outer
        try:
            yield
        finally:
            self._clip = outer

    def finished(self, vignette: float = 0.22, grain: float = 0.045) -> Image.Image:
        """The panel at its own size, with paper tooth and corners that fall off."""
        height, width = self.pixels.shape[:2]
        x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        corner = np.clip((x * x + 0.8 * y * y - 0.55) / 1.25, 0, 1)
        light = (1 - vignette * corner) * (1 + grain * tooth(self._drawn, self.scale))
        levels = np.clip(self.pixels * light[..., None] * 255 + 0.5, 0, 255).astype(np.uint8)
        return Image.fromarray(levels).resize(self.size, Image.Resampling.LANCZOS)

    def _window(self, points: Curve, margin: float = 0.0) -> tuple[Window, Mask, Mask]:
        """The drawn pixels around the points, as slices and as the panel's x and y."""
        s = self.scale
        low = np.floor((points.min(axis=0) - margin) * s).astype(int)
        high = np.ceil((points.max(axis=0) + margin) * s).astype(int) + 1
        left, top = np.clip(low, 0, self._drawn)
        right, bottom = np.maximum(np.clip(high, 0, self._drawn), (left, top))
        x = (np.arange(left, right, dtype=np.float32)[None, :] + 0.5) / s
        y = (np.arange(top, bottom, dtype=np.float32)[:, None] + 0.5) / s
        return (slice(top, bottom), slice(left, right)), x, y

    def _mask(self, outlines: Sequence[Curve], blur: float) -> tuple[Window, Mask] | None:
        if not outlines:
            return None
        window, x, y = self._window(np.concatenate(outlines), 3 * blur + 1)
        if not x.size or not y.size:
            return None
        pad = int(3 * blur * self.scale) + 1
        corner = (window[1].start - pad, window[0].start - pad)
        image = Image.new("L", (x.size + 2 * pad, y.size + 2 * pad), 0)
        draw = ImageDraw.Draw(image)
        for outline in outlines:
            draw.polygon([(px, py) for px, py in (outline * self.scale - corner).tolist()], 255)
        if blur:
            image = softened(image, blur * self.scale)
        inner = np.asarray(image)[pad : pad + y.size, pad : pad + x.size]
        return window, inner.astype(np.float32) / 255

    def _ramp(self, window: Window, fade: Fade) -> Mask:
        (x0, y0), (x1, y1) = fade
        dx, dy = x1 - x0, y1 - y0
        x = np.arange(window[1].start, window[1].stop, dtype=np.float32)[None, :] / self.scale
        y = np.arange(window[0].start, window[0].stop, dtype=np.float32)[:, None] / self.scale
        t = np.clip(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy), 0, 1)
        return 1 - t * t * (3 - 2 * t)

    def _lay(self, window: Window, mask: Mask, colour: str, blend: Blend) -> None:
        if self._clip is not None:
            mask = mask * self._clip[window]
        amount = np.clip(mask, 0, 1)[..., None].astype(np.float32)
        below = self.pixels[window]
        pigment = rgb(colour)
        if blend == "over":
            below += (pigment - below) * amount
        elif blend == "multiply":
            below *= 1 + (pigment - 1) * amount
        else:
            below += (1 - below) * pigment * amount
