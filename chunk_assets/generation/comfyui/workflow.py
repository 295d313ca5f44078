"""A workflow in ComfyUI's API format, and the inputs that a film sets, found by titles."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from chunk_assets.errors import SpecError
from chunk_assets.json_text import Unusable, check_values, read_object, shown

MAX_BYTES = 4 << 20
"""Limit on the size of a workflow's file; Wan 2.2 as ComfyUI ships it has 7 kB."""

INPUTS: dict[str, tuple[str, ...]] = {
    "prompt": ("text", "prompt", "positive", "string", "value"),
    "negative": ("text", "negative_prompt", "negative", "string", "value"),
    "seed": ("seed", "noise_seed", "value"),
    "image": ("image",),
    "end image": ("image",),
    "length": ("length", "num_frames", "frames", "amount", "value"),
    "fps": ("fps", "frame_rate", "value"),
    "width": ("width", "value"),
    "height": ("height", "value"),
    "clip": ("filename_prefix", "value"),
}
"""The titles, and for each the names of the inputs that may hold its value, best first."""

REQUIRED = ("prompt", "image", "clip")

_TEXTS = ("prompt", "negative", "image", "end image", "clip")
_MAX_SHOWN = 12
_FARTHEST = 30
"""Limit on the links that are followed from a titled node to the one that holds the value."""


@dataclass(frozen=True)
class Slot:
    """An input that holds a value: the id of its node, and its name."""

    node: str
    input: str


@dataclass(frozen=True)
class Workflow:
    """A workflow whose inputs are known.

    Attributes:
        name: The file's name without its ending, in letters, digits, dots, hyphens and underscores.
        digest: SHA-256 (hex) of its nodes, inputs and titles.
        nodes: The class and the inputs of each node, by its id.
        slots: The inputs that a film sets, by the titles in `INPUTS`.
        clip: The id of the node that saves the clip.
    """

    name: str
    digest: str
    nodes: Mapping[str, Mapping[str, Any]]
    slots: Mapping[str, Slot]
    clip: str

    @property
    def model(self) -> str:
        """Its name and the beginning of its digest, which are part of a clip's fingerprint."""
        return f"comfyui/{self.name}:{self.digest[:12]}"

    @property
    def fps(self) -> Fraction | None:
        """The rate of its clips, which is the native rate of its model; None if it names none."""
        return Fraction(str(self.value("fps"))) if "fps" in self.slots else None

    def value(self, title: str) -> Any:
        """Return the value that the file has for a slot."""
        slot = self.slots[title]
        return self.nodes[slot.node]["inputs"][slot.input]

    def graph(self) -> dict[str, Any]:
        """Return a new copy of its nodes, as the server takes them, without titles."""
        return {
            node: {"class_type": one["class_type"], "inputs": dict(one["inputs"])}
            for node, one in self.nodes.items()
        }


def load_workflow(path: Path) -> Workflow:
    """Read a workflow's file.

    Raises:
        SpecError: It cannot be read, is not in API format, or lacks a node that a film needs.
    """
    where = f"the workflow {str(path)!r}"
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SpecError(f"{where} cannot be read: {error.strerror}", path=str(path)) from error
    if len(content) > MAX_BYTES:
        raise SpecError(f"{where} has over {MAX_BYTES} bytes, which is the limit", path=str(path))
    return parse_workflow(content, path.stem, where)


def parse_workflow(content: bytes, name: str, where: str) -> Workflow:
    """Read a workflow from its text; `where` begins the errors.

    Raises:
        SpecError: It is not in API format, or lacks a node that a film needs.
    """
    nodes = read_object(content, where)
    try:
        check_values(nodes)
    except Unusable as error:
        raise SpecError(f"{where}: {error}") from None
    _check_format(nodes, where)
    titled = _titled(nodes, where)
    if missing := [title for title in REQUIRED if title not in titled]:
        titles = [shown(_title(node), 40) for node in nodes.values() if _title(node)]
        more = f" and {len(titles) - _MAX_SHOWN} more" if len(titles) > _MAX_SHOWN else ""
        raise SpecError(
            f"{where} has no node with the title {missing[0]!r}: give that title to the node that "
            f"{_MEANINGS[missing[0]]}, and export the workflow again (API); its titles are "
            f"{', '.join(titles[:_MAX_SHOWN]) or 'none'}{more}"
        )
    slots = {title: _holder(nodes, title, node, where) for title, node in titled.items()}
    if "length" in slots and "fps" not in slots:
        raise SpecError(
            f"{where} has a node with the title 'length' and none with 'fps': without the rate of "
            "its frames, the length of a clip is not known"
        )
    text = json.dumps(nodes, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return Workflow(
        name=re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:64] or "workflow",
        digest=hashlib.sha256(text.encode()).hexdigest(),
        nodes=nodes,
        slots=slots,
        clip=titled["clip"],
    )


