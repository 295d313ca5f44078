"""Curves as a hand draws them: splines, tubes, arcs and the slow noise that makes a line wobble.

A curve is an array of points (N, 2) in the panel's own pixels, y downwards.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Curve = NDArray[np.float64]


def spline(points: ArrayLike, closed: bool = False, step: float = 2.0) -> Curve:
    """A Catmull-Rom curve through all points, resampled at even steps.

    Args:
        points: At least two points; a point given twice in a row makes a corner.
        closed: Whether the last point leads back to the first.
        step: Distance between two points of the result, in pixels.
    """
    knots = np.asarray(points, dtype=np.float64)
    ends = (knots[-1:], knots[:2]) if closed else (knots[:1], knots[-1:])
    run = np.concatenate([ends[0], knots, ends[1]])
    t = np.linspace(0, 1, 16, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(run[:-3], run[1:-2], run[2:-1], run[3:], strict=True):
        cubic = (3 * b - a - 3 * c + d) * t**3 + (2 * a - 5 * b + 4 * c - d) * t**2
        pieces.append(0.5 * (cubic + (c - a) * t + 2 * b))
    last = knots[:1] if closed else knots[-1:]
    return resample(np.concatenate([*pieces, last]), step)


def resample(points: ArrayLike, step: float = 2.0) -> Curve:
    """The same polyline with its points at even steps."""
    run = np.asarray(points, dtype=np.float64)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(run, axis=0).T))])
    count = max(2, int(along[-1] / step) + 1)
    at = np.linspace(0, along[-1], count)
    return np.stack([np.interp(at, along, run[:, 0]), np.interp(at, along, run[:, 1])], axis=1)


def normals(curve: Curve) -> Curve:
    """Unit vectors to the right of the way the curve runs (y downwards)."""
    along = np.gradient(curve, axis=0)
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)
    return np.stack([-along[:, 1], along[:, 0]], axis=1) / length[:, None]


def slow_noise(rng: np.random.Generator, count: int, period: float) -> Curve:
    """Smooth noise of `count` samples within -1..1 that turns about every `period` samples."""
    knots = rng.uniform(-1, 1, int(count / period) + 4)
    at = np.arange(count) / period + rng.uniform()
    i = at.astype(int)
    t = at - i
    t = t * t * (3 - 2 * t)
    return knots[i] * (1 - t) + knots[i + 1] * t


def tube(points: ArrayLike, widths: Sequence[float], cap: float = 1.0) -> Curve:
    """The open outline of a limb: down its right side, around its end, back up the left side.

    Args:
        points: The axis, from the root to the tip.
        widths: Full widths at even distances along the axis.
        cap: How round the tip is: 0 is cut square, 1 a half circle.
    """
    axis = spline(points)
    count = len(axis)
    half = np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(widths)), widths) / 2
    side = normals(axis) * half[:, None]
    tip = np.linspace(0, np.pi, 14)[1:-1, None]
    forward = np.array([side[-1][1], -side[-1][0]])
    end = axis[-1] + np.cos(tip) * side[-1] + np.sin(tip) * forward * cap
    return np.concatenate([axis + side, end, (axis - side)[::-1]])


def arc(
    center: tuple[float, float], rx: float, ry: float, start: float, stop: float, count: int = 48
) -> Curve:
    """A part of an ellipse, angles in degrees from the right, clockwise on the page."""
    a = np.radians(np.linspace(start, stop, count))
    return np.stack([center[0] + rx * np.cos(a), center[1] + ry * np.sin(a)], axis=1)


def oval(center: tuple[float, float], rx: float, ry: float, turn: float = 0.0) -> Curve:
    """A whole ellipse, turned by `turn` degrees."""
    return placed(arc((0, 0), rx, ry, 0, 360, 72), center, turn=turn)


def placed(
    points: ArrayLike, at: tuple[float, float], scale: float = 1.0, turn: float = 0.0
) -> Curve:
    """The points scaled, turned clockwise by `turn` degrees about the origin, and moved to `at`."""
    a = np.radians(turn)
    rotation = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    return np.asarray(points, dtype=np.float64) @ rotation * scale + at


def moved(points: ArrayLike, dx: float, dy: float) -> Curve:
    """The points, shifted."""
    return np.asarray(points, dtype=np.float64) + np.array([dx, dy])


def box(left: float, top: float, right: float, bottom: float) -> Curve:
    """A rectangle's corners."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], dtype=np.float64)
