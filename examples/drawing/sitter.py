"""Her, half length, seated in front of the tent with the lantern in her lap."""

import numpy as np
from numpy.typing import ArrayLike

from drawing.cupped_hands import far_palm, fingers, near_hand
from drawing.curves import Curve, moved, spline, tube
from drawing.lamplight import LAMP, LIGHT, lit
from drawing.lantern import draw_lantern
from drawing.palette import (
    DEEP,
    EMBER,
    HOT,
    INK,
    NIGHT,
    SLATE,
    STEEL,
)
from drawing.portrait import Portrait
from drawing.sheet import Sheet


def sitter(sheet: Sheet) -> None:
    """Draw her from back to front: far arm, body, head, lap, lantern, near arm and hand."""
    far_arm = tube([(672, 452), (632, 560), (545, 612)], [96, 88, 62])
    _down(sheet, far_arm, 0.8)
    _torso(sheet)
    Portrait(sheet, (700, 208), 220, LIGHT, 13).draw()
    _scarf(sheet)
    _blanket(sheet)
    far_palm(sheet)
    draw_lantern(sheet, LAMP)
    fingers(sheet, [(386, 572), (383, 590), (387, 607)], [(413, 579), (412, 598), (417, 614)], 21)
    _sleeve(sheet, [(778, 340), (812, 400), (846, 500), (812, 610)], [112, 124, 132, 112])
    _sleeve(sheet, [(884, 548), (826, 612), (730, 648), (606, 622)], [112, 124, 110, 80])
    near_hand(sheet)


def _down(sheet: Sheet, shape: Curve, strength: float) -> None:
    lit(sheet, shape, SLATE, strength)
    sheet.line(shape, 3.0, INK, taper=0.3)


def _torso(sheet: Sheet) -> None:
    shape = spline(
        [
            (640, 352),
            (616, 410),
            (602, 470),
            (612, 520),
            (598, 570),
            (616, 640),
            (640, 740),
            (930, 740),
            (934, 640),
            (926, 560),
            (904, 470),
            (868, 396),
            (812, 346),
            (740, 330),
        ],
        closed=True,
    )
    lit(sheet, shape, SLATE, 0.95)
    with sheet.inside(shape):
        sheet.fill(
            [(800, 300), (760, 420), (800, 560), (770, 760), (980, 760), (980, 300)],
            DEEP,
            0.8,
            blur=34,
            streak=0.4,
            angle=75,
        )
        for y in (404, 462, 522, 584):
            seam = spline([(590, y + 8), (660, y + 20), (760, y + 6), (930, y - 34)])
            puff = np.concatenate([seam, moved(seam[::-1], 0, -20)])
            sheet.fill(puff, NIGHT, 0.45, blur=6, blend="multiply")
            sheet.line(seam, 2.4, INK, 0.9, taper=0.5)
            tucks: list[ArrayLike] = [
                [p, moved(p, sheet.rng.uniform(-5, 5), -14)] for p in seam[12::16]
            ]
            sheet.lines(tucks, 1.3, INK, 0.7, taper=1.0)
        sheet.line([(642, 350), (628, 430), (624, 520), (632, 640)], 2.4, INK)
        sheet.line([(648, 350), (635, 430), (631, 520), (639, 640)], 1.2, INK, 0.7)
        sheet.hatch(
            [(850, 380), (930, 540), (940, 730), (860, 730), (880, 520)], 58, 8, 1.5, INK, 0.7
        )
    sheet.line(shape, 3.6, INK, closed=True)
    sheet.line(moved(shape[:110], 3.5, 0), 2.4, HOT, 0.8, taper=0.8)


