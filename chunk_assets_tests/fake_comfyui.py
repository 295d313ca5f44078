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
import re
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from chunk_assets_tests.fake_comfyui_nodes import CLASSES, OUTPUTS, about, evaluate
from chunk_assets_tests.fake_fault_queue import FaultQueue
from chunk_assets_tests.fake_faults import Answers, Fails, Faults, Takes
from chunk_assets_tests.fake_http import Handler, Received, Route, Server
from chunk_assets_tests.fake_websocket import WebSocket, accept

_ID = r"([^/]+)"
OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"


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


class ComfyHandler(Handler):
    """Opens websockets, and reads the uploads of this API."""

    def do_GET(self) -> None:  # noqa: N802 - `http.server` wants this name
        split = urlsplit(self.path)
        if split.path.removeprefix("/api") == "/ws" and self.headers.get("Upgrade"):
            self._follow(dict(parse_qsl(split.query)).get("clientId", ""))
        else:
            super().do_GET()

    do_POST = do_HEAD = do_GET  # noqa: N815 - `http.server` wants these names

    def _follow(self, client_id: str) -> None:
        fake: Any = self._fake
        self.close_connection = True
        if not fake.has_websocket:
            self.send_error(404)
            return
        self.wfile.write(accept(self.headers["Sec-WebSocket-Key"]))
        opened = WebSocket(self.connection)
        with fake.lock:
            fake.sockets[client_id] = opened  # a second one takes over
        fake.tell("status", fake.queue_status(client_id), client_id)
        opened.read_until_left()

    def _body(self, headers: dict[str, str]) -> Any:
        kind = headers.get("content-type", "")
        if not kind.startswith("multipart/form-data"):
            return super()._body(headers)
        content = self.rfile.read(int(headers.get("content-length", 0)))
        boundary = b"\r\n--" + kind.partition("boundary=")[2].strip('"').encode()
        parts: dict[str, Any] = {}
        for part in (b"\r\n" + content).split(boundary):
            head, _, data = part.partition(b"\r\n\r\n")
            if name := re.search(rb'name="([^"]*)"(?:; filename="([^"]*)")?', head):
                file = name[2]
                parts[name[1].decode()] = (
                    data.decode() if file is None else {"filename": file.decode(), "bytes": data}
                )
        return parts


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
        error = {"prompt_id": name, "timestamp": 0}
        messages: list[Any] = [["execution_start", error]]
        if prompt.status == "error":
            failed = prompt.fails or Fails()
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
            messages.append([f"execution_{prompt.status}", error])
        word = "success" if prompt.status == "success" else "error"
        status = {"status_str": word, "completed": word == "success", "messages": messages}
        entry = {"prompt": prompt.item, "outputs": prompt.outputs, "status": status, "meta": {}}
        return Answers(200, {name: entry})

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
            return _refusal("invalid_prompt_id", "prompt_id must be a UUID")
        for node, one in graph.items():
            kind = one.get("class_type")
            if kind not in CLASSES:
                message = f"Cannot execute because node {kind} does not exist."
                return _refusal("invalid_prompt", message, f"Node ID '#{node}'")
        outputs = [node for node, one in graph.items() if one["class_type"] in OUTPUTS]
        if not outputs:
            return _refusal("prompt_no_outputs", "Prompt has no outputs")
        errors = {
            node: {"errors": found, "dependent_outputs": outputs, "class_type": one["class_type"]}
            for node, one in graph.items()
            if (found := self._errors(one))
        }
        reached = {output: self._reached(graph, output) for output in outputs}
        valid = [output for output in outputs if not reached[output] & set(errors)]
        for node, error in errors.items():
            error["dependent_outputs"] = [one for one in outputs if node in reached[one]]
        if not valid:
            return Answers(
                400,
                {
                    "error": {
                        "type": "prompt_outputs_failed_validation",
                        "message": "Prompt outputs failed validation",
                        "details": "",
                        "extra_info": {},
                    },
                    "node_errors": errors,
                },
            )
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

    def _errors(self, node: dict[str, Any]) -> list[dict[str, Any]]:
        found, inputs = [], node["inputs"]
        required = CLASSES[node["class_type"]][0]
        for name in required:
            if name not in inputs:
                found.append(_error("required_input_missing", "Required input is missing", name))
        if node["class_type"] == "LoadImage" and inputs.get("image") not in self.inputs:
            details = f"image - Invalid image file: {inputs.get('image')}"
            found.append(_error("custom_validation_failed", "Custom validation failed", details))
        model = inputs.get("unet_name")
        if model is not None and model not in self.models:
            details = f"unet_name: '{model}' not in {sorted(self.models)}"
            found.append(_error("value_not_in_list", "Value not in list", details))
        return found

    def _reached(self, graph: dict[str, Any], node: str) -> set[str]:
        links = [one[0] for one in graph[node]["inputs"].values() if isinstance(one, list)]
        return {node}.union(*(self._reached(graph, one) for one in links))

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


def _error(kind: str, message: str, details: str) -> dict[str, Any]:
    return {"type": kind, "message": message, "details": details, "extra_info": {}}


def _refusal(kind: str, message: str, details: str = "") -> Answers:
    return Answers(400, {"error": _error(kind, message, details), "node_errors": {}})


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
