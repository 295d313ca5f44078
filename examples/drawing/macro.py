"""The lantern from a hand's breadth away: fluted glass, glowing coil, melting snow."""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from drawing.curves import arc, box, moved, oval, slow_noise, spline, tube
from drawing.lantern import GLASS, Lantern, draw_collar
from drawing.palette import (
    AMBER,
    BRASS_DARK,
    DEEP,
    EMBER,
    HOT,
    INK,
    NIGHT,
    PAPER,
    SILVER,
    TEAL,
    UMBER,
)
from drawing.sheet import Sheet

CLOSE = Lantern((756, 1402), 2600, tilt=0.13, rise=0.02, weight=5.0)
CORE = (756.0, 265.0)


def glass_close(sheet: Sheet) -> None:
    """Draw the glass, what burns in it, and the collar's edge below."""
    draw_collar(sheet, CLOSE, flutes=64)
    outline = CLOSE.outline(GLASS)
    sheet.fill(moved(outline, 0, 12), DEEP, 0.75, blur=12)
    sheet.fill(outline, EMBER)
    with sheet.inside(outline):
        sheet.glow(CORE, 640, AMBER, 1.0, 1.25, 0.7, blend="over")
        sheet.glow(CORE, 400, HOT, 0.9, 1.5, 1.1, blend="over")
        _flutes(sheet)
        for start, stop in ((-1.1, -0.80), (0.82, 1.1)):
            sheet.fill(CLOSE.strip(GLASS, start, stop), DEEP, 0.75, blur=44)
        sheet.fill(CLOSE.strip(GLASS, -0.985, -0.93), TEAL, 0.85, blur=9, blend="screen")
        sheet.fill(CLOSE.strip(GLASS, 0.955, 0.985), SILVER, 0.5, blur=5, blend="screen")
        sheet.fill(box(0, 420, 1400, 720), UMBER, 0.8, fade=((700, 668), (700, 470)))
        _coil(sheet)
        drops(sheet, 46)
    for side in CLOSE.sides(GLASS):
        sheet.line(side, 7.0, INK, taper=0.2)
    seat = CLOSE.ring(0.316, 0.223)
    sheet.line(seat, 7.0, INK, taper=0.6)
    sheet.line(moved(seat, 0, 10), 7.0, HOT, 0.9, taper=0.9)
    x, y = CLOSE.center(0.315)
    sheet.glow((x, y + 90), 520, HOT, 0.6, 0.2, 1.4)


def _coil(sheet: Sheet) -> None:
    """The heated wire between its two posts."""
    x, _ = CORE
    for dx in (-96, 96):
        post = tube([(x + dx, 622), (x + dx, 60), (x + 0.7 * dx, -40)], [15, 13, 12])
        sheet.fill(post, BRASS_DARK)
        sheet.line(post, 3, INK, 0.9, taper=0.3)
        sheet.line([(x + dx - 3, 590), (x + dx - 3, 60)], 3.5, HOT, 0.9)
    sheet.fill(box(x - 64, -30, x + 64, 590), EMBER, 0.8, blur=20)
    sheet.glow(CORE, 150, HOT, 0.9, 2.3, 1.0, blend="over")
    turns = np.linspace(0, 11 * 2 * np.pi, 700)
    path = np.stack([x + 48 * np.sin(turns), 565 - 600 * turns / turns[-1] + 13 * np.cos(turns)], 1)
    front = np.cos(turns) > 0
    runs = np.split(np.arange(len(turns)), np.flatnonzero(np.diff(front.astype(int))) + 1)
    behind: list[ArrayLike] = [path[run] for run in runs if not front[run[0]]]
    ahead: list[ArrayLike] = [path[run] for run in runs if front[run[0]]]
    sheet.lines(behind, 13, EMBER, 1.0, taper=0.2, wobble=0.3)
    sheet.lines(behind, 7, AMBER, 1.0, taper=0.2, wobble=0.3)
    sheet.fill(oval((x, 270), 64, 330), HOT, 0.5, blur=26)
    sheet.lines(ahead, 23, EMBER, 1.0, taper=0.2, wobble=0.3)
    sheet.lines(ahead, 17, AMBER, 1.0, taper=0.2, wobble=0.3)
    sheet.lines(ahead, 10, "#fffdf6", 1.0, taper=0.3, wobble=0.3)
    sheet.glow(CORE, 240, HOT, 0.75, 1.7, 1.2)
    ferrule = np.concatenate([arc((x, 566), 62, 15, 180, 360), arc((x, 632), 70, 18, 0, 180)])
    sheet.fill(ferrule, BRASS_DARK)
    with sheet.inside(ferrule):
        sheet.fill(box(x - 42, 540, x - 10, 660), HOT, 0.75, blur=9)
        sheet.fill(box(x + 18, 540, x + 80, 660), INK, 0.6, blur=14)
        sheet.fill(oval((x, 566), 62, 15), HOT, 0.8)
    sheet.line(np.concatenate([ferrule, ferrule[:1]]), 3.6, INK, taper=0.3)
    sheet.line(arc((x, 566), 62, 15, 0, 180), 2.4, INK)


