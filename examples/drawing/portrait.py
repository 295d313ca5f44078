"""Her head in profile, facing left and looking down into the light."""

import numpy as np
from numpy.typing import ArrayLike

from drawing.curves import Curve, moved, oval, placed, spline
from drawing.palette import (
    AMBER,
    DEEP,
    EMBER,
    HAIR,
    HOT,
    INK,
    NIGHT,
    SKIN,
    SKIN_DARK,
    SKIN_LIGHT,
)
from drawing.sheet import Sheet

# Heights and depths are shares of the head, chin to crown; the origin is its middle.
PROFILE = [
    (-0.27, -0.36), (-0.355, -0.22), (-0.372, -0.11), (-0.345, -0.03), (-0.385, 0.05),
    (-0.452, 0.128), (-0.458, 0.150), (-0.425, 0.172), (-0.378, 0.180), (-0.376, 0.195),
    (-0.397, 0.222), (-0.392, 0.240), (-0.370, 0.250), (-0.386, 0.264), (-0.381, 0.285),
    (-0.353, 0.308), (-0.362, 0.352), (-0.352, 0.405), (-0.29, 0.435), (-0.18, 0.405),
    (-0.04, 0.34), (0.07, 0.24),
]  # fmt: skip
NECK = [(-0.17, 0.36), (-0.14, 0.48), (-0.17, 0.75), (0.36, 0.75), (0.30, 0.40), (0.30, 0.1)]
BAND_LOW = [(-0.388, -0.185), (-0.22, -0.215), (0.02, -0.185), (0.22, -0.105), (0.395, 0.0)]
BAND_TOP = [(-0.372, -0.315), (-0.2, -0.36), (0.05, -0.33), (0.27, -0.24), (0.435, -0.12)]
DOME = [(-0.352, -0.325), (-0.315, -0.45), (-0.17, -0.555), (0.04, -0.585), (0.25, -0.51),
        (0.395, -0.34), (0.42, -0.135)]  # fmt: skip
HAIR_SHAPE = [(-0.16, -0.20), (-0.135, -0.05), (-0.07, 0.10), (-0.03, 0.27), (-0.05, 0.42),
              (-0.09, 0.55), (-0.08, 0.68), (0.04, 0.74), (0.22, 0.68), (0.35, 0.52), (0.42, 0.25),
              (0.385, 0.0), (0.2, -0.16)]  # fmt: skip


