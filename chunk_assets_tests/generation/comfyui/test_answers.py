"""What a server says: read with bounds, whatever it is."""

import json
import re
from typing import Any

import pytest

from chunk_assets.generation.comfyui.connection import Connection, is_file_name
from chunk_assets.generation.comfyui.outcome import (
    OutputFile,
    PromptState,
    place_in_queue,
    read_outcome,
)
from chunk_assets.generation.comfyui.progress import ProgressMeter
from chunk_assets.generation.comfyui.refusals import left_out, reason


def entry(outputs: Any, *messages: Any, status: str = "success") -> dict[str, Any]:
    """A prompt's entry in the history."""
    return {"outputs": outputs, "status": {"status_str": status, "messages": list(messages)}}


def test_the_place_is_the_rank_of_the_number():
    """The queue comes in the order of a heap, and the numbers are counters."""
    pending = [[7, "b", {}], [12, "c", {}], [9, "a", {}], "junk", [None, "d"], [8]]
    queue = {"queue_running": [[3, "x", {}]], "queue_pending": pending}
    places = [place_in_queue(queue, name) for name in ("x", "b", "a", "c", "d")]
    assert places == [0, 1, 2, 3, None]
    assert place_in_queue({"queue_running": None}, "x") is None
    assert PromptState().is_absent


@pytest.mark.parametrize("key", ["images", "gifs", "videos"])
def test_a_clip_is_found_whatever_its_list_is_called(key: str):
    """SaveVideo says `images`, other nodes `gifs`; pictures and foreign names are no clips."""
    files = [
        {"filename": "a.png", "subfolder": "", "type": "output"},
        {"filename": "../../etc/a.mp4", "subfolder": "", "type": "output"},
        {"filename": "b.mp4", "subfolder": "x", "type": "input"},
        {"filename": 3},
        "a.mp4",
        {"filename": "c_00001_.mp4", "subfolder": "x", "type": "output"},
    ]
    outcome = read_outcome(entry({"9": {key: files, "animated": [True]}}), "9")
    assert outcome is not None
    assert outcome.clip == OutputFile("c_00001_.mp4", "x")
    other = read_outcome(entry({"8": {key: files}}), "9")
    assert other is not None
    assert (other.status, other.clip) == ("success", None)


def test_an_interrupted_prompt_is_no_error_of_a_node():
    """The server calls both "error"."""
    outcome = read_outcome(entry({}, ["execution_interrupted", {}], status="error"), "9")
    assert outcome is not None
    assert outcome.status == "interrupted"


def test_an_error_names_its_node_and_not_its_inputs():
    """Neither traceback nor prompt."""
    data = {
        "node_id": "8",
        "node_type": "KSampler",
        "exception_type": "ValueError",
        "exception_message": "it\nbroke\n" + "x" * 9999,
        "current_inputs": {"text": "secret"},
        "traceback": ["/home/me"],
    }
    outcome = read_outcome(entry({}, ["execution_error", data], status="error"), "9")
    assert outcome is not None
    assert outcome.error.startswith("the node KSampler (8) raised ValueError: it broke xx")
    assert len(outcome.error) < 400
    assert not re.search(r"secret|/home", outcome.error)


@pytest.mark.parametrize("junk", [None, [], "x", 3])
def test_what_is_no_entry(junk: Any):
    """It counts as missing; malformed parts of an entry do, too."""
    assert read_outcome(junk, "9") is None
    for part in ({"status": junk}, {"outputs": junk}, {"outputs": {"9": {"images": junk}}}):
        outcome = read_outcome({"status": {"status_str": "success"}, **part}, "9")
        assert outcome is not None
        assert outcome.clip is None


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b.mp4", "a\\b.mp4", "C:x", "a\n.mp4", "x" * 256, None, 3]
)
def test_a_name_that_is_never_asked_for(name: Any):
    """It could be a path."""
    assert not is_file_name(name)


def test_a_refusal_is_one_sentence():
    """The nodes' reasons where they are, the server's own otherwise; a few of many."""
    error = {"message": "Value not in list", "details": "unet_name: 'a' not in ['b']"}
    nodes = {
        str(number): {"errors": [error], "class_type": "UNETLoader", "dependent_outputs": ["9"]}
        for number in range(5)
    }
    said = reason({"error": {"message": "failed validation"}, "node_errors": nodes})
    assert said.startswith("UNETLoader (node 0): Value not in list: unet_name: 'a' not in ['b']; ")
    assert said.endswith("and 2 more nodes")
    assert left_out(nodes) == {"0", "1", "2", "3", "4", "9"}
    assert reason({"error": {"message": "No outputs", "details": ""}}) == "No outputs"
    for junk in ({}, {"error": []}, {"node_errors": {"1": None}}, {"error": {"type": "x"}}):
        assert reason(junk)


def message(kind: str, **data: Any) -> str:
    return json.dumps({"type": kind, "data": {"prompt_id": "p", **data}})


def test_progress_counts_the_whole_and_only_grows():
    """Two samplers are one course; nodes without steps count little."""
    graph = {
        "1": {"inputs": {"steps": 20}},
        "2": {"inputs": {"steps": 20}},
        "3": {"inputs": {}},
    }
    meter, seen = ProgressMeter("p", graph), []
    for kind, data in [
        ("execution_cached", {"nodes": []}),
        ("executing", {"node": "1"}),
        *[("progress", {"node": "1", "value": step, "max": 20}) for step in (5, 20)],
        ("executing", {"node": "2"}),
        *[("progress", {"node": "2", "value": step, "max": 20}) for step in (1, 20)],
        ("progress_state", {"nodes": {"3": {"state": "finished"}, "9": {"state": "finished"}}}),
        ("execution_success", {}),
    ]:
        assert meter.read(message(kind, **data))
        seen.append(round(meter.fraction, 2))
    assert seen == [0.0, 0.0, 0.12, 0.49, 0.49, 0.51, 0.98, 0.99, 0.99]
    assert meter.is_over


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "[" * 100_000,
        message("progress", node="1", value="x", max=3),
        message("progress", node="1"),
        message("progress_state", nodes=3),
        json.dumps({"type": "progress", "data": {"prompt_id": "other", "node": "1"}}),
        json.dumps({"type": "status", "data": {"status": {}}}),
    ],
)
def test_a_message_of_no_use_is_ignored(text: str):
    """Whatever it is."""
    meter = ProgressMeter("p", {"1": {"inputs": {}}})
    meter.read(text)
    assert meter.fraction == 0.0


@pytest.mark.parametrize(
    ("url", "label", "base"),
    [
        ("http://127.0.0.1:8188", "127.0.0.1:8188", "http://127.0.0.1:8188"),
        ("https://me:p%40ss@gpu.test/comfy/", "gpu.test", "https://gpu.test/comfy"),
        ("http://[::1]:8188", "[::1]:8188", "http://[::1]:8188"),
    ],
)
def test_a_server_is_named_without_its_password(url: str, label: str, base: str):
    """In messages and in the ledger."""
    connection = Connection(url)
    assert (connection.label, connection.url) == (label, base)
    assert connection.auth == (("me", "p@ss") if "@" in url else ("", ""))
    connection.close()
