"""The product: the Aurora camp lantern, drawn at any size from one profile."""

from dataclasses import dataclass

import numpy as np

from drawing.curves import Curve, arc, box, moved, oval, tube
from drawing.palette import (
    AMBER,
    BRASS,
    BRASS_DARK,
    BRASS_LIGHT,
    DEEP,
    EMBER,
    HOT,
    INK,
    NIGHT,
    SILVER,
    STEEL,
)
from drawing.sheet import Sheet

Profile = tuple[tuple[float, float], ...]
"""A turned part: (level, radius) from the bottom to the top, in shares of the height."""

FOOT: Profile = ((0.0, 0.27), (0.012, 0.282), (0.045, 0.282))
BODY: Profile = ((0.045, 0.255), (0.10, 0.266), (0.235, 0.25))
COLLAR: Profile = ((0.235, 0.278), (0.315, 0.278))
GLASS: Profile = ((0.315, 0.222), (0.40, 0.236), (0.54, 0.242), (0.68, 0.236), (0.765, 0.22))
CROWN: Profile = ((0.765, 0.244), (0.795, 0.244))
CAP: Profile = ((0.795, 0.264), (0.825, 0.264), (0.875, 0.225), (0.915, 0.15), (0.93, 0.10))
KNOB: Profile = ((0.93, 0.055), (0.965, 0.072), (0.995, 0.058))


@dataclass(frozen=True)
class Lantern:
    """Where a lantern stands and how it is seen.

    Attributes:
        foot: The middle of its foot on the panel.
        height: From foot to cap, in pixels.
        tilt: How much one looks down on it: its foot's ellipse, height over width.
        rise: How much less so at the cap, which is nearer the eye's level.
        glow: How bright it burns, 0..1.
        weight: Width of the outline, in pixels.
    """

    foot: tuple[float, float]
    height: float
    tilt: float = 0.22
    rise: float = 0.10
    glow: float = 1.0
    weight: float = 3.0

    def center(self, level: float) -> tuple[float, float]:
        """The axis at one level."""
        return self.foot[0], self.foot[1] - level * self.height

    def ring(self, level: float, radius: float, start: float = 0, stop: float = 180) -> Curve:
        """A part of the ring around the axis at one level; 0..180 degrees is the near half."""
        flat = max(self.tilt - self.rise * level, 0.005)
        r = radius * self.height
        return arc(self.center(level), r, r * flat, start, stop, 64)

    def sides(self, profile: Profile) -> tuple[Curve, Curve]:
        """The left and the right contour of a turned part, from the bottom to the top."""
        x, y = self.foot
        levels = np.array([y - level * self.height for level, _ in profile])
        radii = np.array([radius * self.height for _, radius in profile])
        return np.stack([x - radii, levels], axis=1), np.stack([x + radii, levels], axis=1)

    def outline(self, profile: Profile) -> Curve:
        """The closed outline of a turned part, its top face included."""
        left, right = self.sides(profile)
        near = self.ring(*profile[0], 0, 180)
        far = self.ring(*profile[-1], 180, 360)
        return np.concatenate([near, left, far, right[::-1]])

    def strip(self, profile: Profile, start: float, stop: float) -> Curve:
        """A part of the near face between two positions: -1 is the left contour, 1 the right."""
        left, right = self.sides(profile)
        axis = (left + right) / 2
        a, b = axis + (right - axis) * start, axis + (right - axis) * stop
        sag = np.array([0, self.height * 0.03 * self.tilt * 4])
        return np.concatenate([a[:1] + sag, a, b[::-1], b[:1] + sag])


def draw_lantern(sheet: Sheet, lantern: Lantern, handle: bool = True) -> None:
    """Draw the whole lantern, with its handle up or without it."""
    if handle:
        _draw_handle(sheet, lantern)
    _enamel(sheet, lantern, FOOT)
    _enamel(sheet, lantern, BODY)
    _emblem(sheet, lantern)
    draw_collar(sheet, lantern)
    draw_glass(sheet, lantern)
    _brass(sheet, lantern, CROWN)
    _enamel(sheet, lantern, CAP)
    _brass(sheet, lantern, KNOB)