class Portrait:
    """A head on the sheet.

    Args:
        sheet: Where to draw.
        at: The head's middle.
        size: Chin to crown, in pixels.
        lamp: Where the light is, on the panel.
        turn: How far the head is bowed, in degrees.
    """

    def __init__(
        self,
        sheet: Sheet,
        at: tuple[float, float],
        size: float,
        lamp: tuple[float, float],
        turn: float = 12,
    ):
        self.sheet, self.at, self.size, self.lamp, self.turn = sheet, at, size, lamp, turn
        self.pen = max(1.5, size * 0.0105)

    def draw(self) -> None:
        """Draw face, hair and cap."""
        self._face()
        self._features()
        self._hair()
        self._cap()

    def _put(self, points: ArrayLike) -> Curve:
        return placed(points, self.at, self.size, -self.turn)

    def _ink(self, points: ArrayLike, width: float = 1.0, opacity: float = 1.0) -> None:
        self.sheet.line(
            spline(self._put(points), step=1.5), self.pen * width, INK, opacity, wobble=0.25
        )

    def _face(self) -> None:
        sheet, size = self.sheet, self.size
        neck = self._put(spline(NECK, closed=True, step=0.01))
        sheet.fill(neck, SKIN_DARK)
        face = self._put(np.concatenate([spline(PROFILE, step=0.006), [(0.2, 0.1), (0.2, -0.3)]]))
        shadow = self._put(
            spline(
                [(-0.36, 0.40), (-0.18, 0.37), (0.1, 0.2), (0.2, 0.5), (-0.1, 0.62)],
                closed=True,
                step=0.01,
            )
        )
        with sheet.inside(neck):
            sheet.fill(shadow, NIGHT, 0.6, blur=0.02 * size)
        sheet.fill(face, SKIN)
        with sheet.inside(face):
            cheek = self._put(
                [(-0.20, -0.4), (-0.17, 0.0), (-0.10, 0.2), (-0.16, 0.5), (0.4, 0.5), (0.4, -0.4)]
            )
            sheet.fill(cheek, SKIN_DARK, 0.85, blur=0.045 * size)
            socket = self._put(oval((-0.30, -0.06), 0.10, 0.045, 8))
            sheet.fill(socket, SKIN_DARK, 0.6, blur=0.018 * size)
            brow = self._put([(-0.4, -0.4), (-0.4, -0.16), (-0.1, -0.13), (-0.1, -0.4)])
            sheet.fill(brow, SKIN_DARK, 0.75, blur=0.025 * size)
            for center, rx, ry in (
                ((-0.43, 0.155), 0.06, 0.03),
                ((-0.37, 0.40), 0.09, 0.06),
                ((-0.27, 0.13), 0.10, 0.075),
                ((-0.385, 0.28), 0.03, 0.025),
            ):
                light = self._put(oval(center, rx, ry, 12))
                sheet.fill(light, SKIN_LIGHT, 0.85, blur=0.022 * size)
            sheet.glow(
                tuple(self._put([(-0.27, 0.16)])[0].tolist()),
                0.15 * size,
                EMBER,
                0.35,
                blend="over",
            )
            rim = self._put(moved(spline(PROFILE[1:19], step=0.006), 0.012, 0))
            sheet.line(rim, 0.028 * size, HOT, 0.75, taper=0.5, wobble=0.2)
            hatch = self._put([(-0.06, 0.0), (-0.02, 0.30), (0.12, 0.22), (0.12, -0.1)])
            sheet.hatch(hatch, 58, 0.035 * size, self.pen * 0.4, INK, 0.6)
        self._ink(PROFILE, 1.15)
        self._ink([(-0.17, 0.40), (-0.145, 0.50), (-0.16, 0.66)], 1.0)

    def _features(self) -> None:
        sheet = self.sheet
        white = self._put(
            spline(
                [(-0.322, 0.022), (-0.29, 0.0), (-0.235, 0.004), (-0.215, 0.022), (-0.27, 0.034)],
                closed=True,
                step=0.004,
            )
        )
        sheet.fill(white, "#f7ead4")
        with sheet.inside(white):
            sheet.fill(self._put(oval((-0.298, 0.022), 0.024, 0.026)), INK)
        self._ink(
            [(-0.333, 0.030), (-0.312, 0.004), (-0.28, -0.006), (-0.235, 0.0), (-0.198, 0.022)], 1.9
        )
        self._ink([(-0.318, 0.022), (-0.27, 0.032), (-0.222, 0.022)], 0.55, 0.8)
        self._ink([(-0.31, -0.044), (-0.26, -0.05), (-0.20, -0.018)], 0.7, 0.8)
        for x, y in ((-0.333, 0.03), (-0.320, 0.012)):
            self._ink([(x, y), (x - 0.018, y + 0.012), (x - 0.034, y + 0.012)], 0.8)
        brow = [(-0.352, -0.098), (-0.30, -0.125), (-0.22, -0.115), (-0.165, -0.082)]
        self._ink(brow, 2.1)
        self._ink([(-0.418, 0.158), (-0.405, 0.148), (-0.392, 0.158)], 1.0)
        self._ink([(-0.398, 0.118), (-0.372, 0.125), (-0.362, 0.155), (-0.378, 0.172)], 0.7, 0.8)
        lips = self._put(
            spline(
                [
                    (-0.378, 0.204),
                    (-0.397, 0.224),
                    (-0.391, 0.242),
                    (-0.382, 0.282),
                    (-0.358, 0.288),
                    (-0.315, 0.256),
                    (-0.345, 0.222),
                ],
                closed=True,
                step=0.004,
            )
        )
        sheet.fill(lips, "#b5553f", 0.55, blur=0.4)
        self._ink([(-0.394, 0.247), (-0.365, 0.252), (-0.335, 0.256), (-0.305, 0.246)], 0.95)
        self._ink([(-0.298, 0.236), (-0.292, 0.252), (-0.297, 0.266)], 0.6, 0.7)
        self._ink([(-0.372, 0.306), (-0.355, 0.312), (-0.335, 0.306)], 0.5, 0.6)

    def _hair(self) -> None:
        sheet = self.sheet
        hair = self._put(spline(HAIR_SHAPE, closed=True, step=0.01))
        sheet.fill(hair, HAIR)
        rng = sheet.rng
        with sheet.inside(hair):
            sheet.glow(self.lamp, 2.5 * self.size, AMBER, 0.55, blend="over")
            sheet.fill(
                self._put([(0.10, -0.3), (0.16, 0.3), (0.05, 0.9), (0.6, 0.9), (0.6, -0.3)]),
                DEEP,
                0.85,
                blur=0.05 * self.size,
            )
            dark, light = [], []
            for k in np.linspace(0.02, 0.98, 24):
                top = (-0.15 + 0.55 * k, -0.2 + 0.2 * k)
                mid = (-0.09 + 0.5 * k + rng.normal(0, 0.01), 0.22 + 0.05 * k)
                low = (-0.11 + 0.36 * k + rng.normal(0, 0.02), 0.74 - 0.14 * k)
                strand = self._put([top, (mid[0], 0.08), mid, (mid[0] - 0.04, 0.5), low])
                (light if k < 0.4 and rng.uniform() < 0.5 else dark).append(strand)
            sheet.lines(dark, self.pen * 0.6, INK, 0.85, taper=0.95)
            sheet.lines(light, self.pen * 0.6, HOT, 0.7, taper=0.95)
        sheet.line(hair[: int(len(hair) * 0.82)], self.pen, INK, taper=0.5)
        loose = [
            [(-0.15, -0.18), (-0.20, -0.06), (-0.17, 0.08), (-0.115, 0.16)],
            [(-0.14, -0.15), (-0.155, 0.0), (-0.10, 0.14), (-0.09, 0.26)],
        ]
        sheet.lines([spline(self._put(strand)) for strand in loose], self.pen * 0.8, INK, taper=0.9)

    def _cap(self) -> None:
        sheet, size = self.sheet, self.size
        dome = self._put(spline([*DOME, *BAND_TOP[::-1]], closed=True, step=0.01))
        band = self._put(
            np.concatenate([spline(BAND_LOW, step=0.01), spline(BAND_TOP, step=0.01)[::-1]])
        )
        for shape, base in ((dome, EMBER), (band, EMBER)):
            sheet.fill(shape, base)
            with sheet.inside(shape):
                sheet.fill(
                    shape,
                    NIGHT,
                    0.75,
                    fade=(
                        tuple(self._put([(0.5, -0.5)])[0].tolist()),
                        tuple(self._put([(-0.25, -0.15)])[0].tolist()),
                    ),
                )
                sheet.glow(self.lamp, 2.15 * size, AMBER, 1.0, blend="over", falloff=1.1)
        ribs, knit = [], []
        low, top = spline(BAND_LOW, step=0.01), spline(BAND_TOP, step=0.01)
        for k in np.linspace(0.02, 0.98, 26):
            a, b = low[int(k * (len(low) - 1))], top[int(k * (len(top) - 1))]
            ribs.append(self._put([a, (a + b) / 2 + (-0.008, 0), b]))
        for k in np.linspace(0.06, 0.94, 15):
            a = top[int(k * (len(top) - 1))]
            crown = np.array([0.05 + 0.22 * (k - 0.5), -0.58 + 0.1 * abs(k - 0.5)])
            bow = (a + crown) / 2 + ((k - 0.5) * 0.24, -0.03)
            knit.append(spline(self._put([a, bow, crown])))
        sheet.lines(ribs, self.pen * 0.7, INK, 0.8, taper=0.7)
        with sheet.inside(dome):
            sheet.lines(knit, self.pen * 0.6, INK, 0.6, taper=0.8)
            back = self._put([(0.15, -0.7), (0.10, -0.3), (0.5, -0.05), (0.6, -0.6)])
            sheet.hatch(back, 62, 0.04 * size, self.pen * 0.5, INK, 0.7)
        self._ink(DOME, 1.2)
        sheet.line(np.concatenate([band, band[:1]]), self.pen, INK, taper=0.3)
