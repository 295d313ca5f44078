"""The pen: how a stroke swells, thins and strays, and how a hand hatches."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from drawing.curves import Curve, normals, slow_noise, spline


@dataclass(frozen=True)
class Pen:
    """A nib and the hand that leads it.

    Attributes:
        width: Width at full pressure, in pixels.
        taper: How much thinner the ends are than the middle, 0..1.
        wobble: How far the hand strays, in pixels.
        closed: Whether a stroke returns to its start.
        straight: Whether the points are joined straight, not by a curve.
    """

    width: float = 2.2
    taper: float = 0.75
    wobble: float = 0.7
    closed: bool = False
    straight: bool = False

    def stroke(self, rng: np.random.Generator, points: ArrayLike) -> list[Curve]:
        """The outlines that cover one stroke through the points."""
        run = np.asarray(points, dtype=np.float64)
        if self.straight:
            run = np.repeat(run, 2, axis=0)
        curve = spline(run, self.closed)
        count = len(curve)
        curve = curve + normals(curve) * (self.wobble * slow_noise(rng, count, 22))[:, None]
        t = np.linspace(0, 1, count)
        lift = 1.0 if self.closed else np.sin(np.pi * (0.04 + 0.92 * t)) ** 0.7
        pressure = (1 - self.taper + self.taper * lift) * (1 + 0.3 * slow_noise(rng, count, 26))
        side = normals(curve) * (np.maximum(self.width * pressure, 0.35) / 2)[:, None]
        right, left = curve + side, curve - side
        # Short runs, each overlapping the next: a tight bend may fold one, but leaves no hole.
        ends = [(i, min(i + 4, count)) for i in range(0, count - 1, 3)]
        return [np.concatenate([right[i:j], left[i:j][::-1]]) for i, j in ends]


@dataclass(frozen=True)
class Hatching:
    """Parallel strokes across an outline.

    Attributes:
        angle: Their direction, degrees clockwise from the horizontal.
        spacing: Distance between two strokes, in pixels.
        skip: The share of strokes left out.
        shorten: How far a stroke may stop short of the outline, as a share of its length.
    """

    angle: float
    spacing: float = 7.0
    skip: float = 0.08
    shorten: float = 0.12

    def strokes(self, rng: np.random.Generator, outline: ArrayLike) -> list[ArrayLike]:
        """The strokes, each three points with a slight bow."""
        region = np.asarray(outline, dtype=np.float64)
        a = np.radians(self.angle)
        along, across = np.array([np.cos(a), np.sin(a)]), np.array([-np.sin(a), np.cos(a)])
        u, v = region @ along, region @ across
        found: list[ArrayLike] = []
        for step in np.arange(v.min() + self.spacing / 2, v.max(), self.spacing):
            level = step + rng.uniform(-0.3, 0.3) * self.spacing
            crossings = _crossings(u, v, level)
            for begin, end in zip(crossings[::2], crossings[1::2], strict=False):
                length = end - begin
                if rng.uniform() < self.skip or length < 2:
                    continue
                start = begin + length * rng.uniform(0, self.shorten)
                stop = end - length * rng.uniform(0, self.shorten)
                bow = rng.uniform(-0.02, 0.02) * length
                stations = ((start, 0.0), ((start + stop) / 2, bow), (stop, 0.0))
                found.append([along * s + across * (level + lift) for s, lift in stations])
        return found


def _crossings(u: Curve, v: Curve, level: float) -> list[float]:
    """Where an outline in coordinates (u, v) crosses v = level, from left to right."""
    u2, v2 = np.roll(u, -1), np.roll(v, -1)
    hit = (v < level) != (v2 < level)
    share = (level - v[hit]) / (v2[hit] - v[hit])
    return sorted((u[hit] + share * (u2[hit] - u[hit])).tolist())