def draw_collar(sheet: Sheet, lantern: Lantern, flutes: int = 46) -> None:
    """The knurled brass ring that one turns."""
    _brass(sheet, lantern, COLLAR)
    low, high = COLLAR[0][0] + 0.012, COLLAR[1][0] - 0.012
    around = np.linspace(3, 177, flutes)
    bottom = [lantern.ring(low, COLLAR[0][1], a, a)[0] for a in around]
    top = [lantern.ring(high, COLLAR[0][1], a, a)[0] for a in around]
    notches = [np.array(pair) for pair in zip(bottom, top, strict=True)]
    width = max(lantern.height * 0.0042, 0.5)
    sheet.lines(notches, width, BRASS_DARK, 0.9, wobble=0.2, straight=True)
    shine = [moved(notch, -width * 1.1, 0) for notch in notches[5:26]]
    sheet.lines(shine, width * 0.7, BRASS_LIGHT, 0.7, wobble=0.2, straight=True)
    for level in (low, high):
        sheet.line(lantern.ring(level, COLLAR[0][1]), lantern.weight * 0.5, BRASS_DARK, 0.9)


def draw_glass(sheet: Sheet, lantern: Lantern) -> None:
    """The fluted chimney and the light in it."""
    h, lit = lantern.height, lantern.glow
    flutes = 34 if h > 150 else 14
    outline = lantern.outline(GLASS)
    x, middle = lantern.center(0.54)
    sheet.fill(outline, STEEL)
    sheet.fill(outline, AMBER, lit)
    with sheet.inside(outline):
        sheet.fill(lantern.strip(GLASS, -1.1, -0.55), EMBER, 0.75 * lit, blur=0.035 * h)
        sheet.fill(lantern.strip(GLASS, 0.6, 1.1), EMBER, 0.75 * lit, blur=0.035 * h)
        sheet.fill(oval((x, middle), 0.15 * h, 0.2 * h), HOT, 0.95 * lit, blur=0.035 * h)
        around = np.linspace(4, 176, flutes)
        left, _ = lantern.sides(GLASS)
        radii = x - left[:, 0]
        lines = [
            np.stack([x + radii * np.cos(np.radians(a)), left[:, 1] + 0.04 * h * lantern.tilt], 1)
            for a in around
        ]
        sheet.lines(lines, max(h * 0.0045, 0.5), EMBER, 0.55, taper=0.3, wobble=0.2)
        glints = [moved(line, h * 0.005, 0) for line in lines[1::2]]
        sheet.lines(glints, max(h * 0.0035, 0.4), HOT, 0.75, taper=0.6, wobble=0.2)
        sheet.fill(oval((x, middle + 0.01 * h), 0.05 * h, 0.15 * h), "#ffffff", lit, blur=0.014 * h)
        shade = lantern.ring(0.33, 0.25, 180, 360)
        sheet.fill(lantern.outline(((0.30, 0.25), (0.335, 0.25))), EMBER, 0.7, blur=0.012 * h)
        sheet.fill(lantern.outline(((0.73, 0.25), (0.78, 0.25))), EMBER, 0.8, blur=0.014 * h)
        sheet.line(shade, lantern.weight * 0.5, EMBER, 0.6)
        sheet.line(lantern.strip(GLASS, -0.8, -0.8)[1:6], h * 0.014, "#ffffff", 0.8, taper=0.9)
    for side in lantern.sides(GLASS):
        sheet.line(side, lantern.weight * 0.85)


def _brass(sheet: Sheet, lantern: Lantern, profile: Profile) -> None:
    _turned(sheet, lantern, profile, BRASS, BRASS_LIGHT, BRASS_DARK)


def _enamel(sheet: Sheet, lantern: Lantern, profile: Profile) -> None:
    _turned(sheet, lantern, profile, NIGHT, SILVER, DEEP)


