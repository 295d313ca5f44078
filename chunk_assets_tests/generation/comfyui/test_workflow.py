"""Reading a workflow: which nodes a film sets, and what each bad file gets."""

import json
from pathlib import Path
from typing import Any

import pytest

from chunk_assets.errors import SpecError
from chunk_assets.generation.comfyui.ranges import EVEN, Range, both, size_for
from chunk_assets.generation.comfyui.workflow import (
    MAX_BYTES,
    Slot,
    Workflow,
    load_workflow,
    parse_workflow,
)
from chunk_assets_tests.generation.comfyui.workflows import EXAMPLES, node, parsed, still


def test_the_examples_can_be_read():
    """Each has what a film needs; titles with commas are several."""
    known = {path.stem: load_workflow(path) for path in EXAMPLES.glob("*.json")}
    assert len(known) == 3
    wan = known["wan-2.2-first-and-last-frame"]
    assert wan.slots["length"] == Slot("11", "length")
    assert wan.slots["width"] == Slot("11", "width")
    assert wan.slots["seed"] == Slot("12", "noise_seed")
    assert wan.fps == 16
    assert wan.clip == "16"
    assert "end image" not in known["wan-2.2-image-to-video"].slots
    assert wan.model.startswith("comfyui/wan-2.2-first-and-last-frame:")


def test_links_are_followed_to_the_value():
    """Also through several nodes, and to ids of flattened subgraphs."""
    nodes = still(
        **{
            "4": None,
            "7": node("RepeatImageBatch", "length", image=["6", 0], amount=["129:98", 0]),
            "129:98": node("Reroute", value=["129:99", 0]),
            "129:99": node("PrimitiveInt", value=33),
        }
    )
    workflow = parsed(nodes)
    assert workflow.slots["length"] == Slot("129:99", "value")
    assert workflow.value("length") == 33


def test_every_change_is_another_model():
    """Nodes, values and titles count; the file's layout does not."""
    nodes = still()
    digests = {parsed(nodes).digest}
    digests.add(parse_workflow(json.dumps(nodes, indent=4).encode(), "test", "x").digest)
    assert len(digests) == 1
    digests.add(parsed(still(**{"4": node("PrimitiveInt", "length", value=50)})).digest)
    digests.add(parsed(still(**{"4": node("PrimitiveInt", "Length", value=49)})).digest)
    assert len(digests) == 3


UI = {"nodes": [{"id": 1}], "links": [], "version": 0.4}


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        (UI, r"in the format of ComfyUI's canvas.*Workflow, Export \(API\)"),
        ({}, "has no nodes"),
        ({"1": {"inputs": {}}}, "node '1' without class_type"),
        ({"prompt": still()}, "node 'prompt' without class_type"),
        (still(**{"11": None}), r"no node with the title 'clip'.*its titles are 'image', 'width'"),
        (still(**{"8": None, "9": None}), "no node with the title 'prompt'"),
        (still(**{"12": node("KSampler", "Image", image="a.png")}), "two nodes .* 'image', '1'"),
        (still(**{"5": None}), "'length' and none with 'fps'"),
        (still(**{"5": node("PrimitiveFloat", "fps", value=0)}), "is 0: expected a number from 1"),
        (still(**{"4": node("PrimitiveInt", "length", value=True)}), "is True: expected a whole"),
        (still(**{"8": node("PrimitiveInt", "prompt", value=3)}), "is 3: expected a text"),
        (still(**{"12": node("Sampler", "seed", cfg=1)}), r"'seed' \(.*leads.*'noise_seed'"),
        (still(**{"12": node("Loop", "seed", seed=["12", 0])}), "leads to no value"),
        (still(**{"12": node("Far", "seed", seed=["99", 0])}), "leads to no value"),
        (still(**{"11": node("SaveVideo", "clip", video=["10", 0])}), "'filename_prefix'"),
    ],
)  # fmt: skip
def test_a_workflow_that_cannot_be_used(nodes: dict[str, Any], reason: str):
    """One sentence, which names the file."""
    with pytest.raises(SpecError, match=f"^the workflow 'test.json'.*{reason}") as raised:
        parsed(nodes)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "this is not JSON"),
        (b"[]", "it must be an object"),
        (b"[" * 100_000, "nests values over 50 levels"),
        (b'{"1": {"class_type": "A", "inputs": {"a": ' + b"[" * 60 + b"]" * 60 + b"}}}", "nests"),
        (b'{"1": {"class_type": "A", "inputs": {"a": NaN}}}', "finite number"),
        (b'{"1": {}, "1": {}}', "twice in one object"),
        (b" " * (MAX_BYTES + 1), "bytes, which is the limit"),
    ],
)
def test_a_file_that_is_no_workflow(tmp_path: Path, content: bytes, reason: str):
    """It is bounded before it is decoded."""
    path = tmp_path / "w.json"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=reason):
        load_workflow(path)


def test_a_file_that_is_missing(tmp_path: Path):
    """The sentence names it."""
    with pytest.raises(SpecError, match=r"w\.json' cannot be read: No such file"):
        load_workflow(tmp_path / "w.json")


def test_a_name_is_plain():
    """It is in the record on S3, whose metadata is ASCII."""
    content = json.dumps(still()).encode()
    workflow: Workflow = parse_workflow(content, "Größe – *final* / 2", "x")
    assert workflow.name == "Gr-e-final-2"


def test_steps_are_kept():
    """Wan's frames are 4n + 1, and its sides multiples of 16."""
    assert [Range(1, 200, 4).at_least(frames) for frames in (1, 40, 41, 42)] == [1, 41, 41, 45]
    assert Range(1, 81, 4).at_least(82) is None
    sides = both([Range(16, 16384, 16), EVEN])
    assert (sides.lowest, sides.step) == (16, 16)
    assert both([Range(0, 16384, 1), EVEN]).nearest(127.2) == 128
    assert both([Range(1, 1000, 4), Range(9, 500, 1)]) == Range(9, 500, 4)


@pytest.mark.parametrize(
    ("film", "asked"),
    [((1024, 576), (848, 480)), ((576, 1024), (480, 848)), ((320, 192), (320, 192))],
)
def test_the_workflows_size_is_the_most(film: tuple[int, int], asked: tuple[int, int]):
    """The film's proportions, with as many pixels as the file has at most."""
    sides = both([Range(16, 16384, 16), EVEN])
    size = size_for(film, (832, 480), (sides, sides))
    assert size == asked
