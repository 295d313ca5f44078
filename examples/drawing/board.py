"""What is shown beside the panels: the film's look in one picture, and the product."""

from drawing.curves import arc
from drawing.landscape import aurora, mirror, ripples, sky, stars
from drawing.lantern import Lantern, draw_lantern
from drawing.palette import (
    AMBER,
    DEEP,
    EMBER,
    HOT,
    ICE,
    MIST,
    NIGHT,
    SILVER,
    SLATE,
    STEEL,
    TEAL,
    UMBER,
)
from drawing.sheet import Sheet
from drawing.valley import campsite, near_pines, ridges


def style_board(sheet: Sheet) -> None:
    """The place of the first panel, later and without people: light, texture, palette.

    It is blended over that panel, so nothing in it may stand where the panel has something else.
    """
    sky(sheet, 400, DEEP, STEEL, AMBER)
    stars(sheet, 90, 230)
    aurora(sheet, [(380, 150), (520, 110), (680, 160), (840, 90), (980, 130), (1120, 70)], 190, 0.9)
    aurora(sheet, [(760, 200), (900, 170), (1060, 215), (1180, 150), (1340, 180)], 170, 0.7)
    ridges(sheet)
    mirror(sheet, 404, 730, SLATE)
    # The palette is the lake: every colour where its light would fall.
    for colour, center, spread in (
        (SILVER, 300, 150), (MIST, 420, 120), (TEAL, 830, 150), (ICE, 880, 90), (STEEL, 340, 140),
        (NIGHT, 460, 240), (DEEP, 1000, 160), (EMBER, 610, 90), (AMBER, 600, 70), (HOT, 600, 34),
    ):  # fmt: skip
        ripples(sheet, (410, 640), colour, 42, center, spread, 0.75)
    campsite(sheet, glow=1)
    sheet.glow((960, 600), 330, AMBER, 0.4, 0.8)
    sheet.glow((556, 650), 260, UMBER, 0.9, 0.4, 1.0, blend="over")
    sheet.glow((556, 620), 190, AMBER, 0.7, 0.8, 1.3)
    draw_lantern(sheet, Lantern((554, 644), 62, weight=1.5))
    sheet.glow((556, 615), 90, HOT, 0.5, 1.0, 1.4)
    near_pines(sheet)


def product(sheet: Sheet) -> None:
    """The lantern alone, on plain paper."""
    lamp = Lantern((450, 756), 520, weight=3.6)
    sheet.glow((450, 480), 560, AMBER, 0.28, falloff=1.4, blend="over")
    sheet.fill(arc((500, 768), 260, 40, 0, 360), SLATE, 0.5, blur=22)
    sheet.fill(arc((462, 764), 158, 34, 0, 360), DEEP, 0.75, blur=7)
    shadow = arc((520, 772), 230, 36, -30, 150)
    sheet.hatch(shadow, 8, 8, 1.3, DEEP, 0.5, shorten=0.3)
    draw_lantern(sheet, lamp)
