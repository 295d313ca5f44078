"""One ComfyUI server: what a film asks of it."""

import copy
import json
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx

from chunk_assets.errors import GenerationError, MediaError, Rejected, SpecError
from chunk_assets.files.digests import bytes_digest
from chunk_assets.generation.comfyui.connection import (
    QUEUE_BYTES,
    Connection,
    NotComfyUI,
    bounded,
    is_file_name,
    was_not_sent,
)
from chunk_assets.generation.comfyui.outcome import (
    VIDEOS,
    OutputFile,
    PromptState,
    place_in_queue,
    read_outcome,
)
from chunk_assets.generation.comfyui.refusals import left_out, node_reasons, reason
from chunk_assets.generation.stopping import NEVER, StopSignal, pause
from chunk_assets.json_text import read_object
from chunk_assets.retry import OnRetry, RetryPolicy, ignore_retries, retry

FOLDER = "chunk_assets"
"""The folder of our pictures among the server's inputs, and of our clips among its outputs."""

_T = TypeVar("_T")


class LostAnswer(GenerationError):
    """The prompt may have been accepted, but the answer was lost: look for it by its id."""


class Refused(Rejected):
    """The server cannot run this workflow; another server may."""


class Server:
    """Sends one server its requests; safe to use from many threads.

    Args:
        url: The server's address.
        timeout: Longest wait in seconds between two bytes of an answer.
        retries: When to give up requests that may be repeated.
        on_retry: Called with one sentence before each retry.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 30,
        retries: RetryPolicy | None = None,
        on_retry: OnRetry = ignore_retries,
    ):
        self.connection = Connection(url, timeout)
        self._retries = retries or RetryPolicy(attempts=4, seconds=30)
        self._on_retry, self._stop = on_retry, NEVER
        self._info: dict[str, dict[str, Any]] = {}

    @property
    def label(self) -> str:
        """Host and port."""
        return self.connection.label

    def close(self) -> None:
        """Close every connection."""
        self.connection.close()

    def stopped_by(self, stop: StopSignal) -> Self:
        """Return this server with calls that raise as `stop` does, as soon as it is set."""
        stoppable = copy.copy(self)
        stoppable._stop = stop
        return stoppable

    def version(self) -> str:
        """Return the version of ComfyUI.

        Raises:
            NotComfyUI: The server is another one.
            GenerationError: It cannot be reached.
        """
        system = self._get("/system_stats", "a request for its version").get("system")
        version = system.get("comfyui_version") if isinstance(system, dict) else None
        if not isinstance(version, str):
            raise NotComfyUI(
                f"the server at {self.label} is not ComfyUI, or is older than 0.3: its answer to "
                "/system_stats names no version; check CHUNK_ASSETS_COMFYUI_URLS"
            )
        return bounded(version, 40)

    def queue_length(self) -> int:
        """Return how many prompts run or wait, without retrying."""
        info = self._ask("GET", "/prompt", "a request for its queue").get("exec_info")
        count = info.get("queue_remaining") if isinstance(info, dict) else None
        return count if isinstance(count, int) and count >= 0 else 0

    def node_info(self, class_type: str) -> Mapping[str, Any]:
        """Return what the server tells of a class of nodes; nothing if it does not know it."""
        if class_type not in self._info:
            path = f"/object_info/{quote(class_type, safe='')}"
            about = self._get(path, "a request for a node").get(class_type)
            self._info[class_type] = about if isinstance(about, dict) else {}
        return self._info[class_type]

    def upload(self, path: Path) -> str:
        """Upload a PNG under its sha256, and return the name that a workflow knows it by.

        The same picture again changes nothing on the server.

        Raises:
            MediaError: The file cannot be read.
            GenerationError: It could not be uploaded.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            message = f"{str(path)!r} cannot be read: {error.strerror}"
            raise MediaError(message, path=str(path)) from error
        files = {"image": (f"{bytes_digest(content)}.png", content, "image/png")}
        data = {"type": "input", "subfolder": FOLDER}
        what = "an upload of a picture"
        answer = self._retried(
            lambda: self._ask("POST", "/upload/image", what, files=files, data=data)
        )
        name, folder = answer.get("name"), answer.get("subfolder")
        if not is_file_name(name) or folder not in (FOLDER, ""):
            raise NotComfyUI(f"the answer of {self.label} to {what} names no file")
        return f"{folder}/{name}" if folder else str(name)

    def post(self, graph: dict[str, Any], prompt_id: str, clip_node: str) -> tuple[str, list[str]]:
        """Queue a prompt, once.

        Args:
            graph: The workflow.
            prompt_id: Our id of the prompt, and of the websocket that follows it.
            clip_node: The id of the node that saves the clip.

        Returns:
            The id that the server gave it, ours unless it is an old server, and why other nodes
            than the clip's are left out.

        Raises:
            LostAnswer: It may have been accepted.
            Refused: The server cannot run this workflow.
            GenerationError: It was not accepted.
        """
        body = {"prompt": graph, "client_id": prompt_id, "prompt_id": prompt_id}
        try:
            content = json.dumps(body, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise SpecError(f"the workflow is not JSON: {error}") from None
        headers, what = {"Content-Type": "application/json"}, "a prompt"
        try:
            answer = self.connection.send(
                "POST", "/prompt", stop=self._stop, content=content, headers=headers
            )
        except httpx.HTTPError as error:
            if was_not_sent(error):
                raise self.connection.transport_error(error, what) from None
            raise self._lost(type(error).__name__) from None
        if answer.status >= 500 or answer.status == 408:
            raise self._lost(str(answer.status))
        if answer.status == 400:
            raise self._refused(answer.content)
        if answer.status != 200:
            raise self.connection.status_error(answer, what)
        try:
            accepted = self.connection.read(answer, what)
        except NotComfyUI as error:
            raise self._lost(str(error)) from None
        given = accepted.get("prompt_id")
        if not isinstance(given, str) or not 0 < len(given) <= 200 or not given.isprintable():
            raise self._lost("it names no prompt")
        errors = accepted.get("node_errors")
        if clip_node in left_out(errors):
            self.stopped_by(NEVER).cancel(given)
            raise Refused(f"ComfyUI at {self.label} refuses the workflow: {reason(accepted)}")
        return given, list(node_reasons(errors).values())

    def state(self, prompt_id: str, clip_node: str, prefix: str = "") -> PromptState:
        """Return where a prompt is; the queue is read first, since a prompt moves to the history.

        Raises:
            GenerationError: The server cannot be reached.
        """
        queue = self._ask("GET", "/queue", "a request for its queue", max_bytes=QUEUE_BYTES)
        place = place_in_queue(queue, prompt_id)
        if place is not None:
            return PromptState(place)
        path = f"/history/{quote(prompt_id, safe='')}"
        entry = self._ask("GET", path, "a request for its history").get(prompt_id)
        return PromptState(outcome=read_outcome(entry, clip_node, prefix))

    def cancel(self, prompt_id: str) -> None:
        """Remove a prompt from the queue, or interrupt it if it runs; one that has ended stays.

        Raises:
            GenerationError: The server cannot be reached.
        """
        path = f"/api/jobs/{quote(prompt_id, safe='')}/cancel"
        try:  # servers of 2026 have one request for both
            if self.connection.send("POST", path, stop=self._stop).status == 200:
                return
        except httpx.HTTPError as error:
            raise self.connection.transport_error(error, "a cancellation") from None
        self._tell("/queue", {"delete": [prompt_id]})
        queue = self._ask("GET", "/queue", "a request for its queue", max_bytes=QUEUE_BYTES)
        if place_in_queue(queue, prompt_id) == 0:
            # Servers before September 2025 ignore the id, and stop what runs: only ours may.
            self._tell("/interrupt", {"prompt_id": prompt_id})

    def survivor(self, name: str) -> OutputFile | None:
        """Return the clip of a prompt that the server no longer knows, by its unique name.

        Raises:
            GenerationError: The server cannot be reached.
        """
        for ending in VIDEOS:
            for form in ("_00001_", "_00001"):  # SaveVideo's, and that of the Video Helper Suite
                file = OutputFile(f"{name}{form}{ending}", FOLDER)
                try:
                    answer = self.connection.send(
                        "HEAD", "/view", stop=self._stop, params=file.query
                    )
                except httpx.HTTPError as error:
                    what = "a request for a clip"
                    raise self.connection.transport_error(error, what) from None
                if answer.status == 200:
                    return file
        return None

    def file(self, file: OutputFile) -> Generator[tuple[int, int | None, bytes], None, None]:
        """Yield a file as `Connection.blocks` does."""
        return self.connection.blocks("/view", file.query, self._stop)

    def _get(self, path: str, what: str) -> dict[str, Any]:
        return self._retried(lambda: self._ask("GET", path, what))

    def _ask(self, method: str, path: str, what: str, **options: Any) -> dict[str, Any]:
        return self.connection.ask(method, path, what, stop=self._stop, **options)

    def _tell(self, path: str, body: dict[str, Any]) -> None:
        """Send a request whose answer is empty."""
        what = f"a request to {path}"
        try:
            answer = self.connection.send("POST", path, stop=self._stop, json=body)
        except httpx.HTTPError as error:
            raise self.connection.transport_error(error, what) from None
        if answer.status != 200:
            raise self.connection.status_error(answer, what)

    def _retried(self, call: Callable[[], _T]) -> _T:
        self._stop.raise_if_set()
        return retry(
            call,
            self._retries,
            on_retry=self._on_retry,
            pause=lambda seconds: pause(seconds, self._stop),
        )

    def _lost(self, why: str) -> LostAnswer:
        return LostAnswer(f"the answer of ComfyUI at {self.label} to the prompt is lost ({why})")

    def _refused(self, content: bytes) -> GenerationError:
        try:
            body = read_object(content, "the answer")
        except SpecError:
            body = {}
        if "error" not in body and "node_errors" not in body:
            return NotComfyUI(
                f"the server at {self.label} is not ComfyUI: it refuses a prompt (400) without "
                "the reason that ComfyUI gives; check CHUNK_ASSETS_COMFYUI_URLS"
            )
        return Refused(f"ComfyUI at {self.label} refuses the workflow: {reason(body)}")
