"""Fill a workflow with what one clip needs."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

from chunk_assets.errors import SpecError
from chunk_assets.generation.base import GenerationRequest, conditioning_image, end_image
from chunk_assets.generation.comfyui.ranges import (
    EVEN,
    NodeInfo,
    frames_for,
    is_optional,
    size_for,
    slot_range,
)
from chunk_assets.generation.comfyui.server import FOLDER
from chunk_assets.generation.comfyui.workflow import Workflow, consumers
from chunk_assets.media.images import cover, save_png


@dataclass(frozen=True)
class Pictures:
    """The pictures of one clip, as files of ours or as the server's names.

    Attributes:
        first: The picture to begin with.
        last: The picture to end with; None for any end.
    """

    first: str
    last: str | None = None


def clip_size(workflow: Workflow, request: GenerationRequest, info: NodeInfo) -> tuple[int, int]:
    """Return the size to ask for; the film's if the workflow takes no size."""
    if not {"width", "height"} <= set(workflow.slots):
        return request.size
    largest = workflow.value("width"), workflow.value("height")
    sides = slot_range(workflow, "width", info, EVEN), slot_range(workflow, "height", info, EVEN)
    return size_for(request.size, largest, sides)


def clip_frames(workflow: Workflow, request: GenerationRequest, info: NodeInfo) -> int | None:
    """Return the number of frames to ask for; None if the workflow takes no length.

    Raises:
        SpecError: The workflow makes no clip that long.
    """
    rate = workflow.fps
    if "length" not in workflow.slots or rate is None:
        return None
    needed = ceil(Fraction(request.num_frames) / request.fps * rate)
    where = f"chunk {request.chunk_num} of film {request.video_id!r}"
    return frames_for(needed, slot_range(workflow, "length", info), where)


def picture_files(request: GenerationRequest, size: tuple[int, int], workdir: Path) -> Pictures:
    """Write the pictures to upload, scaled and cropped to cover `size`.

    Raises:
        MediaError: A picture cannot be read, or a file cannot be written.
    """
    name = f"chunk_{request.chunk_num:02d}"
    first = save_png(cover(conditioning_image(request), size), workdir / f"{name}_conditioning.png")
    end = end_image(request)
    if end is None:
        return Pictures(str(first))
    return Pictures(str(first), str(save_png(cover(end, size), workdir / f"{name}_end.png")))


def check_end(workflow: Workflow, request: GenerationRequest) -> None:
    """Check that the workflow can end a clip on a picture, if it shall.

    Raises:
        SpecError: It has no node for it.
    """
    if request.end_image is not None and "end image" not in workflow.slots:
        raise SpecError(
            f"chunk {request.chunk_num} of film {request.video_id!r} ends on a given picture, and "
            f"the workflow {workflow.name!r} has no node with the title 'end image': choose "
            "another workflow, or another continuity"
        )


def filled(
    workflow: Workflow,
    request: GenerationRequest,
    pictures: Pictures,
    *,
    size: tuple[int, int],
    frames: int | None,
    name: str,
    info: NodeInfo,
) -> dict[str, Any]:
    """Return the graph of one clip.

    A negative prompt that the film does not have stays as the workflow has it.

    Args:
        workflow: The workflow.
        request: What to render.
        pictures: The names of the uploaded pictures.
        size: The clip's size.
        frames: Its length; None if the workflow takes none.
        name: The name of its file on the server, which no other clip has.
        info: What the server tells of a class of nodes.

    Raises:
        SpecError: The workflow needs an end picture, and the request has none.
    """
    values: dict[str, Any] = {
        "prompt": request.prompt,
        "negative": request.negative_prompt,
        "seed": request.seed,
        "image": pictures.first,
        "end image": pictures.last,
        "length": frames,
        "width": size[0],
        "height": size[1],
        "clip": f"{FOLDER}/{name}",
    }
    graph = workflow.graph()
    for title, slot in workflow.slots.items():
        if values.get(title) is not None:
            graph[slot.node]["inputs"][slot.input] = values[title]
    if pictures.last is None and "end image" in workflow.slots:
        _remove(workflow, graph, workflow.slots["end image"].node, info)
        if workflow.clip not in graph:
            raise SpecError(
                f"chunk {request.chunk_num} of film {request.video_id!r} has no picture to end "
                f"on, and the workflow {workflow.name!r} needs one: choose a workflow without a "
                "node with the title 'end image', or the continuity 'keyframes'"
            )
    return graph


def _remove(workflow: Workflow, graph: dict[str, Any], node: str, info: NodeInfo) -> None:
    """Remove a node, and all nodes that cannot work without it."""
    graph.pop(node, None)
    for slot in consumers(workflow.nodes, node):
        if slot.node not in graph:
            continue
        if is_optional(workflow, slot, info):
            graph[slot.node]["inputs"].pop(slot.input, None)
        else:
            _remove(workflow, graph, slot.node, info)
