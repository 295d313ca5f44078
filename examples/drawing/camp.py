"""What stands on the shore: ground, rocks, grass and pines."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from drawing.curves import Curve, arc, placed, spline, tube
from drawing.mountains import jagged
from drawing.palette import AMBER, DEEP, HOT, INK, MIST, NIGHT, SLATE, STEEL
from drawing.sheet import Sheet

Points = Sequence[tuple[float, float]]


def ground(sheet: Sheet, shoreline: Points, near: str = DEEP, far: str = SLATE) -> Curve:
    """Earth from the shoreline to the bottom of the panel; gives back its upper edge."""
    edge = jagged(sheet, shoreline, 0.05, 4)
    bottom = sheet.size[1] + 40
    area = np.concatenate([edge, [(edge[-1][0], bottom), (edge[0][0], bottom)]])
    top = float(edge[:, 1].min())
    sheet.fill(area, far)
    sheet.fill(area, near, 0.95, fade=((0, bottom - 60), (0, top)))
    with sheet.inside(area):
        for _ in range(26):
            x, y = sheet.rng.uniform(0, sheet.size[0]), sheet.rng.uniform(top, bottom)
            wide = 0.35 + 0.9 * (y - top) / (bottom - top)
            dab = [(-150, 0), (-60, -9), (110, -12), (170, 2), (40, 9), (-80, 10)]
            dab = placed(spline(dab, closed=True), (x, y), wide)
            light = sheet.rng.uniform() < 0.4
            sheet.fill(
                dab, STEEL if light else near, 0.16 if light else 0.3, blur=4, streak=0.9, angle=-6
            )
            if light:
                sheet.hatch(dab, -12, 7 * wide, 1.1, INK, 0.7, shorten=0.45)
    sheet.line(edge, 2.6, INK, wobble=0.5, taper=0.3)
    sheet.line(edge - (0, 2.5), 1.2, MIST, 0.7, taper=0.3)
    return edge


def grass(sheet: Sheet, edge: Curve, count: int, height: float, colour: str = INK) -> None:
    """Tufts of blades that grow along an edge."""
    blades: list[ArrayLike] = []
    for _ in range(count):
        x, y = edge[sheet.rng.integers(len(edge))] + sheet.rng.normal(0, (7, 3))
        for _ in range(sheet.rng.integers(3, 8)):
            tall = height * sheet.rng.uniform(0.4, 1)
            lean = sheet.rng.normal(0.15, 0.4) * tall
            root = x + sheet.rng.normal(0, 0.22 * height)
            blades.append([(root, y), (root + 0.3 * lean, y - 0.6 * tall), (root + lean, y - tall)])
    sheet.lines(blades, 1.7, colour, 0.95, taper=1.0)


def rock(
    sheet: Sheet, at: tuple[float, float], width: float, height: float, warm: float = 0.0
) -> None:
    """A split boulder of three facets; `warm` is lamplight on its top, 0..1."""

    def facet(*corners: tuple[float, float]) -> Curve:
        rough = jagged(sheet, [*spread(corners), spread(corners[:1])[0]], 0.05, 3)
        return rough[:-1]

    def spread(corners: Points) -> list[tuple[float, float]]:
        return [(at[0] + x * width, at[1] + y * height) for x, y in corners]

    outline = facet(
        (-0.5, 0),
        (-0.45, -0.4),
        (-0.27, -0.8),
        (0.06, -1),
        (0.31, -0.84),
        (0.46, -0.45),
        (0.52, 0.02),
        (0.16, 0.1),
        (-0.24, 0.09),
    )
    top = facet((-0.28, -0.8), (0.06, -1.02), (0.33, -0.86), (0.12, -0.60), (-0.12, -0.52))
    left = facet(
        (-0.52, 0.02), (-0.47, -0.4), (-0.28, -0.8), (-0.12, -0.52), (-0.04, 0.12), (-0.24, 0.12)
    )
    right = facet(
        (-0.12, -0.52),
        (0.12, -0.60),
        (0.33, -0.86),
        (0.5, -0.45),
        (0.56, 0.05),
        (0.16, 0.14),
        (-0.04, 0.12),
    )
    (x, y), size = at, max(width, height)
    pool = placed(arc((0, 0), 0.72 * width, 0.13 * height, 0, 360), (x + 0.12 * width, y))
    sheet.fill(pool, DEEP, 0.7, blur=0.03 * size)
    sheet.fill(outline, STEEL)
    with sheet.inside(outline):
        sheet.fill(right, NIGHT)
        sheet.fill(top, MIST)
        sheet.fill(top, AMBER, 0.85 * warm, blend="multiply")
        sheet.fill(top, HOT, 0.5 * warm, fade=((x, y - height), (x, y - 0.5 * height)))
        sheet.hatch(top, -9, 0.045 * size, 1.0, INK, 0.4, skip=0.35, shorten=0.5)
        sheet.fill(left, SLATE, 0.75, streak=0.6, angle=72, fade=((x, y), (x, y - 0.9 * height)))
        sheet.fill(left, AMBER, 0.35 * warm, fade=((x, y - 0.7 * height), (x, y - 0.2 * height)))
        sheet.fill(right, NIGHT, 0.88, streak=0.5, angle=66)
        sheet.hatch(right, 62, max(4.5, 0.035 * size), 1.2, INK, 0.8, shorten=0.3)
        sheet.hatch(left, 76, max(7.0, 0.06 * size), 1.0, INK, 0.5, shorten=0.4, skip=0.3)
        seam = jagged(sheet, spread([(-0.12, -0.52), (-0.08, -0.2), (-0.04, 0.12)]), 0.12, 4)
        rim = jagged(
            sheet, spread([(-0.28, -0.8), (-0.12, -0.52), (0.12, -0.6), (0.33, -0.86)]), 0.1, 4
        )
        crack = jagged(sheet, spread([(-0.38, -0.5), (-0.3, -0.28), (-0.33, -0.05)]), 0.3, 4)
        sheet.lines([seam, rim, crack], 1.5, INK, 0.9, taper=0.9)
    sheet.line(np.concatenate([outline, outline[:1]]), 2.8, INK, taper=0.3)


def pine(sheet: Sheet, x: float, foot: float, height: float, colour: str = DEEP) -> None:
    """A pine drawn bough by bough, its boughs drooping and thinning out to the top."""
    rng = sheet.rng
    trunk = tube(
        [(x, foot), (x + 0.006 * height, foot - 0.5 * height), (x, foot - height)],
        [0.03 * height, 0.018 * height, 0.002 * height],
    )
    sheet.fill(trunk, colour)
    needles: list[ArrayLike] = []
    lights: list[ArrayLike] = []
    for level in np.linspace(0.07, 0.99, 34):
        reach = height * 0.20 * (1 - level) ** 0.85 + 0.006 * height
        y = foot - (level + rng.uniform(-0.012, 0.012)) * height
        for side in (-1, 1):
            span = side * reach * rng.uniform(0.5, 1.15)
            droop = abs(span) * rng.uniform(0.22, 0.55)
            bough = spline(
                [
                    (x, y - 0.012 * height),
                    (x + 0.5 * span, y + 0.22 * droop),
                    (x + 0.85 * span, y + 0.8 * droop),
                    (x + span, y + 0.86 * droop),
                ]
            )
            under = [(x + 0.62 * span, y + 0.95 * droop), (x, y + 0.03 * height + 0.3 * droop)]
            sheet.fill(np.concatenate([bough, under]), colour, 0.96)
            needles.extend(_needles(rng, bough, 0.036 * height * (1.2 - level), side))
            if side < 0 and rng.uniform() < 0.5:
                lights.append(bough[len(bough) // 3 :] - (0, 0.004 * height))
    sheet.lines(needles, max(1.4, 0.0042 * height), colour, taper=0.9, wobble=0.5)
    sheet.lines(lights, max(0.8, 0.0024 * height), STEEL, 0.75, taper=1.0)


def _needles(rng: np.random.Generator, bough: Curve, length: float, side: int) -> list[ArrayLike]:
    strokes: list[ArrayLike] = [bough]
    for px, py in bough[:: max(1, int(len(bough) / 14))]:
        for _ in range(2):
            dx = side * length * rng.uniform(0.1, 0.9)
            dy = length * rng.uniform(0.5, 1.2)
            strokes.append([(px, py), (px + 0.6 * dx, py + 0.4 * dy), (px + dx, py + dy)])
    return strokes
