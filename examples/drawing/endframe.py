"""What only the end frame has: the hiker at rest beside her tent, and the logotype."""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont

from drawing.curves import box, placed, spline
from drawing.palette import AMBER, BRASS_LIGHT, DEEP, EMBER, HAIR, INK, NIGHT
from drawing.sheet import Sheet


def resting_hiker(sheet: Sheet, at: tuple[float, float], height: float) -> None:
    """Seen from behind, wrapped in her blanket, looking up; a lit tent is to her right."""
    unit = height / 100

    def part(shape: ArrayLike, colour: str, rim: str) -> None:
        outline = placed(spline(shape, closed=True), at, unit)
        sheet.fill(outline, colour)
        right = float(outline[:, 0].max())
        with sheet.inside(outline):
            lit = ((right, at[1]), (right - 0.42 * float(np.ptp(outline[:, 0])), at[1]))
            sheet.fill(outline, rim, 0.95, fade=lit)
        sheet.line(outline, max(1.4, 1.9 * unit), INK, closed=True, wobble=0.2)

    pool = placed([(-62, -3), (30, -6), (70, 2), (-70, 8)], at, unit)
    sheet.fill(pool, DEEP, 0.8, blur=3)
    knee = [(20, -2), (24, -34), (40, -43), (54, -30), (58, 0)]
    part(knee, NIGHT, AMBER)
    part(
        [
            (-42, 0),
            (-41, -26),
            (-36, -50),
            (-24, -63),
            (0, -68),
            (22, -62),
            (32, -48),
            (36, -24),
            (36, 0),
            (0, 5),
        ],
        NIGHT,
        AMBER,
    )
    folds: list[ArrayLike] = [
        [(-20, -60), (-28, -34), (-30, -2)],
        [(4, -58), (6, -30), (2, 2)],
        [(22, -56), (26, -30), (24, 0)],
        [(-34, -48), (-4, -56), (28, -48)],
    ]
    sheet.lines([placed(fold, at, unit) for fold in folds], max(1.0, 1.3 * unit), INK, 0.8)
    part(
        [(-16, -84), (-18, -68), (-14, -58), (2, -55), (15, -60), (17, -72), (14, -86)], HAIR, AMBER
    )
    part(
        [(-17, -85), (-16, -97), (-8, -106), (5, -106), (14, -98), (16, -86), (0, -82)],
        EMBER,
        AMBER,
    )
    sheet.line(placed([(-17, -89), (0, -86.5), (16, -90)], at, unit), max(1.0, 1.2 * unit))


@lru_cache(maxsize=2)
def _letters(word: str, size: int, tracking: int) -> Image.Image:
    """A word set wide, as a mask, in the typeface Pillow carries."""
    font = ImageFont.load_default(size)
    widths = [font.getlength(letter) for letter in word]
    mask = Image.new("L", (int(sum(widths)) + tracking * len(word), int(size * 1.3)), 0)
    draw = ImageDraw.Draw(mask)
    x = 0.0
    for letter, width in zip(word, widths, strict=True):
        draw.text((x, 0), letter, fill=255, font=font)
        x += width + tracking
    return mask


def logotype(sheet: Sheet, at: tuple[float, float], size: float) -> None:
    """The three rays and the name, the rays' foot at `at`."""
    x, y = at
    for dx, tall in ((0.0, 0.72), (0.32, 1.18), (0.64, 0.9)):
        ray = box(x + dx * size, y - tall * size, x + (dx + 0.15) * size, y)
        sheet.fill(ray, BRASS_LIGHT)
    word = _letters("AURORA", int(size * sheet.scale), int(0.34 * size * sheet.scale))
    bounds = word.getbbox()
    baseline = (bounds[3] if bounds else word.height) / sheet.scale
    sheet.stamp(word, (x + 1.35 * size, y - baseline), "#fff7e6")