def _flutes(sheet: Sheet) -> None:
    """Each flute is a lens: dark where it bends away, with its own image of the coil."""
    left = CLOSE.sides(GLASS)[0]
    left = np.concatenate([moved(left[:1], 0, 80), left])
    radii = CLOSE.foot[0] - left[:, 0]
    edges = np.cos(np.radians(np.linspace(0, 180, 31)))
    for a, b in pairwise(edges):
        wide = float((a - b) * radii.max())
        center = (a + b) / 2
        across = [CLOSE.foot[0] + radii * k for k in (a, b, a - 0.22 * (a - b))]
        lefts = np.stack([across[1], left[:, 1]], 1)
        rights = np.stack([across[0], left[:, 1]], 1)
        inner = np.stack([across[2], left[:, 1]], 1)
        sheet.fill(np.concatenate([rights, inner[::-1]]), UMBER, 0.5, blur=wide * 0.07)
        sheet.fill(np.concatenate([lefts, moved(lefts, 0.16 * wide, 0)[::-1]]), EMBER, 0.35, blur=2)
        image = CLOSE.foot[0] + center * radii.max() * 0.99
        tall = 300 * (1 - 0.55 * abs(center))
        spark = oval((image, CORE[1] + 20), wide * 0.10, tall)
        if abs(center) > 0.12:
            sheet.fill(spark, HOT, 0.85 * (1 - 0.5 * abs(center)), blur=wide * 0.06)
        sheet.line(rights, 2.6, EMBER if abs(center) < 0.3 else UMBER, 0.9, taper=0.2, wobble=1.0)
        sheet.line(inner, 1.4, HOT, 0.55, taper=0.6)


def drops(sheet: Sheet, count: int) -> None:
    """Melted snow on the warm glass: beads that hold the light upside down."""
    rng = sheet.rng
    for _ in range(count):
        x, y = rng.uniform(170, 560), rng.uniform(-10, 560)
        if rng.uniform() < 0.3:
            x = rng.uniform(980, 1330)
        r = 4 + 15 * rng.uniform() ** 2.2
        bead = oval((x, y), r, r * rng.uniform(1.0, 1.35))
        if r > 14:
            trail = spline([(x, y), (x + 2, y - 4 * r), (x - 1, y - 8 * r)])
            sheet.line(trail, r * 0.8, HOT, 0.35, taper=1.0)
        sheet.fill(moved(bead, 1.5, 2.5), UMBER, 0.7, blur=1.5)
        sheet.fill(bead, EMBER, 0.9)
        with sheet.inside(bead):
            sheet.fill(moved(bead, 0, -0.55 * r), UMBER, 0.9, blur=0.2 * r)
            sheet.fill(oval((x + 0.1 * r, y + 0.62 * r), 0.8 * r, 0.5 * r), HOT, 1.0, blur=0.16 * r)
        sheet.fill(oval((x - 0.35 * r, y - 0.5 * r), 0.2 * r, 0.26 * r), "#ffffff", 0.95)
        sheet.line(bead, max(1.2, 0.11 * r), INK, 0.85, closed=True, wobble=0.2)


def snow(sheet: Sheet, count: int) -> None:
    """Flakes on their way down: far ones small and sharp, near ones large and soft."""
    for _ in range(count):
        x, y = sheet.rng.uniform(0, sheet.size[0]), sheet.rng.uniform(0, sheet.size[1])
        near = sheet.rng.uniform() ** 3
        r = 2.2 + 13 * near
        flake = oval((x, y), r, r * 0.9)
        sheet.fill(flake, PAPER, 0.85 - 0.55 * near, blur=0.4 + 3.2 * near)


def backdrop(sheet: Sheet) -> None:
    """The night behind the glass, out of focus: sky, a ridge, the northern lights."""
    width, height = sheet.size
    area = [(-20, -20), (width + 20, -20), (width + 20, height + 20), (-20, height + 20)]
    sheet.fill(area, DEEP)
    sheet.fill(area, NIGHT, 0.9, fade=((0, height), (0, 0)), streak=0.5, angle=-5)
    for x, tall, share in ((30, 420, 0.55), (85, 520, 0.7), (140, 380, 0.45), (1300, 420, 0.5)):
        ray = [(x - 30, 470), (x + 34, 450), (x + 74, 450 - tall), (x + 4, 470 - tall)]
        sheet.fill(ray, TEAL, share, blur=20, blend="screen", fade=((x, 470), (x, 470 - tall)))
    t = np.linspace(-20, width + 20, 60)
    hills = np.stack([t, 500 + 26 * slow_noise(sheet.rng, 60, 7)], 1)
    sheet.fill(
        np.concatenate([hills, [(width + 20, height + 20), (-20, height + 20)]]), DEEP, 0.9, blur=7
    )
    sheet.glow(CORE, 900, UMBER, 0.6, blend="over", falloff=1.5)