_MEANINGS = {
    "prompt": "holds the prompt",
    "image": "loads the first picture",
    "clip": "saves the video",
}


def is_link(value: object) -> bool:
    """Return whether an input's value is a link to another node's output."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], int)
    )


def _check_format(nodes: Mapping[str, Any], where: str) -> None:
    export = "in ComfyUI's menu, choose Workflow, Export (API)"
    if isinstance(nodes.get("nodes"), list):
        raise SpecError(f"{where} is in the format of ComfyUI's canvas, not of its API: {export}")
    if not nodes:
        raise SpecError(f"{where} has no nodes: {export}")
    for name, node in nodes.items():
        is_node = isinstance(node, dict) and isinstance(node.get("inputs"), dict)
        if not is_node or not isinstance(node.get("class_type"), str):
            raise SpecError(
                f"{where} has a node {shown(name, 40)} without class_type or inputs, as for a node "
                f"that ComfyUI does not know, or in a file of another kind: {export}"
            )


def _title(node: Mapping[str, Any]) -> str:
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, dict) else None
    return title if isinstance(title, str) else ""


def _titled(nodes: Mapping[str, Any], where: str) -> dict[str, str]:
    """Return the ids of the nodes with known titles; one node may have several, with commas."""
    found: dict[str, str] = {}
    for name, node in nodes.items():
        for part in _title(node).split(","):
            title = " ".join(part.lower().replace("_", " ").split())
            if title not in INPUTS:
                continue
            if title in found:
                raise SpecError(
                    f"{where} has two nodes with the title {title!r}, {shown(found[title], 40)} "
                    f"and {shown(name, 40)}: give it to one of them only"
                )
            found[title] = name
    return found


def _holder(nodes: Mapping[str, Any], title: str, node: str, where: str) -> Slot:
    """Follow links from a titled node to the input that holds the value."""
    begin = node
    for _ in range(_FARTHEST):
        if node not in nodes:
            break
        inputs = nodes[node]["inputs"]
        name = next((name for name in INPUTS[title] if name in inputs), None)
        if name is None:
            break
        value = inputs[name]
        if not is_link(value):
            _check_value(title, value, f"{where}: the node {shown(node, 40)} holds {name!r} for")
            return Slot(node, name)
        node = value[0]
    kind = shown(nodes[begin]["class_type"], 60)
    raise SpecError(
        f"{where} has a node with the title {title!r} ({kind}, {shown(begin, 40)}) that leads to "
        f"no value: it, or the node that is linked to it, needs an input named "
        f"{' or '.join(map(repr, INPUTS[title]))}"
    )


def _check_value(title: str, value: object, what: str) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if title in _TEXTS:
        allowed, is_right = "a text", isinstance(value, str)
    elif title == "fps":
        allowed, is_right = "a number from 1 to 240", is_number and 1 <= value <= 240  # type: ignore[operator]
    else:
        lowest = 0 if title == "seed" else 1
        allowed = f"a whole number of {lowest} or more"
        is_right = is_number and isinstance(value, int) and value >= lowest
    if not is_right:
        raise SpecError(f"{what} {title!r}, which is {shown(value, 40)}: expected {allowed}")


def consumers(nodes: Mapping[str, Any], node: str) -> Iterator[Slot]:
    """Yield the inputs that are linked to a node's output."""
    for name, other in nodes.items():
        for key, value in other["inputs"].items():
            if is_link(value) and value[0] == node:
                yield Slot(name, key)
