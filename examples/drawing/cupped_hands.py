"""Her hands around the lantern: the far one's palm behind it, the fingers of both in front."""

from numpy.typing import ArrayLike

from drawing.curves import moved, oval, spline, tube
from drawing.lamplight import LIGHT, lit
from drawing.palette import AMBER, EMBER, HOT, INK, SKIN, SKIN_DARK
from drawing.sheet import Sheet


def far_palm(sheet: Sheet) -> None:
    """The far hand's palm; draw the lantern after it."""
    palm = oval((391, 592), 19, 35, 4)
    lit(sheet, palm, SKIN_DARK, 0.6)
    sheet.line(palm, 2.2, INK, closed=True)


def fingers(
    sheet: Sheet, roots: list[tuple[float, float]], tips: list[tuple[float, float]], width: float
) -> None:
    """The far hand's fingers, from around the edge to their tips."""
    for root, tip in zip(roots, tips, strict=True):
        middle = ((root[0] + tip[0]) / 2, (root[1] + tip[1]) / 2 + 2)
        shape = tube([root, middle, tip], [width, width, width * 0.82])
        sheet.fill(shape, SKIN)
        with sheet.inside(shape):
            sheet.fill(moved(shape, 0, width * 0.55), SKIN_DARK, 0.8, blur=3)
            sheet.fill(moved(shape, 0, -width * 0.62), HOT, 0.7, blur=3)
        sheet.line(shape[10:-10], 1.9, INK, taper=0.5, wobble=0.3)


def near_hand(sheet: Sheet) -> None:
    """The near hand, its fingers around the lantern's foot, thumb along the collar."""
    back = spline(
        [
            (612, 584),
            (574, 562),
            (536, 560),
            (514, 578),
            (512, 616),
            (534, 644),
            (580, 658),
            (618, 656),
        ]
    )
    for i, (y, reach) in enumerate(((636, 462), (617, 446), (598, 444), (580, 456))):
        shape = tube([(548, y + 4), (505, y + 6), (reach, y - 3)], [27, 25, 19])
        sheet.fill(shape, SKIN)
        with sheet.inside(shape):
            sheet.fill(moved(shape, 0, 15), SKIN_DARK, 0.85, blur=4)
            sheet.fill(moved(shape, 0, -16), HOT, 0.8, blur=4)
            sheet.line(
                [(500 - 2 * i, y - 8), (497 - 2 * i, y), (500 - 2 * i, y + 8)], 1.2, INK, 0.6
            )
        sheet.line(shape, 2.0, INK, taper=0.4, wobble=0.3)
    thumb = tube([(572, 580), (540, 556), (512, 540)], [32, 28, 21])
    sheet.fill(thumb, SKIN)
    with sheet.inside(thumb):
        sheet.fill(moved(thumb, -8, -14), HOT, 0.8, blur=5)
        sheet.fill(moved(thumb, 8, 14), SKIN_DARK, 0.8, blur=5)
    sheet.line(thumb, 2.0, INK, taper=0.4, wobble=0.3)
    sheet.fill(back, SKIN)
    with sheet.inside(back):
        sheet.fill(
            [(560, 540), (590, 600), (560, 680), (640, 680), (640, 540)], SKIN_DARK, 0.8, blur=14
        )
        sheet.fill(moved(back, -16, -22), HOT, 0.55, blur=9)
    sheet.lines(
        [
            [(618, 584), (574, 562), (542, 560), (528, 568)],
            [(524, 640), (548, 650), (580, 660), (620, 657)],
            [(590, 576), (560, 584), (532, 588)],
            [(604, 600), (570, 606), (540, 607)],
        ],
        1.4,
        INK,
        0.8,
        taper=0.95,
    )
    knuckles: list[ArrayLike] = [
        [(534, y - 9), (524, y), (534, y + 8)] for y in (582, 602, 622, 640)
    ]
    sheet.lines(knuckles, 1.1, INK, 0.4, taper=1.0)
    sheet.lines([[(620, 584), (574, 562), (540, 560)], [(530, 643), (580, 660), (622, 657)]], 2.6)
    cuff = spline(
        [(604, 574), (626, 580), (640, 620), (630, 664), (606, 668), (614, 620)], closed=True
    )
    sheet.fill(cuff, EMBER)
    with sheet.inside(cuff):
        sheet.glow(LIGHT, 260, AMBER, 1.0, blend="over")
        sheet.hatch(cuff, 5, 7, 1.4, INK, 0.8, skip=0, shorten=0.02)
    sheet.line(cuff, 2.4, INK, closed=True)
