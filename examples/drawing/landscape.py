"""The sky over the lake, and the lake that mirrors it."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drawing.curves import Curve, box, slow_noise, spline
from drawing.palette import PAPER, TEAL
from drawing.sheet import Sheet


def sky(sheet: Sheet, horizon: float, top: str, low: str, warmth: str | None = None) -> None:
    """A night sky in broad marker strokes, paler towards the horizon."""
    width = sheet.size[0]
    area = box(-20, -20, width + 20, horizon + 30)
    sheet.fill(area, low)
    sheet.fill(area, top, 1.0, fade=((0, horizon * 0.1), (0, horizon * 1.05)))
    for i in range(9):
        y = horizon * (i / 11) + sheet.rng.uniform(-14, 14)
        band = _marker_band(sheet, y, horizon * 0.16)
        sheet.fill(band, top, 0.17, blend="multiply", streak=0.8, angle=-4, edge=0.3, blur=0.8)
    if warmth:
        center = (width * 0.46, horizon)
        sheet.glow(center, width * 0.62, warmth, 0.95, 0.32, 1.4, blend="over")


def _marker_band(sheet: Sheet, y: float, height: float) -> Curve:
    width = sheet.size[0]
    x = np.linspace(-30, width + 30, 40)
    tilt = -0.05 * (x - width / 2)
    upper = y + tilt + 5 * slow_noise(sheet.rng, 40, 6)
    lower = y + height + tilt + 5 * slow_noise(sheet.rng, 40, 6)
    return np.concatenate([np.stack([x, upper], 1), np.stack([x, lower], 1)[::-1]])


def stars(sheet: Sheet, count: int, bottom: float, opacity: float = 0.9) -> None:
    """Specks of opaque white, few of them large, none near the horizon."""
    for _ in range(count):
        x, y = sheet.rng.uniform(0, sheet.size[0]), bottom * sheet.rng.uniform(0, 1) ** 1.4
        radius = 0.9 + 2.0 * sheet.rng.uniform() ** 4
        shine = opacity * sheet.rng.uniform(0.35, 1) * (1 - 0.7 * y / bottom)
        sheet.glow((x, y), radius, PAPER, shine, falloff=0.8)


def aurora(sheet: Sheet, foot: ArrayLike, height: float, strength: float = 0.8) -> None:
    """A curtain of northern light that rises from the curve `foot`."""
    run = spline(foot, step=3.0)
    count = len(run)
    run[:, 1] += height * (0.07 * slow_noise(sheet.rng, count, 17))
    reach = height * (0.75 + 0.35 * slow_noise(sheet.rng, count, 40))
    bright = 0.62 + 0.38 * slow_noise(sheet.rng, count, 14)
    fine = 0.75 + 0.25 * slow_noise(sheet.rng, count, 3)
    ends = np.clip(np.minimum(np.arange(count), np.arange(count)[::-1]) / (0.16 * count), 0, 1)
    for part, colour, share in ((1.0, TEAL, 0.34), (0.55, "#9fe6cf", 0.28), (0.2, "#e9fff2", 0.2)):
        for i in range(0, count - 2, 2):
            x, y = run[i]
            tall = reach[i] * part
            lean = 0.1 * tall
            ray = [(x - 5, y), (x + 5, y), (x + 5 + lean, y - tall), (x - 5 + lean, y - tall)]
            amount = strength * share * bright[i] * fine[i] * ends[i]
            up = ((x, y), (x + 1, y - tall))
            sheet.fill(ray, colour, amount, blur=3.0, blend="screen", fade=up)


def mirror(sheet: Sheet, shore: float, bottom: float, tint: str, depth: float = 0.55) -> None:
    """Make a lake of what is above `shore`: flipped, drawn out by ripples, tinted.

    Args:
        sheet: Where to draw.
        shore: The far shore's level.
        bottom: Where the lake ends on the panel.
        tint: The water's own colour.
        depth: How much of it the near water takes, 0..1.
    """
    s = sheet.scale
    top, end = int(shore * s), min(int(bottom * s), sheet.pixels.shape[0])
    rows = np.arange(end - top)
    source = np.clip(top - 1 - (rows * 1.12).astype(int), 0, top - 1)
    water = sheet.pixels[source].copy()
    near = rows / max(len(rows), 1)
    sway = slow_noise(sheet.rng, len(rows), 5 * s) * (1 + 16 * near) * s
    for i, shift in enumerate(sway.astype(int)):
        water[i] = np.roll(water[i], int(shift), axis=0)
    sheet.pixels[top:end] = _drawn_out(water, 5 * s)
    area = box(-20, shore, sheet.size[0] + 20, bottom)
    sheet.fill(area, tint, depth, blend="multiply", fade=((0, bottom), (0, shore - 60)))


def _drawn_out(water: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """Average each pixel with those above and below it, as still water does at dusk."""
    padded = np.pad(water, ((reach, reach), (0, 0), (0, 0)), mode="edge")
    total = np.cumsum(padded, axis=0, dtype=np.float64)
    return ((total[2 * reach :] - total[: -2 * reach]) / (2 * reach)).astype(np.float32)


def ripples(
    sheet: Sheet,
    levels: tuple[float, float],
    colour: str,
    count: int,
    center: float,
    spread: float,
    opacity: float = 0.8,
) -> None:
    """Short level strokes between two levels, closer and thinner towards the far one."""
    far, near = levels
    for thick in (0.9, 1.7, 2.6):
        strokes: list[ArrayLike] = []
        for _ in range(count // 3):
            t = sheet.rng.uniform() ** 1.3 * thick / 2.6
            y = far + (near - far) * t
            x = center + sheet.rng.normal(0, spread * (0.35 + t))
            half = (5 + 40 * t) * sheet.rng.uniform(0.4, 1.3)
            strokes.append([(x - half, y), (x, y + sheet.rng.uniform(-1, 1)), (x + half, y)])
        sheet.lines(strokes, thick, colour, opacity, taper=1.0, wobble=0.5)
