"""A ComfyUI on loopback: its HTTP API and websocket with their oddities, which makes real clips.

::

    python -m chunk_assets_tests.fake_comfyui --port 8188 --seconds 0.5

Like the real one it runs one prompt after another, forgets queue and history when it is restarted
while files stay, answers a repeated graph from its cache with the old file names, calls an
interrupted prompt an error, and writes the graph into each clip. Its nodes are in
`fake_comfyui_nodes`, what can go wrong in `fake_faults`.
"""

import argparse
import functools
import json
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Self

from chunk_assets_tests.fake_comfyui_http import ComfyHandler
from chunk_assets_tests.fake_comfyui_nodes import about, evaluate
from chunk_assets_tests.fake_comfyui_prompts import Prompt, checked, refusal
from chunk_assets_tests.fake_fault_queue import FaultQueue
from chunk_assets_tests.fake_faults import Answers, Fails, Faults, Takes
from chunk_assets_tests.fake_http import Received, Route, Server
from chunk_assets_tests.fake_websocket import WebSocket

_ID = r"([^/]+)"
OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"


class FakeComfyUI(FaultQueue):
    """The server; use it as a context manager.

    Attributes:
        seconds: How long a prompt runs.
        is_new: Whether it is one of 2026: ids are checked, and `/api/jobs` cancels.
        has_websocket: Whether it opens websockets.
        prompts: Every accepted prompt, in order.
        inputs: Uploaded pictures by folder and name.
        files: The content of outputs by folder and name.
        models: The model files it has.
        requests: Everything that came, in order.
    """

    token = None
    clock = timedelta()

    def __init__(
        self,
        *,
        port: int = 0,
        seconds: float = 0.0,
        faults: Faults | None = None,
        log: Callable[[str], None] = lambda line: None,
    ):
        super().__init__(faults)
        self.seconds, self.log = seconds, log
        self.is_new, self.has_websocket = False, True
        self.prompts: list[Prompt] = []
        self.inputs: dict[str, bytes] = {}
        self.files: dict[str, bytes] = {}
        self.models = {"wan2.2.safetensors"}
        self.requests: list[Received] = []
        self.sockets: dict[str, WebSocket] = {}
        self._known: dict[str, Prompt] = {}
        self._cache: dict[str, dict[str, Any]] = {}
        self._numbers = 0
        self._is_over = threading.Event()
        self._port = port
        self._start()
        self._worker = threading.Thread(target=self._work, daemon=True)
        self._worker.start()

    def __enter__(self) -> Self:
        """Serve until the block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and close every connection."""
        self._is_over.set()
        for prompt in self.prompts:
            prompt.is_stopped.set()
        self.stop()
        self._worker.join()

    @property
    def public(self) -> frozenset[str]:
        """All routes: it has no authentication."""
        return frozenset(route for _method, _pattern, route, _act in self.routes)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def done(self) -> list[Prompt]:
        """The prompts that ran to their end."""
        return [prompt for prompt in list(self.prompts) if prompt.status == "success"]

    def received(self, route: str) -> list[Received]:
        """Return the requests for a route, in order."""
        return [request for request in list(self.requests) if request.route == route]

    def stop(self) -> None:
        """End as a process does: queue and history are lost, and connections are refused."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        with self.lock:
            for opened in self.sockets.values():
                opened.close()
            self.sockets.clear()
            for prompt in self._known.values():
                if prompt.status in ("pending", "running"):
                    if prompt.status == "running":
                        self._write(prompt, bytes(48))  # the beginning of a file, killed
                    prompt.status = "killed"
                    prompt.is_stopped.set()
            self._known.clear()
            self._cache.clear()

    def start(self) -> None:
        """Run again, with the files of before."""
        self._start()

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def _start(self) -> None:
        self._server = Server(("127.0.0.1", self._port), ComfyHandler)
        self._server.fake = self  # type: ignore[assignment]  # its attributes are those of one
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    @property
    def routes(self) -> Sequence[Route]:
        """The routes and their handlers; each with and without `/api`."""
        api = "(?:/api)?"
        return (
            ("GET", f"{api}/system_stats", "GET /system_stats", self.get_stats),
            ("GET", f"{api}/prompt", "GET /prompt", self.get_prompt),
            ("POST", f"{api}/prompt", "POST /prompt", self.post_prompt),
            ("GET", f"{api}/queue", "GET /queue", self.get_queue),
            ("POST", f"{api}/queue", "POST /queue", self.post_queue),
            ("POST", f"{api}/interrupt", "POST /interrupt", self.interrupt),
            ("GET", f"{api}/history/{_ID}", "GET /history", self.get_history),
            ("GET", f"{api}/object_info/{_ID}", "GET /object_info", self.get_info),
            ("POST", f"{api}/upload/image", "POST /upload/image", self.upload),
            ("GET", f"{api}/view", "GET /view", self.view),
            ("HEAD", f"{api}/view", "HEAD /view", self.view),
            ("POST", f"/api/jobs/{_ID}/cancel", "POST /api/jobs", self.cancel_job),
        )

    def get_stats(self, _request: Received) -> Answers:
        version = "0.38.1" if self.is_new else "0.3.64"
        system = {"comfyui_version": version, "argv": ["/home/someone/ComfyUI/main.py"]}
        return Answers(200, {"system": system, "devices": [{"name": "cpu"}]})

    def get_prompt(self, _request: Received) -> Answers:
        return Answers(200, {"exec_info": {"queue_remaining": len(self._open)}})

    def get_queue(self, _request: Received) -> Answers:
        with self.lock:
            running = [one.item for one in self._open if one.status == "running"]
            pending = [one.item for one in reversed(self._open) if one.status == "pending"]
        return Answers(200, {"queue_running": running, "queue_pending": pending})

    def post_queue(self, request: Received) -> Answers:
        for name in request.body.get("delete", []):
            prompt = self._known.get(name)
            if prompt is not None and prompt.status == "pending":
                with self.lock:
                    prompt.status = "deleted"
                    del self._known[name]
        return Answers(200)

    def interrupt(self, request: Received) -> Answers:
        for prompt in self._open:
            if prompt.status == "running" and request.body.get("prompt_id") in (None, prompt.id):
                prompt.is_stopped.set()
        return Answers(200)

    def cancel_job(self, _request: Received, name: str) -> Answers:
        prompt = self._known.get(name)
        if not self.is_new or prompt is None:
            return Answers(404, "404: Not Found")
        was_open = prompt in self._open
        self.post_queue(Received("", "", "", {}, {}, "", {"delete": [name]}))
        prompt.is_stopped.set()
        return Answers(200, {"cancelled": was_open})

    def get_history(self, _request: Received, name: str) -> Answers:
        prompt = self._known.get(name)
        if prompt is None or prompt in self._open:
            return Answers(200, {})
        return Answers(200, {name: prompt.entry})

    def get_info(self, _request: Received, name: str) -> Answers:
        return Answers(200, about(name))

    def upload(self, request: Received) -> Answers:
        file, folder = request.body["image"], request.body.get("subfolder", "")
        name = file["filename"]
        if ".." in folder or folder.startswith("/"):
            return Answers(400)
        if not name or "/" in name:
            return Answers(500, "500 Internal Server Error\n\nServer got itself in trouble")
        stem, _, ending = name.rpartition(".")
        number = 0
        while self.inputs.get(f"{folder}/{name}", file["bytes"]) != file["bytes"]:
            number += 1
            name = f"{stem} ({number}).{ending}"
        self.inputs[f"{folder}/{name}"] = file["bytes"]
        return Answers(200, {"name": name, "subfolder": folder, "type": "input"})

    def view(self, request: Received) -> Answers:
        name, folder = request.query.get("filename", ""), request.query.get("subfolder", "")
        content = self.files.get(f"{folder}/{name}")
        if content is None:
            return Answers(404)
        return Answers(200, content, {"Content-Type": "video/mp4"})

    def post_prompt(self, request: Received) -> Answers:
        body = request.body if isinstance(request.body, dict) else {}
        graph, name = body.get("prompt"), body.get("prompt_id") or str(uuid.uuid4())
        if not isinstance(graph, dict) or "nodes" in graph:
            return Answers(500, "500 Internal Server Error\n\nServer got itself in trouble")
        if self.is_new and str(name) != str(uuid.UUID(str(name))):
            return refusal("invalid_prompt_id", "prompt_id must be a UUID")
        found = checked(graph, self.inputs, self.models)
        if isinstance(found, Answers):
            return found
        valid, errors = found
        fate, fails, seconds = self.take("prediction"), None, self.seconds
        if isinstance(fate, Fails):
            fails = fate
        elif isinstance(fate, Takes):
            seconds = fate.queue + fate.seconds
        with self.lock:
            self._numbers += 1
            client = body.get("client_id", "")
            prompt = Prompt(self._numbers, name, graph, client, fails, seconds, valid)
            self.prompts.append(prompt)
            self._known[name] = prompt  # a second one with the same id overwrites
        return Answers(200, {"prompt_id": name, "number": prompt.number, "node_errors": errors})

    def queue_status(self, client_id: str) -> dict[str, Any]:
        """Return the message that a new websocket gets first."""
        return {"status": {"exec_info": {"queue_remaining": len(self._open)}}, "sid": client_id}

    def tell(self, kind: str, data: dict[str, Any], client_id: str) -> None:
        """Send a message to a client."""
        if opened := self.sockets.get(client_id):
            opened.send(json.dumps({"type": kind, "data": data}))

    @property
    def _open(self) -> list[Prompt]:
        known = list(self._known.values())
        return [one for one in known if one.status in ("pending", "running")]

    def _work(self) -> None:
        while not self._is_over.wait(0.005):
            with self.lock:
                pending = [one for one in self._open if one.status == "pending"]
                prompt = min(pending, key=lambda one: one.number, default=None)
                if prompt is not None:
                    prompt.status = "running"
            if prompt is not None:
                self._run(prompt)

    def _run(self, prompt: Prompt) -> None:
        tell = functools.partial(self.tell, client_id=prompt.client_id)
        about_it = {"prompt_id": prompt.id}
        tell("execution_start", {**about_it, "timestamp": 0})
        key = json.dumps(prompt.graph, sort_keys=True)
        if key in self._cache and prompt.fails is None:
            tell("execution_cached", {**about_it, "nodes": list(prompt.graph)})
            self._end(prompt, "success", self._cache[key], ran=False)
            return
        tell("execution_cached", {**about_it, "nodes": []})
        for node, one in prompt.graph.items():
            tell("executing", {**about_it, "node": node, "display_node": node})
            steps = one["inputs"].get("steps", 0)
            for step in range(steps):
                tell("progress", {**about_it, "node": node, "value": step + 1, "max": steps})
        end = time.monotonic() + prompt.seconds
        while time.monotonic() < end and not prompt.is_stopped.wait(0.01):
            pass
        if prompt.is_stopped.is_set():
            self._end(prompt, "interrupted", {})
        elif prompt.fails is not None:
            self._end(prompt, "error", {})
        else:
            outputs = self._outputs(prompt)
            self._cache[key] = outputs
            self._end(prompt, "success", outputs)

    def _outputs(self, prompt: Prompt) -> dict[str, Any]:
        outputs: dict[str, Any] = {}
        for node, one in ((node, prompt.graph[node]) for node in prompt.valid):
            if one["class_type"] == "PreviewAny":
                outputs[node] = {"text": ["shown"]}
            elif one["class_type"] == "SaveVideo":
                frames = evaluate(prompt.graph, node, self.inputs.__getitem__)
                clip = frames.encoded({"prompt": json.dumps(prompt.graph)})
                folder, name = self._write(prompt, clip)
                file = {"filename": name, "subfolder": folder, "type": "output"}
                outputs[node] = {"images": [file], "animated": [True]}
        return outputs

    def _write(self, prompt: Prompt, content: bytes) -> tuple[str, str]:
        saving = [one for one in prompt.graph.values() if one["class_type"] == "SaveVideo"]
        folder, _, name = saving[0]["inputs"]["filename_prefix"].rpartition("/")
        number = 1
        while f"{folder}/{name}_{number:05}_.mp4" in self.files:
            number += 1
        self.files[f"{folder}/{name}_{number:05}_.mp4"] = content
        return folder, f"{name}_{number:05}_.mp4"

    def _end(
        self, prompt: Prompt, status: str, outputs: dict[str, Any], *, ran: bool = True
    ) -> None:
        with self.lock:
            if prompt.status == "running":  # a server that was stopped has forgotten it
                prompt.status, prompt.outputs, prompt.ran = status, outputs, ran
        word = f"execution_{status}"
        self.tell(word, {"prompt_id": prompt.id}, prompt.client_id)
        self.tell("executing", {"node": None, "prompt_id": prompt.id}, prompt.client_id)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="fake_comfyui", description=__doc__)
    parser.add_argument("--port", type=int, default=8188, help="0 takes a free one")
    parser.add_argument("--seconds", type=float, default=0.5, help="how long a prompt runs")
    given = parser.parse_args()
    say = functools.partial(print, flush=True)
    with FakeComfyUI(port=given.port, seconds=given.seconds, log=say) as fake:
        say(fake.url)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            say(f"{len(fake.prompts)} prompts")


if __name__ == "__main__":
    main()
