"""The five panels, in the order of the film."""

from drawing.camp import ground, pine, rock
from drawing.curves import box, oval
from drawing.endframe import logotype, resting_hiker
from drawing.hand import fingers_behind, hand_in_front
from drawing.hiker import Hiker
from drawing.landscape import aurora, mirror, ripples, sky, stars
from drawing.lantern import Lantern, draw_lantern
from drawing.macro import CORE, backdrop, glass_close, snow
from drawing.mountains import mountains, treeline
from drawing.palette import AMBER, DEEP, EMBER, ICE, NIGHT, PAPER, SILVER, SLATE, STEEL, UMBER
from drawing.sheet import Sheet
from drawing.sitter import sitter
from drawing.tents import tent, tent_door
from drawing.valley import campsite, near_pines, ridges

EVERYTHING = box(-20, -20, 1300, 740)


def arrival(sheet: Sheet) -> None:
    """Wide: a hiker reaches the lake at the last light."""
    sky(sheet, 400, NIGHT, SILVER, AMBER)
    stars(sheet, 90, 230)
    ridges(sheet)
    mirror(sheet, 404, 730, SLATE)
    ripples(sheet, (410, 640), PAPER, 60, 620, 160)
    campsite(sheet, glow=0)
    sheet.glow((566, 666), 190, UMBER, 0.9, 0.22, 1.0, blend="over")
    sheet.glow((560, 664), 120, AMBER, 0.6, 0.2, 1.2)
    Hiker(sheet, (590, 664), 188).draw()
    near_pines(sheet)


def first_light(sheet: Sheet) -> None:
    """Medium: she sits before her tent, the lantern in her hands."""
    sky(sheet, 430, NIGHT, STEEL, EMBER)
    stars(sheet, 70, 260)
    aurora(sheet, [(-60, 170), (90, 120), (240, 190), (400, 150), (520, 90)], 170, 0.75)
    range_ = [(-60, 330), (60, 250), (150, 330), (300, 210), (400, 320), (470, 280), (600, 380)]
    range_ += [(720, 340), (800, 400), (900, 330), (1000, 390)]
    mountains(sheet, range_, 440, STEEL, SLATE, 1.3, STEEL, NIGHT)
    treeline(sheet, -20, 960, 440, 22)
    mirror(sheet, 440, 730, SLATE, 0.8)
    ripples(sheet, (446, 640), AMBER, 40, 380, 140, 0.7)
    sheet.fill(EVERYTHING, DEEP, 0.35)
    tent_door(sheet, (1010, 36), 690)
    sheet.glow((452, 500), 520, UMBER, 0.45, falloff=1.3, blend="over")
    sheet.glow((452, 510), 330, AMBER, 0.55, falloff=1.5)
    sitter(sheet)
    sheet.glow((452, 510), 260, AMBER, 0.35, falloff=1.5)


def one_turn(sheet: Sheet) -> None:
    """Close-up: thumb and fingers turn the collar, the light climbs."""
    sky(sheet, 470, DEEP, STEEL, EMBER)
    aurora(sheet, [(700, 120), (860, 190), (1020, 150), (1180, 210), (1330, 160)], 200, 0.8)
    range_ = [(-60, 330), (60, 290), (150, 350), (300, 310), (600, 380), (720, 340), (830, 270)]
    range_ += [(920, 330), (1010, 230), (1120, 320), (1200, 280), (1330, 350)]
    mountains(sheet, range_, 480, STEEL, SLATE, 1.3, STEEL, NIGHT)
    treeline(sheet, -20, 1300, 480, 26)
    mirror(sheet, 480, 730, SLATE, 0.8)
    sheet.fill(EVERYTHING, DEEP, 0.45)
    sheet.glow((440, 230), 760, UMBER, 0.75, falloff=1.1, blend="over")
    sheet.glow((440, 230), 520, AMBER, 0.7, falloff=1.2)
    fingers_behind(sheet)
    draw_lantern(sheet, Lantern((440, 752), 1130, tilt=0.17, rise=0.06, weight=4.2), handle=False)
    hand_in_front(sheet)
    sheet.glow((440, 200), 420, AMBER, 0.35, falloff=1.2)


def ember(sheet: Sheet) -> None:
    """Macro: the coil behind fluted glass, snow melting on it."""
    backdrop(sheet)
    glass_close(sheet)
    snow(sheet, 70)
    sheet.glow(CORE, 520, AMBER, 0.3, falloff=1.3)


def northern_light(sheet: Sheet) -> None:
    """Hero: the lantern on a rock, the sky answering it."""
    sky(sheet, 430, DEEP, SLATE)
    stars(sheet, 120, 330)
    _northern_sky(sheet)
    left = [(-60, 300), (60, 250), (150, 330), (300, 270), (420, 350), (560, 310), (700, 390)]
    right = [(600, 440), (760, 370), (860, 330), (980, 235), (1060, 310), (1130, 270), (1230, 350)]
    mountains(sheet, [*left, (780, 420)], 440, STEEL, SLATE, 1.6, SLATE)
    mountains(sheet, [*right, (1340, 300)], 440, STEEL, SLATE, 1.8, SLATE)
    treeline(sheet, -20, 700, 440, 20)
    treeline(sheet, 760, 1300, 440, 30)
    mirror(sheet, 440, 740, SLATE, 0.6)
    ripples(sheet, (446, 620), ICE, 60, 800, 190, 0.7)
    ground(sheet, [(640, 650), (760, 612), (900, 572), (1060, 548), (1300, 536)])
    sheet.glow((960, 575), 200, UMBER, 0.7, 0.35, 1.0, blend="over")
    tent(sheet, (960, 588), 92, glow=1)
    sheet.glow((1010, 560), 220, AMBER, 0.45, 0.8)
    resting_hiker(sheet, (822, 618), 76)
    pine(sheet, 1255, 580, 300)
    pine(sheet, 1195, 566, 210)
    sheet.glow((360, 420), 560, UMBER, 0.55, falloff=1.4, blend="over")
    sheet.glow((360, 420), 400, AMBER, 0.5, falloff=1.5)
    rock(sheet, (350, 800), 820, 230, warm=1)
    sheet.fill(oval((372, 626), 122, 22), DEEP, 0.75, blur=7)
    draw_lantern(sheet, Lantern((360, 618), 350, tilt=0.2, weight=3.2))
    logotype(sheet, (880, 690), 36)
    sheet.glow((360, 430), 300, AMBER, 0.35, falloff=1.3)


def _northern_sky(sheet: Sheet) -> None:
    """Two curtains of northern light, the nearer one lower and brighter."""
    low = [(330, 250), (460, 300), (600, 240), (760, 290), (900, 220), (1060, 250), (1180, 170)]
    aurora(sheet, [*low, (1340, 200)], 250, 1.0)
    aurora(sheet, [(560, 130), (720, 90), (880, 130), (1050, 70), (1200, 90)], 150, 0.6)
