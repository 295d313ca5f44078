"""What a server says of a prompt: its place in the queue, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chunk_assets.generation.comfyui.connection import bounded, is_file_name

VIDEOS = (".mp4", ".webm", ".mkv", ".mov", ".webp", ".gif")
"""The kinds of files that are clips; what is in them decides when they are decoded."""


@dataclass(frozen=True)
class OutputFile:
    """A file of the server's, by the names that its `/view` takes. It is never a path of ours."""

    filename: str
    subfolder: str = ""
    type: str = "output"

    @property
    def query(self) -> dict[str, str]:
        """The parameters of `/view`."""
        return {"filename": self.filename, "subfolder": self.subfolder, "type": self.type}


@dataclass(frozen=True)
class Outcome:
    """How a prompt ended.

    Attributes:
        status: Its end; a prompt that was interrupted is also an error for the server.
        error: Why it has no clip, without the server's paths and the film's prompt.
        clip: The file of the clip, if it has one.
    """

    status: Literal["success", "error", "interrupted"]
    error: str = ""
    clip: OutputFile | None = None


@dataclass(frozen=True)
class PromptState:
    """Where a prompt is.

    Attributes:
        place: 0 if it runs, otherwise how many are before it; None if it is not in the queue.
        outcome: How it ended; None if the history does not have it.
    """

    place: int | None = None
    outcome: Outcome | None = None

    @property
    def is_absent(self) -> bool:
        """Whether the server knows nothing of it."""
        return self.place is None and self.outcome is None


def place_in_queue(queue: Mapping[str, Any], prompt_id: str) -> int | None:
    """Return a prompt's place from the answer of `/queue`; its items are in no order."""
    if any(name == prompt_id for _number, name in _items(queue.get("queue_running"))):
        return 0
    waiting = sorted(_items(queue.get("queue_pending")))
    names = [name for _number, name in waiting]
    return names.index(prompt_id) + 1 if prompt_id in names else None


def _items(listed: object) -> list[tuple[float, str]]:
    return [
        (item[0], item[1])
        for item in (listed if isinstance(listed, list) else [])
        if isinstance(item, list)
        and len(item) > 1
        and isinstance(item[0], int | float)
        and isinstance(item[1], str)
    ]


def read_outcome(entry: object, clip_node: str, prefix: str = "") -> Outcome | None:
    """Read a prompt's entry in the history; None if it is not one.

    Args:
        entry: The entry.
        clip_node: The id of the node that saves the clip.
        prefix: With which the name of its file begins; another file is taken if there is none.
    """
    if not isinstance(entry, dict):
        return None
    status = entry.get("status")
    status = status if isinstance(status, dict) else {}
    messages = _messages(status)
    if "execution_interrupted" in messages:
        return Outcome("interrupted", "it was interrupted on the server")
    if status.get("status_str") == "error" or "execution_error" in messages:
        return Outcome("error", _reason(messages.get("execution_error")))
    outputs = entry.get("outputs")
    outputs = outputs if isinstance(outputs, dict) else {}
    files = _files(outputs.get(clip_node))
    ours = [file for file in files if file.filename.startswith(prefix)]
    return Outcome("success", clip=next(iter(ours or files), None))


def _messages(status: Mapping[str, Any]) -> dict[str, Any]:
    listed = status.get("messages")
    return {
        one[0]: one[1]
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, list) and len(one) == 2 and isinstance(one[0], str)
    }


def _reason(data: object) -> str:
    """Return why a node failed: neither its traceback, which has paths, nor its inputs."""
    said = data if isinstance(data, dict) else {}
    node = (
        f"the node {bounded(said.get('node_type', '?'), 60)} ({bounded(said.get('node_id'), 40)})"
    )
    kind = bounded(said.get("exception_type", "an error"), 80)
    message = bounded(said.get("exception_message", ""))
    return f"{node} raised {kind}" + (f": {message}" if message else "")


def _files(output: object) -> list[OutputFile]:
    """Return the videos among a node's outputs, whatever the name of the list is."""
    found = []
    for listed in output.values() if isinstance(output, dict) else ():
        for one in listed if isinstance(listed, list) else ():
            if not isinstance(one, dict) or not is_file_name(one.get("filename")):
                continue
            subfolder, kind = one.get("subfolder", ""), one.get("type", "output")
            is_place = isinstance(subfolder, str) and len(subfolder) <= 500
            if is_place and subfolder.isprintable() and kind in ("output", "temp"):
                file = OutputFile(one["filename"], subfolder, kind)
                if file.filename.lower().endswith(VIDEOS):
                    found.append(file)
    return found
