"""A hand from the right that turns the lantern's collar: thumb in front, fingers behind it."""

from numpy.typing import ArrayLike

from drawing.curves import Curve, moved, oval, spline
from drawing.palette import (
    AMBER,
    DEEP,
    EMBER,
    HOT,
    INK,
    NIGHT,
    SKIN,
    SKIN_DARK,
    SKIN_LIGHT,
    SLATE,
    UMBER,
)
from drawing.sheet import Sheet

LIGHT = (440.0, 230.0)
FINGER = [(1050, 312), (1000, 268), (930, 249), (862, 258), (806, 284), (762, 322), (716, 372),
          (690, 420), (730, 450), (790, 424), (850, 404), (920, 390), (1040, 360)]  # fmt: skip
HAND = [(564, 424), (576, 402), (606, 391), (650, 391), (700, 399), (738, 397), (790, 404),
        (842, 400), (876, 378), (896, 336), (926, 288), (968, 262), (1014, 262), (1076, 288),
        (1150, 318), (1220, 340), (1220, 580), (1150, 592), (1070, 608), (990, 612), (914, 596),
        (850, 562), (800, 534), (758, 516), (716, 507), (660, 492), (608, 474),
        (574, 450)]  # fmt: skip


def fingers_behind(sheet: Sheet) -> None:
    """Index and middle finger, on their way around the far side; draw the lantern after them."""
    middle = moved(spline(FINGER, closed=True), -30, -34)
    sheet.fill(middle, UMBER)
    with sheet.inside(middle):
        sheet.glow(LIGHT, 480, SKIN_LIGHT, 0.85, blend="over")
        sheet.hatch(middle, 50, 9, 1.4, INK, 0.5)
    sheet.line(middle, 3.2, INK, closed=True)
    index = spline(FINGER, closed=True)
    _skin(sheet, index, (900, 460))
    wrinkles: list[ArrayLike] = [
        [(806, 296), (816, 310), (818, 328)],
        [(820, 286), (832, 300), (834, 318)],
        [(836, 280), (847, 291), (850, 306)],
        [(752, 344), (764, 354), (770, 370)],
    ]
    sheet.lines(wrinkles, 1.7, INK, 0.75, taper=1.0)
    sheet.line(index, 3.4, INK, closed=True)


def hand_in_front(sheet: Sheet) -> None:
    """Thumb, ball of the thumb, back of the hand, cuff and sleeve; draw it after the lantern."""
    shape = spline(HAND, closed=True)
    sheet.fill(moved(shape, 4, 26), DEEP, 0.5, blur=12)
    _skin(sheet, shape, (930, 700))
    with sheet.inside(shape):
        _planes(sheet)
    sheet.line(shape[:-1], 4.2, INK, closed=True)
    _nail(sheet)
    _creases(sheet)
    _cuff(sheet)


def _skin(sheet: Sheet, shape: Curve, dark: tuple[float, float]) -> None:
    sheet.fill(shape, SKIN)
    with sheet.inside(shape):
        sheet.glow(dark, 420, SKIN_DARK, 0.9, blend="over", falloff=0.8)
        sheet.glow(LIGHT, 640, SKIN_LIGHT, 1.0, blend="over", falloff=1.1)
        sheet.glow(LIGHT, 470, HOT, 0.9, blend="over", falloff=1.2)


def _planes(sheet: Sheet) -> None:
    under = spline(
        [
            (560, 446),
            (620, 462),
            (700, 480),
            (760, 494),
            (820, 520),
            (900, 560),
            (990, 574),
            (1100, 560),
            (1220, 530),
            (1230, 640),
            (900, 640),
            (700, 540),
            (560, 480),
        ],
        closed=True,
    )
    sheet.fill(under, UMBER, 0.85, blur=13)
    sheet.fill(moved(under, 0, 16), NIGHT, 0.45, blur=10, blend="multiply")
    sheet.hatch(moved(under, 0, 8), 64, 9, 1.5, INK, 0.6, shorten=0.3)
    hollow = spline(
        [(850, 410), (900, 392), (930, 330), (968, 322), (960, 400), (930, 450), (880, 440)],
        closed=True,
    )
    sheet.fill(hollow, SKIN_DARK, 0.8, blur=13)
    sheet.hatch(hollow, 58, 10, 1.4, INK, 0.45, shorten=0.3)
    back = spline(
        [(1040, 330), (1120, 350), (1240, 380), (1240, 500), (1120, 470), (1040, 420)], closed=True
    )
    sheet.fill(back, SKIN_DARK, 0.75, blur=26)
    ball = oval((890, 500), 78, 34, 20)
    sheet.fill(ball, SKIN_LIGHT, 0.6, blur=16)
    sheet.fill(oval((958, 290), 40, 18, -30), HOT, 0.55, blur=8)
    sheet.fill(oval((740, 420), 40, 13, 6), HOT, 0.6, blur=7)
    top = spline([(580, 408), (650, 398), (738, 404), (842, 407)])
    sheet.line(top, 7, HOT, 0.9, taper=0.9)
    sheet.line(spline([(900, 344), (930, 296), (972, 271), (1030, 276)]), 6, HOT, 0.8, taper=1)


