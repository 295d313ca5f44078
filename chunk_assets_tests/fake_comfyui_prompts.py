"""The prompts of the fake ComfyUI: their state, their history, and why one is refused."""

import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from chunk_assets_tests.fake_comfyui_nodes import CLASSES, OUTPUTS
from chunk_assets_tests.fake_faults import Answers, Fails


@dataclass
class Prompt:
    """A prompt that was accepted.

    Attributes:
        number: Its place in the order.
        graph: The nodes.
        client_id: Who follows it.
        status: "pending", "running", "success", "error" or "interrupted".
        outputs: The files of each output node.
        fails: How it fails.
        seconds: How long it runs.
        valid: The output nodes that run.
        ran: Whether nodes ran; False if all came from the cache.
    """

    number: int
    id: str
    graph: dict[str, Any]
    client_id: str
    fails: Fails | None
    seconds: float
    valid: list[str]
    status: str = "pending"
    outputs: dict[str, Any] = field(default_factory=dict)
    ran: bool = True
    is_stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def item(self) -> list[Any]:
        """The prompt as `/queue` shows it."""
        return [self.number, self.id, self.graph, {"client_id": self.client_id}, []]

    @property
    def entry(self) -> dict[str, Any]:
        """The prompt as `/history` shows it once it has ended."""
        error = {"prompt_id": self.id, "timestamp": 0}
        messages: list[Any] = [["execution_start", error]]
        if self.status == "error":
            failed = self.fails or Fails()
            kind, _, message = failed.error.rpartition(": ")
            about_error = {
                **error,
                "node_id": "8",
                "node_type": "KSampler",
                "exception_type": kind or "ValueError",
                "exception_message": f"{message}\n",
                "traceback": ["  File /home/someone/ComfyUI/execution.py, line 1"],
                "current_inputs": {"text": ["a secret prompt"]},
            }
            messages.append(["execution_error", about_error])
        else:
            messages.append([f"execution_{self.status}", error])
        word = "success" if self.status == "success" else "error"
        status = {"status_str": word, "completed": word == "success", "messages": messages}
        return {"prompt": self.item, "outputs": self.outputs, "status": status, "meta": {}}


def checked(
    graph: dict[str, Any], pictures: Collection[str], models: Collection[str]
) -> tuple[list[str], dict[str, Any]] | Answers:
    """Return the output nodes that can run and the errors of nodes, or the refusal if none can."""
    for node, one in graph.items():
        kind = one.get("class_type")
        if kind not in CLASSES:
            message = f"Cannot execute because node {kind} does not exist."
            return refusal("invalid_prompt", message, f"Node ID '#{node}'")
    outputs = [node for node, one in graph.items() if one["class_type"] in OUTPUTS]
    if not outputs:
        return refusal("prompt_no_outputs", "Prompt has no outputs")
    reached = {output: _reached(graph, output) for output in outputs}
    errors: dict[str, Any] = {}
    for node, one in graph.items():
        if found := _errors(one, pictures, models):
            dependent = [output for output in outputs if node in reached[output]]
            kind = one["class_type"]
            errors[node] = {"errors": found, "dependent_outputs": dependent, "class_type": kind}
    valid = [output for output in outputs if not reached[output] & set(errors)]
    if valid:
        return valid, errors
    kind, message = "prompt_outputs_failed_validation", "Prompt outputs failed validation"
    return refusal(kind, message, errors=errors)


def _errors(
    node: dict[str, Any], pictures: Collection[str], models: Collection[str]
) -> list[dict[str, Any]]:
    found, inputs = [], node["inputs"]
    for name in CLASSES[node["class_type"]][0]:
        if name not in inputs:
            found.append(_error("required_input_missing", "Required input is missing", name))
    if node["class_type"] == "LoadImage" and inputs.get("image") not in pictures:
        details = f"image - Invalid image file: {inputs.get('image')}"
        found.append(_error("custom_validation_failed", "Custom validation failed", details))
    model = inputs.get("unet_name")
    if model is not None and model not in models:
        details = f"unet_name: '{model}' not in {sorted(models)}"
        found.append(_error("value_not_in_list", "Value not in list", details))
    return found


def _reached(graph: dict[str, Any], node: str) -> set[str]:
    links = [one[0] for one in graph[node]["inputs"].values() if isinstance(one, list)]
    return {node}.union(*(_reached(graph, one) for one in links))


def refusal(
    kind: str, message: str, details: str = "", errors: dict[str, Any] | None = None
) -> Answers:
    """Return the answer to a prompt that is refused."""
    return Answers(400, {"error": _error(kind, message, details), "node_errors": errors or {}})


def _error(kind: str, message: str, details: str) -> dict[str, Any]:
    return {"type": kind, "message": message, "details": details, "extra_info": {}}
