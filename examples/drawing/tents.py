"""The tent, far off and close behind a sitter."""

import numpy as np
from numpy.typing import ArrayLike

from drawing.curves import moved, placed, spline
from drawing.palette import AMBER, DEEP, EMBER, HOT, INK, MIST, NIGHT, SILVER, SLATE, STEEL, UMBER
from drawing.sheet import Sheet


def tent(sheet: Sheet, at: tuple[float, float], height: float, glow: float = 0.0) -> None:
    """A ridge tent seen from its front left corner; `glow` is lamplight within, 0..1."""

    def spot(x: float, y: float) -> tuple[float, float]:
        return at[0] + x * height, at[1] + y * height

    apex, back = spot(0, -1), spot(1.12, -0.80)
    left, right, far = spot(-0.66, -0.02), spot(0.44, 0.12), spot(1.58, -0.06)
    ridge_line = spline([apex, spot(0.56, -0.845), back])
    side = np.concatenate(
        [
            ridge_line,
            spline([back, spot(1.30, -0.36), far]),
            spline([far, spot(1.0, 0.0), right]),
            spline([right, spot(0.20, -0.42), apex]),
        ]
    )
    front = np.concatenate(
        [
            spline([apex, spot(-0.36, -0.42), left]),
            [left, right],
            spline([right, spot(0.20, -0.42), apex]),
        ]
    )
    sheet.fill(
        placed([(-0.8, 0.0), (0.5, 0.2), (1.8, 0.0), (1.2, 0.16), (0.3, 0.28)], at, height),
        DEEP,
        0.6,
        blur=0.05 * height,
    )
    sheet.fill(side, STEEL)
    sheet.fill(front, SILVER)
    with sheet.inside(side):
        sheet.fill(side, NIGHT, 0.75, streak=0.4, angle=60, fade=(spot(1.5, 0.1), spot(0.2, -0.8)))
        if glow:
            sheet.fill(side, AMBER, 0.85 * glow)
            sheet.fill(side, EMBER, 0.8 * glow, fade=(spot(1.6, -0.5), spot(0.4, -0.1)))
            sheet.glow(spot(0.5, -0.12), 0.75 * height, HOT, 0.75 * glow, blend="over")
        else:
            sheet.hatch(side, 52, 0.055 * height, 1.1, INK, 0.6)
        for k in (0.30, 0.62, 0.86):
            top = (apex[0] + (back[0] - apex[0]) * k, apex[1] + (back[1] - apex[1]) * k + 4)
            low = (right[0] + (far[0] - right[0]) * k, right[1] + (far[1] - right[1]) * k)
            sheet.line([top, low], 1.2, INK, 0.6, taper=0.9)
    with sheet.inside(front):
        if glow:
            sheet.fill(front, AMBER, 0.8 * glow)
        sheet.fill(front, STEEL, 0.7, fade=(left, spot(0.2, -0.5)))
        door = [apex, spot(-0.20, 0.03), spot(0.26, 0.12)]
        sheet.fill(spline([*door, apex], step=2), HOT if glow else DEEP, max(glow, 0.92))
        flap = [spot(0, -0.98), spot(-0.20, 0.03), spot(-0.40, 0.0), spot(-0.24, -0.30)]
        sheet.fill(flap, MIST if not glow else AMBER)
        sheet.hatch(flap, 70, 0.05 * height, 1.0, INK, 0.6)
        sheet.lines(
            [
                [spot(0, -0.98), spot(-0.17, -0.38), spot(-0.40, 0)],
                [spot(0, -0.98), spot(-0.08, -0.4), spot(-0.20, 0.03)],
                [spot(0.01, -0.95), spot(0.10, -0.4), spot(0.26, 0.12)],
            ],
            1.6,
        )
    pen = max(1.8, 0.018 * height)
    sheet.lines(
        [
            ridge_line,
            spline([back, spot(1.30, -0.36), far]),
            spline([far, spot(1.0, 0.0), right]),
            spline([right, spot(0.20, -0.42), apex]),
            spline([apex, spot(-0.36, -0.42), left]),
            [left, spot(-0.1, 0.06), right],
        ],
        pen,
    )
    ropes = [
        [apex, spot(-0.42, -0.5), spot(-0.98, 0.10)],
        [back, spot(1.6, -0.4), spot(2.02, 0.02)],
    ]
    sheet.lines(ropes, 1.0, INK, 0.9, taper=0.4, wobble=0.2)
    sheet.lines([[spot(-1.0, 0.13), spot(-0.96, 0.06)], [spot(2.0, 0.05), spot(2.04, -0.02)]], 2.4)