def _nail(sheet: Sheet) -> None:
    nail = spline(
        [
            (574, 428),
            (580, 411),
            (604, 403),
            (634, 405),
            (646, 418),
            (640, 434),
            (612, 442),
            (584, 441),
        ],
        closed=True,
    )
    sheet.fill(nail, "#ffe9cc")
    with sheet.inside(nail):
        sheet.fill(oval((640, 424), 14, 22), SKIN, 0.9, blur=4)
        sheet.fill(moved(nail, 0, 22), SKIN_DARK, 0.7, blur=4)
        sheet.line([(590, 414), (612, 409), (630, 411)], 5, "#ffffff", 0.9, taper=0.9)
        sheet.line([(584, 412), (578, 426), (588, 440)], 5, "#fff6e6", 0.9, taper=0.4)
    sheet.line(nail, 2.2, INK, 0.95, closed=True, wobble=0.3)
    sheet.line([(650, 404), (662, 420), (654, 440)], 1.6, INK, 0.7, taper=1.0)


def _creases(sheet: Sheet) -> None:
    joint: list[ArrayLike] = [
        [(722, 404), (732, 418), (734, 436)],
        [(738, 402), (750, 418), (752, 440)],
        [(756, 404), (767, 419), (768, 436)],
        [(728, 446), (744, 452), (762, 450)],
        [(706, 500), (716, 490), (720, 478)],
    ]
    sheet.lines(joint, 1.9, INK, 0.8, taper=1.0)
    lines: list[ArrayLike] = [
        [(846, 402), (862, 424), (884, 436), (916, 438)],
        [(900, 352), (912, 372), (908, 396)],
        [(1010, 292), (1070, 318), (1150, 350)],
        [(1000, 340), (1060, 366), (1130, 388)],
        [(930, 300), (946, 312), (952, 328)],
        [(946, 288), (962, 300), (968, 314)],
        [(1096, 470), (1130, 500), (1150, 540)],
        [(1120, 462), (1152, 490), (1170, 530)],
    ]
    sheet.lines(lines, 2.2, INK, 0.75, taper=1.0)


def _cuff(sheet: Sheet) -> None:
    sleeve = spline(
        [(1206, 306), (1240, 270), (1330, 240), (1330, 690), (1250, 650), (1206, 612), (1190, 460)],
        closed=True,
    )
    cuff = spline(
        [
            (1146, 302),
            (1176, 300),
            (1214, 312),
            (1226, 460),
            (1218, 606),
            (1178, 612),
            (1142, 604),
            (1152, 460),
        ],
        closed=True,
    )
    sheet.fill(sleeve, SLATE)
    with sheet.inside(sleeve):
        sheet.fill(sleeve, UMBER, 0.75, fade=((1180, 300), (1300, 420)))
        sheet.fill(sleeve, DEEP, 0.85, fade=((1300, 680), (1220, 380)))
        seams: list[ArrayLike] = [[(1256, 262), (1272, 440), (1262, 660)]]
        sheet.lines(seams, 3, INK, taper=0.4)
        sheet.hatch(sleeve, 66, 12, 1.7, INK, 0.6)
    sheet.line(sleeve, 4.2, INK, closed=True)
    sheet.fill(cuff, EMBER)
    with sheet.inside(cuff):
        sheet.fill(cuff, AMBER, 0.9, fade=((1150, 290), (1190, 430)))
        sheet.fill(cuff, DEEP, 0.7, fade=((1190, 620), (1180, 440)))
        ribs: list[ArrayLike] = [
            [(1140, y), (1180, y + 6 - (y - 460) * 0.02), (1230, y + 2)]
            for y in range(310, 612, 15)
        ]
        sheet.lines(ribs, 2.4, INK, 0.85, taper=0.5)
    sheet.line(cuff, 4.0, INK, closed=True)