def _turned(
    sheet: Sheet, lantern: Lantern, profile: Profile, base: str, light: str, dark: str
) -> None:
    outline, h = lantern.outline(profile), lantern.height
    sheet.fill(outline, base)
    with sheet.inside(outline):
        sheet.fill(lantern.strip(profile, 0.15, 1.1), dark, 0.85, blur=0.03 * h)
        sheet.fill(lantern.strip(profile, -1.1, -0.86), dark, 0.6, blur=0.012 * h)
        sheet.fill(lantern.strip(profile, -0.68, -0.44), light, 0.85, blur=0.012 * h)
        sheet.fill(lantern.strip(profile, -0.34, -0.29), light, 0.5, blur=0.004 * h)
        sheet.fill(lantern.strip(profile, 0.84, 0.94), light, 0.4, blur=0.008 * h)
        level, radius = profile[-1]
        spacing = min(max(4.0, 0.02 * h), 13.0)
        if h > 150:
            shade = lantern.strip(profile, 0.22, 0.98)
            sheet.hatch(shade, 76, spacing, spacing * 0.16, INK, 0.75, shorten=0.25)
        top = lantern.ring(level, radius, 0, 360)
        sheet.fill(top, light, 0.35, fade=((lantern.foot[0] - radius * h, 0), (lantern.foot[0], 0)))
    pen = lantern.weight
    for side in lantern.sides(profile):
        sheet.line(side, pen, INK)
    sheet.line(lantern.ring(*profile[0]), pen * 1.15, INK)
    sheet.line(lantern.ring(*profile[-1]), pen * 0.5, INK, 0.8)
    sheet.line(lantern.ring(*profile[-1], 180, 360), pen * 0.7, INK)


def _emblem(sheet: Sheet, lantern: Lantern) -> None:
    """Three rays of northern light, inlaid in the enamel."""
    h = lantern.height
    if h < 150:
        return
    x, y = lantern.center(0.115)
    for dx, tall in ((-0.026, 0.036), (0.0, 0.056), (0.026, 0.043)):
        left, foot = x + (dx - 0.0055) * h, y + 0.018 * h
        ray = box(left, foot - tall * h, left + 0.011 * h, foot)
        sheet.fill(ray, BRASS_LIGHT)


def _draw_handle(sheet: Sheet, lantern: Lantern) -> None:
    """The wire bail with its wooden grip."""
    h = lantern.height
    x, y = lantern.center(0.81)
    arch = [(-0.272, 0.0), (-0.285, -0.14), (-0.24, -0.33), (-0.12, -0.445), (0.0, -0.47)]
    arch += [(-px, py) for px, py in arch[-2::-1]]
    axis = np.array(arch) * h + (x, y)
    wire = tube(axis, [0.018 * h] * 2, cap=0)
    sheet.fill(wire, BRASS)
    sheet.line(wire, lantern.weight * 0.6, taper=0.2, wobble=0.3)
    grip = np.array(
        [(-0.115, -0.446), (-0.06, -0.463), (0.0, -0.469), (0.06, -0.463), (0.115, -0.446)]
    ) * h + (x, y)
    wood = tube(grip, [0.044 * h, 0.058 * h, 0.044 * h], cap=0.3)
    sheet.fill(wood, EMBER)
    with sheet.inside(wood):
        sheet.fill(moved(wood, 0, 0.022 * h), BRASS_DARK, 0.8, blur=0.008 * h, blend="multiply")
        sheet.line(moved(grip, 0, -0.012 * h), 0.008 * h, AMBER, 0.8)
    sheet.line(np.concatenate([wood, wood[:1]]), lantern.weight * 0.8, taper=0.3, wobble=0.3)
    for sign in (-1, 1):
        hinge = oval((x + sign * 0.268 * h, y + 0.004 * h), 0.022 * h, 0.028 * h)
        sheet.fill(hinge, BRASS_LIGHT)
        sheet.line(hinge, lantern.weight * 0.7, closed=True)
