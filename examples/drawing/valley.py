"""The lake of the first panel and of the style board: one place, at two hours of the evening.

Each part begins with a seed of its own, so that both pictures have the same lines where one is
blended over the other.
"""

from drawing.camp import grass, ground, pine, rock
from drawing.mountains import mountains, treeline
from drawing.palette import MIST, SILVER, SLATE, STEEL
from drawing.sheet import Sheet
from drawing.tents import tent


def ridges(sheet: Sheet) -> None:
    """Both shores' mountains, with the gap between them where the sun went down."""
    sheet.reseed(3)
    far = [(-40, 260), (70, 190), (150, 250), (260, 170), (350, 290), (430, 250), (520, 330)]
    far += [(640, 300), (760, 330), (900, 230), (980, 290), (1100, 210), (1200, 290), (1330, 240)]
    mountains(sheet, far, 404, SILVER, SILVER, 1.2, SILVER, SLATE)
    left = [(-60, 230), (40, 250), (160, 150), (240, 240), (300, 215), (400, 330), (480, 404)]
    right = [(700, 404), (800, 330), (880, 290), (1000, 140), (1070, 230), (1130, 190), (1210, 290)]
    mountains(sheet, left, 405, MIST, SLATE, 1.8, STEEL)
    mountains(sheet, [*right, (1340, 230)], 405, MIST, SLATE, 1.8, STEEL)
    treeline(sheet, -20, 420, 404, 26)
    treeline(sheet, 760, 1300, 404, 30)


def campsite(sheet: Sheet, glow: float) -> None:
    """The near shore with its tent; `glow` is lamplight in the tent, 0..1."""
    sheet.reseed(4)
    for x, foot, height in ((1235, 560, 250), (1150, 552, 190), (1090, 552, 130)):
        pine(sheet, x, foot, height)
    shore = [(-20, 596), (160, 610), (350, 628), (560, 634), (720, 606), (900, 572), (1100, 548)]
    edge = ground(sheet, [*shore, (1300, 530)])
    grass(sheet, edge, 70, 15)
    tent(sheet, (880, 640), 120, glow)
    sheet.reseed(5)
    rock(sheet, (720, 640), 70, 38)
    rock(sheet, (770, 652), 46, 26)
    rock(sheet, (400, 650), 60, 30)


def near_pines(sheet: Sheet) -> None:
    """The two dark pines that frame the view on the left."""
    sheet.reseed(6)
    pine(sheet, 215, 690, 520)
    pine(sheet, 70, 740, 800)