def tent_door(sheet: Sheet, apex: tuple[float, float], height: float, light: float = 0.6) -> None:
    """A tent's open front, close behind a sitter; `light` is what the lamp throws on it."""

    def spot(x: float, y: float) -> tuple[float, float]:
        return apex[0] + x * height, apex[1] + y * height

    left = spline([spot(0, 0), spot(-0.16, 0.42), spot(-0.42, 1.0)])
    right = spline([spot(0, 0), spot(0.24, 0.45), spot(0.58, 1.0)])
    front = np.concatenate([left[::-1], right])
    side = np.concatenate([right, [spot(0.9, 1.0), spot(0.9, 0.18), spot(0.0, 0.0)]])
    sheet.fill(side, NIGHT)
    sheet.hatch(side, 38, 11, 1.4, INK, 0.7)
    sheet.fill(front, SLATE)
    lamp = spot(-0.9, 0.72)
    with sheet.inside(front):
        sheet.fill(front, NIGHT, 0.85, fade=(spot(0.5, 0.4), spot(-0.3, 0.7)), streak=0.4, angle=62)
        sheet.glow(lamp, 1.15 * height, UMBER, light, blend="over", falloff=0.7)
        sheet.glow(lamp, 1.0 * height, AMBER, light, blend="over", falloff=1.2)
        door = np.concatenate(
            [
                spline([spot(0.005, 0.05), spot(-0.08, 0.5), spot(-0.2, 1.05)]),
                [spot(0.36, 1.05)],
                spline([spot(0.36, 1.05), spot(0.16, 0.5), spot(0.005, 0.05)]),
            ]
        )
        sheet.fill(door, DEEP)
        sheet.fill(door, UMBER, 0.6, fade=(spot(-0.2, 1.0), spot(0.2, 0.5)))
        sheet.hatch(door, 66, 10, 1.6, INK, 0.8)
        flap = spline(
            [
                spot(0.01, 0.06),
                spot(0.10, 0.36),
                spot(0.145, 0.62),
                spot(0.20, 0.64),
                spot(0.33, 1.0),
                spot(0.40, 1.0),
                spot(0.24, 0.6),
                spot(0.12, 0.26),
            ],
            closed=True,
        )
        sheet.fill(flap, STEEL)
        sheet.fill(flap, NIGHT, 0.7, fade=(spot(0.36, 0.5), spot(0.10, 0.5)))
        sheet.lines(
            [
                [spot(0.03, 0.12), spot(0.14, 0.4), spot(0.18, 0.62)],
                [spot(0.06, 0.16), spot(0.17, 0.42), spot(0.20, 0.63)],
                [spot(0.20, 0.66), spot(0.30, 0.84), spot(0.36, 1.0)],
            ],
            1.6,
        )
        sheet.line(flap, 2.4, closed=True)
        creases: list[ArrayLike] = [
            [spot(-0.02, 0.12), spot(-0.13, 0.5), spot(-0.25, 0.9)],
            [spot(-0.05, 0.3), spot(-0.15, 0.6), spot(-0.34, 0.98)],
        ]
        sheet.lines(creases, 1.5, INK, 0.8, taper=1.0)
        sheet.lines([door[: len(door) // 2]], 2.4, INK)
    sheet.lines([left, right], 3.4, INK, taper=0.4)
    sheet.lines([moved(left, 3.5, 3)], 1.8, HOT, 0.75 * light, taper=0.9)
    sheet.line([spot(0, 0), spot(0.45, 0.08), spot(0.9, 0.18)], 3.0, INK)
    sheet.line([spot(0, 0.015), spot(0, -0.05)], 4.5, INK, taper=0.2)
