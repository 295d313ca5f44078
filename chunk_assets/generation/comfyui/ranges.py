"""The values that a node's input accepts, as `/object_info` tells them."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chunk_assets.errors import SpecError
from chunk_assets.generation.comfyui.workflow import INPUTS, Slot, Workflow, consumers

NodeInfo = Callable[[str], Mapping[str, Any]]
"""Returns what the server tells of a class of nodes; an empty mapping if it does not know it."""

_HIGHEST = 2**63


@dataclass(frozen=True)
class Range:
    """The numbers `lowest`, `lowest + step`, … up to `highest`.

    The server does not check the step: Wan then loses frames, and rows of pixels.
    """

    lowest: int = 1
    highest: int = _HIGHEST
    step: int = 1

    def at_least(self, value: int) -> int | None:
        """Return the smallest number that is not below `value`; None if there is none."""
        steps = max(0, -((self.lowest - value) // self.step))
        number = self.lowest + steps * self.step
        return number if number <= self.highest else None

    def nearest(self, value: float) -> int:
        """Return the number that is nearest to `value`."""
        highest = self.lowest + max(0, self.highest - self.lowest) // self.step * self.step
        number = self.lowest + round((value - self.lowest) / self.step) * self.step
        return min(max(self.lowest, number), highest)


EVEN = Range(lowest=16, highest=16384, step=2)
"""Sides of a clip: H.264 accepts even ones only."""


def both(ranges: Iterable[Range]) -> Range:
    """Return the numbers that lie in all ranges."""
    known = sorted(ranges, key=lambda one: one.step)
    step = math.lcm(*(one.step for one in known))
    base, lowest = known[-1].lowest, max(one.lowest for one in known)
    first = base - (base - lowest) // step * step if lowest > base else base
    return Range(first, min(one.highest for one in known), step)


def slot_range(workflow: Workflow, title: str, info: NodeInfo, *others: Range) -> Range:
    """Return the numbers that a slot accepts, also at the inputs that are linked to it."""
    slot = workflow.slots[title]
    linked = consumers(workflow.nodes, slot.node)
    places = [slot, *(one for one in linked if one.input in INPUTS[title])]
    return both([_range(info(_class(workflow, one)), one.input) for one in places] + list(others))


def is_optional(workflow: Workflow, slot: Slot, info: NodeInfo) -> bool:
    """Return whether a node works without an input."""
    inputs = info(_class(workflow, slot)).get("input")
    optional = inputs.get("optional") if isinstance(inputs, Mapping) else None
    return isinstance(optional, Mapping) and slot.input in optional


def frames_for(needed: int, frames: Range, where: str) -> int:
    """Return the number of frames to ask for.

    Raises:
        SpecError: The workflow makes no clip that long.
    """
    number = frames.at_least(needed)
    if number is None:
        raise SpecError(
            f"{where} needs {needed} frames, and the workflow makes {frames.highest} at most: "
            "choose a shorter slot",
            measured=needed,
            allowed=frames.highest,
        )
    return number


def size_for(
    size: tuple[int, int], largest: tuple[int, int], sides: tuple[Range, Range]
) -> tuple[int, int]:
    """Return the size to ask for: the film's proportions, and at most as many pixels as `largest`.

    Args:
        size: The film's size (width, height).
        largest: The size in the workflow's file: what its server is known to manage.
        sides: The widths and the heights that the workflow accepts.
    """
    scale = min(1.0, math.sqrt(largest[0] * largest[1] / (size[0] * size[1])))
    return sides[0].nearest(size[0] * scale), sides[1].nearest(size[1] * scale)


def _class(workflow: Workflow, slot: Slot) -> str:
    return workflow.nodes[slot.node]["class_type"]


def _range(node: Mapping[str, Any], name: str) -> Range:
    """Read the range of an input from what the server tells; malformed values count as missing."""
    inputs = node.get("input")
    for group in ("required", "optional"):
        known = inputs.get(group) if isinstance(inputs, Mapping) else None
        about = known.get(name) if isinstance(known, Mapping) else None
        if isinstance(about, list) and len(about) > 1 and isinstance(about[1], Mapping):
            lowest, highest = _whole(about[1].get("min"), 1), _whole(about[1].get("max"), _HIGHEST)
            step = max(1, _whole(about[1].get("step"), 1))
            lowest = lowest if lowest >= 0 else lowest % step
            return Range(lowest, highest, step) if lowest <= highest else Range()
    return Range()


def _whole(value: object, default: int) -> int:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and abs(value) <= _HIGHEST else default  # type: ignore[operator,return-value]
