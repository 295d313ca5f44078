"""The hiker from behind, small in the landscape: pack, bedroll, pole, the lantern in her hand."""

import numpy as np
from numpy.typing import ArrayLike

from drawing.curves import Curve, oval, placed, spline, tube
from drawing.lantern import Lantern, draw_lantern
from drawing.palette import AMBER, DEEP, EMBER, INK, MIST, NIGHT, SLATE, STEEL
from drawing.sheet import Sheet


class Hiker:
    """She walks away from us.

    Args:
        sheet: Where to draw.
        at: The point between her boots.
        height: From boots to cap, in pixels.
    """

    def __init__(self, sheet: Sheet, at: tuple[float, float], height: float):
        self.sheet, self.at, self.unit = sheet, at, height / 100
        self.pen = max(1.4, 0.0115 * height)

    def draw(self) -> None:
        """Draw her from the far side to the near one."""
        self.sheet.fill(
            self._put([(-10, 0), (12, -2), (66, 10), (74, 16), (20, 8)]), DEEP, 0.6, blur=2
        )
        self._legs()
        self._arms()
        jacket = [(-9, -84), (-13.5, -79), (-13.5, -60), (-12, -43), (0, -41), (12, -43)]
        jacket += [(13.5, -60), (13.5, -79), (9, -84), (0, -86)]
        self._part(spline(jacket, closed=True), SLATE, STEEL)
        self._head()
        self._pack()

    def _put(self, points: ArrayLike) -> Curve:
        return placed(points, self.at, self.unit)

    def _part(self, shape: ArrayLike, colour: str, light: str | None = None) -> None:
        """One piece of her, lit from the left by the last of the sky."""
        outline = self._put(shape)
        self.sheet.fill(outline, colour)
        if light:
            x, y = outline.min(axis=0)
            across = ((x, y), (x + 0.6 * float(np.ptp(outline[:, 0])), y))
            self.sheet.fill(outline, light, 0.85, fade=across)
        self.sheet.line(outline, self.pen, taper=0.3, wobble=0.3)

    def _legs(self) -> None:
        self._part(tube([(-5, -46), (-7, -26), (-9.5, -6)], [13, 9.5, 6.5]), SLATE, STEEL)
        self._part(spline([(-13.5, -8), (-6, -8), (-5, 0), (-8, 2), (-13, 1.5)], closed=True), DEEP)
        self._part(tube([(5, -46), (7.5, -26), (5.5, -8)], [14, 10.5, 7]), NIGHT, SLATE)
        self._part(
            spline([(1.5, -9), (9.5, -9), (11, -2), (9, 4), (2, 4), (0.5, -1)], closed=True), DEEP
        )
        folds = [
            [(-9, -28), (-6, -26.5), (-3, -27)],
            [(3, -29), (7, -27), (11, -28)],
            [(2, -12), (5, -10.5), (9, -12)],
        ]
        self.sheet.lines([self._put(fold) for fold in folds], self.pen * 0.6)

    def _arms(self) -> None:
        self._part(tube([(-7, -77), (-15.5, -66), (-18.5, -51)], [9, 8.6, 6]), SLATE, STEEL)
        x, y = self._put([(-19.0, -23.5)])[0].tolist()
        lamp = Lantern((x, y), 19.5 * self.unit, glow=1, weight=self.pen * 0.6)
        self.sheet.glow((x, y - 10 * self.unit), 46 * self.unit, AMBER, 0.5)
        draw_lantern(self.sheet, lamp)
        self._part(oval((-18.8, -49.2), 2.9, 3.5), EMBER, AMBER)
        self._part(tube([(7, -77), (17, -67.5), (20, -56)], [9, 8.8, 6]), SLATE)
        self.sheet.line(self._put([(20, -60), (24, -28), (27, 3)]), self.pen, taper=0.2, wobble=0.3)
        self._part(oval((20.4, -54.5), 2.8, 3.4), EMBER)

    def _head(self) -> None:
        self._part(oval((0.5, -89.5), 4.6, 5.6), STEEL)
        hood = [(-7, -83), (-5, -87), (0.5, -85.6), (6, -87), (8, -83), (0.5, -80)]
        self._part(spline(hood, closed=True), SLATE, STEEL)
        cap = [(-5.2, -89.5), (-4.8, -95.5), (0.5, -99), (5.8, -95.5), (6.2, -89.5), (0.5, -88)]
        self._part(spline(cap, closed=True), EMBER, AMBER)
        self.sheet.line(self._put([(-5.2, -91.8), (0.5, -90.4), (6.2, -91.8)]), self.pen * 0.7)

    def _pack(self) -> None:
        body = spline(
            [
                (-10, -80),
                (-7, -85.5),
                (7, -85.5),
                (10, -80),
                (11, -62),
                (9.5, -52),
                (-9.5, -52),
                (-11, -62),
            ],
            closed=True,
        )
        self._part(body, STEEL, MIST)
        with self.sheet.inside(self._put(body)):
            right = self._put([(2, -90), (14, -90), (14, -45), (4, -45)])
            self.sheet.fill(right, NIGHT, 0.7, blur=self.pen)
            self.sheet.hatch(right, 60, self.pen * 1.9, self.pen * 0.45, INK, 0.7)
        seams: list[ArrayLike] = [
            [(-10, -75), (0, -72), (10, -75)],
            [(-4, -84), (-5, -70), (-5, -53)],
            [(4.5, -84), (5, -70), (5, -53)],
            [(-7, -66), (0, -65), (7, -66), (7.5, -55)],
        ]
        self.sheet.lines([self._put(seam) for seam in seams], self.pen * 0.7)
        self._part(tube([(-12, -48.5), (12, -48.5)], [8, 8], cap=0.6), EMBER, AMBER)
        straps = [[(x, -52.4), (x - 0.6, -48.5), (x, -44.6)] for x in (-6, 6)]
        self.sheet.lines([self._put(strap) for strap in straps], self.pen * 0.8)
