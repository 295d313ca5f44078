"""The lantern in her lap, and what its light does to every form around it."""

from numpy.typing import ArrayLike

from drawing.lantern import Lantern
from drawing.palette import AMBER, HOT, UMBER
from drawing.sheet import Sheet

LAMP = Lantern((452, 624), 236, tilt=0.24, weight=2.6)
LIGHT = (452.0, 500.0)


def lit(sheet: Sheet, shape: ArrayLike, base: str, strength: float, reach: float = 430) -> None:
    """A form of one colour that turns from the lamp's light into the night."""
    sheet.fill(shape, base)
    with sheet.inside(shape):
        # Through umber, not straight to amber: blue and amber would meet in olive.
        sheet.glow(LIGHT, reach, UMBER, strength, blend="over", falloff=0.8)
        sheet.glow(LIGHT, reach * 0.82, AMBER, strength, blend="over", falloff=0.9)
        sheet.glow(LIGHT, reach * 0.55, HOT, 0.85 * strength, blend="over", falloff=1.0)
