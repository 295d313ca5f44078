"""Progress of a prompt from its server's websocket, where it answers."""

import base64
import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from chunk_assets.generation.base import STARTED, ProgressCallback
from chunk_assets.generation.comfyui.connection import Connection
from chunk_assets.generation.stopping import StopSignal

_MESSAGE_BYTES = 8 << 20
"""Limit on a message; previews are pictures, and are ignored."""

_TEXT = 1 << 20
_AGAIN_SECONDS = 5.0
_MOMENT = 0.25
_MOST_STEPS = 1000

_ENDS = ("execution_success", "execution_error", "execution_interrupted")


class ProgressMeter:
    """Adds up the progress of a prompt's nodes, of which the server reports one at a time.

    A node counts as much as it has steps, since samplers take nearly all of the time; a workflow
    with two samplers does not reach its end twice.

    Args:
        prompt_id: The prompt; messages about others are ignored.
        graph: Its nodes.
    """

    def __init__(self, prompt_id: str, graph: Mapping[str, Any]):
        self._prompt_id = prompt_id
        self._weights = {node: _weight(one) for node, one in graph.items()}
        self._done: dict[str, float] = {}
        self._running: str | None = None
        self.fraction = 0.0
        self.is_over = False

    def read(self, message: str) -> bool:
        """Read a message, and return whether it was of use; an unreadable one is ignored."""
        if len(message) > _TEXT:
            return False
        try:
            said = json.loads(message)
            kind, data = said["type"], said["data"]
            if data.get("prompt_id") != self._prompt_id:
                return False
            self._take(kind, data)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return False
        whole = sum(self._weights.values()) or 1.0
        done = sum(self._weights.get(node, 0.0) * part for node, part in self._done.items())
        self.fraction = max(self.fraction, min(done / whole, 0.99))
        return True

    def _take(self, kind: str, data: Mapping[str, Any]) -> None:
        if kind in _ENDS:
            self.is_over = True
        elif kind == "execution_cached":
            self._done |= {str(node): 1.0 for node in data["nodes"]}
        elif kind == "executing":
            if self._running is not None:
                self._done[self._running] = 1.0
            node = data.get("node")
            self._running = None if node is None else str(node)
        elif kind == "progress":
            self._part(str(data["node"]), data)
        elif kind == "progress_state":
            for node, state in data["nodes"].items():
                if state.get("state") == "finished":
                    self._done[str(node)] = 1.0
                else:
                    self._part(str(node), state)

    def _part(self, node: str, data: Mapping[str, Any]) -> None:
        if data["max"] > 0:
            part = min(max(0.0, data["value"] / data["max"]), 1.0)
            self._done[node] = max(self._done.get(node, 0.0), part)


def _weight(node: Mapping[str, Any]) -> float:
    steps = node["inputs"].get("steps")
    is_number = isinstance(steps, int) and not isinstance(steps, bool)
    return float(min(max(1, steps), _MOST_STEPS)) if is_number else 1.0


class Follower:
    """Follows one prompt on a thread of its own.

    Args:
        connection: The server.
        prompt_id: The prompt, and the name that this client has for the server.
        graph: The prompt's nodes.
        on_progress: Called with the fraction done.
    """

    def __init__(
        self,
        connection: Connection,
        prompt_id: str,
        graph: Mapping[str, Any],
        on_progress: ProgressCallback,
    ):
        self._connection, self._prompt_id = connection, prompt_id
        self._meter = ProgressMeter(prompt_id, graph)
        self._on_progress = on_progress
        self._is_left, self._news = threading.Event(), threading.Event()
        self._is_connected = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="following ComfyUI", daemon=True)

    def start(self, seconds: float) -> None:
        """Connect; after `seconds` the prompt is followed without waiting for the connection."""
        self._thread.start()
        self._is_connected.wait(seconds)

    def started(self) -> None:
        """Report that the prompt runs, which polling finds where no websocket answers."""
        with self._lock:
            self._meter.fraction = max(self._meter.fraction, STARTED)
            self._on_progress(self._meter.fraction)

    def wait(self, seconds: float, stop: StopSignal) -> None:
        """Wait for at most `seconds`, or until the server says that the prompt has ended."""
        waited = 0.0
        while waited < seconds and not stop.is_set():
            step = min(0.25, seconds - waited)
            if self._news.wait(step):
                self._news.clear()
                return
            waited += step
        stop.raise_if_set()

    def close(self) -> None:
        """Report no more progress; the thread disconnects by itself, and the prompt goes on."""
        self._is_left.set()

    def _run(self) -> None:
        while not self._is_left.is_set() and not self._meter.is_over:
            with contextlib.suppress(OSError, WebSocketException, ValueError, EOFError):
                self._follow()
            self._is_connected.set()  # or it answers none: polling is enough
            self._is_left.wait(_AGAIN_SECONDS)

    def _follow(self) -> None:
        with _opened(self._connection, self._prompt_id) as socket:
            self._is_connected.set()
            while not self._is_left.is_set():
                try:
                    message = socket.recv(timeout=_MOMENT)
                except TimeoutError:
                    continue
                if not isinstance(message, str):
                    continue  # a preview picture
                with self._lock:
                    if self._meter.read(message) and not self._is_left.is_set():
                        self._on_progress(self._meter.fraction)
                if self._meter.is_over:
                    self._news.set()
                    return


@contextmanager
def _opened(connection: Connection, client_id: str) -> Iterator[Any]:
    """Open the websocket; the server knows this client by `client_id`."""
    scheme, _, rest = connection.url.partition("://")
    address = (
        f"{'wss' if scheme == 'https' else 'ws'}://{rest}/ws?{urlencode({'clientId': client_id})}"
    )
    headers = {}
    if any(connection.auth):
        credentials = base64.b64encode(":".join(connection.auth).encode()).decode()
        headers["Authorization"] = f"Basic {credentials}"
    with connect(
        address,
        additional_headers=headers,
        compression=None,
        open_timeout=5,
        close_timeout=1,
        max_size=_MESSAGE_BYTES,
        proxy=None if connection.is_local else True,
    ) as socket:
        yield socket
