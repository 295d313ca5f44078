"""Ridges and peaks: skylines by midpoint displacement, faces lit from the left."""

from collections.abc import Sequence

import numpy as np

from drawing.curves import Curve, spline
from drawing.palette import DEEP, INK, MIST, NIGHT, SLATE
from drawing.sheet import Sheet

Points = Sequence[tuple[float, float]]


def jagged(sheet: Sheet, points: Points, roughness: float = 0.16, steps: int = 5) -> Curve:
    """A rough line through the points, by midpoint displacement."""
    run = np.array(points, dtype=np.float64)
    for _ in range(steps):
        middle = (run[:-1] + run[1:]) / 2
        length = np.hypot(*np.diff(run, axis=0).T)
        middle[:, 1] += roughness * length * sheet.rng.uniform(-1, 1, len(middle))
        woven = np.empty((len(run) + len(middle), 2))
        woven[::2], woven[1::2] = run, middle
        run = woven
    return run


def mountains(
    sheet: Sheet,
    points: Points,
    foot: float,
    light: str,
    dark: str,
    pen: float = 1.6,
    mist: str = MIST,
    ink: str = INK,
    haze: float = 0.8,
) -> None:
    """One range of peaks: paper-light to the left of each spine, washed and hatched to its right.

    Args:
        sheet: Where to draw.
        points: The skyline's main points, peaks and saddles in turn.
        foot: The level where it meets the lake.
        light: The wash of the lit faces.
        dark: The marker of the faces turned away.
        pen: Width of the contour.
        mist: The haze at its foot.
        ink: The pen's colour, paler for what is far.
        haze: How thick the haze is, 0..1.
    """
    skyline = jagged(sheet, points)
    mass = np.concatenate([skyline, [(skyline[-1][0], foot), (skyline[0][0], foot)]])
    top = float(skyline[:, 1].min())
    sheet.fill(mass, light)
    with sheet.inside(mass):
        for before, peak, after in zip(points, points[1:], points[2:], strict=False):
            if before[1] > peak[1] < after[1]:
                _spurs(sheet, skyline, peak, before, foot, dark, pen, ink)
                _shadow(sheet, skyline, peak, foot, dark, pen, ink)
        sheet.fill(mass, mist, haze, fade=((0, foot), (0, foot - 0.5 * (foot - top))))
    sheet.line(skyline, pen * 1.3, ink, wobble=0.4, taper=0.4)


def _spine(sheet: Sheet, start: tuple[float, float], drop: float, lean: float) -> Curve:
    t = np.linspace(0, 1, 7)
    zigzag = sheet.rng.uniform(-1, 1, 7) * 0.075 * drop * (t > 0)
    run = np.stack([start[0] + lean * drop * t + zigzag, start[1] + drop * t], axis=1)
    return jagged(sheet, [(x, y) for x, y in run.tolist()], 0.13, 2)


def _shadow(
    sheet: Sheet,
    skyline: Curve,
    peak: tuple[float, float],
    foot: float,
    dark: str,
    pen: float,
    ink: str,
) -> None:
    depth = foot - peak[1]
    spine = _spine(sheet, peak, depth, sheet.rng.uniform(-0.06, 0.16))
    right = skyline[skyline[:, 0] >= peak[0]]
    beyond = np.flatnonzero(right[:, 1] - peak[1] > 0.72 * depth)
    right = right[: beyond[0] + 1] if len(beyond) else right
    face = np.concatenate([spine[::-1], right, [(right[-1][0] + 0.1 * depth, foot)]])
    down = ((peak[0], peak[1] + 0.1 * depth), (peak[0], foot - 0.05 * depth))
    sheet.fill(face, dark, 0.95, blend="multiply", streak=0.5, angle=62, blur=0.5, fade=down)
    near = np.concatenate([spine[::-1], right[: len(right) // 3]])
    sheet.fill(near, dark, 0.55, blend="multiply", streak=0.8, angle=70, blur=0.5, fade=down)
    upper = np.concatenate([spine[: int(len(spine) * 0.6)][::-1], right[: len(right) // 2]])
    sheet.hatch(upper, 58, 6.0, pen * 0.6, ink, 0.7, shorten=0.3)
    for k in (0.25, 0.42, 0.6):
        rib = _spine(sheet, tuple(right[int(len(right) * k)].tolist()), 0.3 * depth, 0.18)
        sheet.line(rib, pen * 0.8, ink, 0.7, taper=1.0)
    sheet.line(spine[: int(len(spine) * 0.78)], pen * 1.1, ink, 0.95, taper=0.9)


def _spurs(
    sheet: Sheet,
    skyline: Curve,
    peak: tuple[float, float],
    before: tuple[float, float],
    foot: float,
    dark: str,
    pen: float,
    ink: str,
) -> None:
    """Small ribs on the lit side, each with its own shadow: they say how steep it is."""
    depth = foot - peak[1]
    for share in (0.16, 0.34, 0.55, 0.78):
        x = peak[0] + (before[0] - peak[0]) * (share + sheet.rng.uniform(-0.06, 0.06))
        y = float(np.interp(x, skyline[:, 0], skyline[:, 1]))
        drop = depth * sheet.rng.uniform(0.22, 0.5)
        rib = _spine(sheet, (x, y), drop, sheet.rng.uniform(-0.25, 0.05))
        back = spline([rib[-1], rib[-1] + (0.12 * drop, -0.45 * drop), rib[0] + (0.10 * drop, 0)])
        wedge = np.concatenate([rib, back])
        sheet.fill(wedge, dark, 0.7, blend="multiply", streak=0.5, angle=62, blur=0.5)
        sheet.hatch(wedge, 62, 6.5, pen * 0.5, ink, 0.55, shorten=0.25)
        sheet.line(rib, pen * 0.8, ink, 0.75, taper=1.0)


def treeline(
    sheet: Sheet, left: float, right: float, foot: float, height: float, colour: str = NIGHT
) -> None:
    """A far wood along the shore, from `left` to `right`: ragged tops, one wash."""
    tops: list[tuple[float, float]] = [(left, foot)]
    x = left
    while x < right:
        step = height * sheet.rng.uniform(0.10, 0.3)
        ends = min(1.0, (x - left) / (3 * height) + 0.25, (right - x) / (3 * height) + 0.25)
        tall = height * sheet.rng.uniform(0.45, 1.0) * ends
        tops += [(x + step * 0.5, foot - tall), (x + step, foot - tall * 0.45)]
        x += step
    wood = np.array([*tops, (right, foot)])
    sheet.fill(wood, colour, 0.96)
    sheet.fill(wood, SLATE, 0.55, fade=((0, foot), (0, foot - height)))
    sheet.lines([[(x, foot - 1), (x, y + 2)] for x, y in tops[1::4]], 1.2, DEEP, 0.8)
    sheet.line([(left, foot), ((left + right) / 2, foot + 0.8), (right, foot)], 1.8, DEEP, 0.9)