def _scarf(sheet: Sheet) -> None:
    shape = spline(
        [
            (624, 330),
            (650, 318),
            (700, 326),
            (762, 312),
            (806, 318),
            (822, 346),
            (806, 376),
            (740, 392),
            (668, 388),
            (630, 370),
        ],
        closed=True,
    )
    lit(sheet, shape, STEEL, 0.95)
    with sheet.inside(shape):
        sheet.fill([(740, 290), (730, 410), (860, 410), (860, 290)], NIGHT, 0.75, blur=22)
        folds = [
            [(630, 348), (690, 360), (770, 344), (816, 336)],
            [(640, 372), (700, 378), (790, 362)],
            [(660, 326), (716, 342), (780, 326)],
        ]
        sheet.lines(folds, 2.0, INK, 0.85, taper=0.9)
        sheet.hatch([(730, 320), (810, 320), (806, 376), (730, 388)], 78, 7, 1.2, INK, 0.6)
    sheet.line(shape, 3.0, INK, closed=True)


def _blanket(sheet: Sheet) -> None:
    shape = spline(
        [
            (250, 740),
            (284, 690),
            (340, 648),
            (420, 628),
            (500, 632),
            (590, 652),
            (700, 672),
            (820, 690),
            (960, 700),
            (1040, 740),
        ]
    )
    area = np.concatenate([shape, [(1040, 780), (250, 780)]])
    lit(sheet, area, EMBER, 0.85, 400)
    with sheet.inside(area):
        sheet.fill([(640, 600), (700, 760), (1080, 760), (1080, 600)], DEEP, 0.8, blur=50)
        sheet.fill([(240, 600), (300, 600), (330, 760), (200, 760)], DEEP, 0.7, blur=30)
        folds = [
            [(330, 656), (356, 690), (350, 740)],
            [(392, 640), (430, 690), (428, 740)],
            [(520, 640), (506, 680), (520, 740)],
            [(600, 656), (580, 700), (600, 740)],
            [(700, 676), (672, 706), (690, 740)],
            [(300, 684), (310, 712), (300, 740)],
        ]
        sheet.lines(folds, 2.6, INK, 0.9, taper=0.95)
        for x in (320, 400, 480, 560, 640):
            stripe = spline([(x, 640), (x + 16, 690), (x + 8, 750)])
            sheet.line(stripe, 8, NIGHT, 0.45, taper=0.2)
    sheet.line(shape, 3.4, INK, taper=0.4)


def _sleeve(sheet: Sheet, axis: list[tuple[float, float]], widths: list[float]) -> None:
    """A quilted sleeve: the seams draw the outline in."""
    run = spline(axis)
    t = np.linspace(0, 1, 41)
    plump = 1 + 0.055 * np.abs(np.sin(t * np.pi * 4)) - 0.02
    rounded = np.sqrt(np.clip(t / 0.16, 0.0004, 1) * (2 - np.clip(t / 0.16, 0, 1)))
    full = np.interp(t, np.linspace(0, 1, len(widths)), widths) * plump * rounded
    shape = tube(axis, full.tolist(), cap=0.35)
    lit(sheet, shape, SLATE, 0.95)
    half = len(shape) // 2
    with sheet.inside(shape):
        away = moved(run, 70, 46)
        sheet.fill(
            np.concatenate([moved(run, 14, 12), away[::-1]]),
            DEEP,
            0.75,
            blur=20,
            streak=0.4,
            angle=70,
        )
        for k in (0.25, 0.5, 0.75):
            i = int(k * (len(run) - 1))
            a, b = shape[int(k * (half - 8))], shape[len(shape) - 1 - int(k * (half - 8))]
            bulge = (run[i] - run[max(i - 12, 0)]) * 0.55
            seam = spline([a, (a + b) / 2 + bulge, b])
            sheet.fill(
                np.concatenate([seam, seam[::-1] - bulge * 0.8]),
                NIGHT,
                0.5,
                blur=5,
                blend="multiply",
            )
            sheet.line(seam, 2.3, INK, 0.9, taper=0.5)
            tucks: list[ArrayLike] = [
                [p, p - bulge * sheet.rng.uniform(0.3, 0.9)] for p in seam[8::13]
            ]
            sheet.lines(tucks, 1.3, INK, 0.7, taper=1.0)
    sheet.line(shape, 3.4, INK, taper=0.3)
