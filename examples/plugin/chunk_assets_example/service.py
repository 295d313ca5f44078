"""The example's service, on loopback: it renders clips that hold their picture, and bills.

::

    python -m chunk_assets_example.service --port 8200
"""

import argparse
import base64
import io
import json
import secrets
import tempfile
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image

from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.clips import ClipFormat, ClipWriter

USD_PER_SECOND = 0.02


@dataclass
class Job:
    """One job.

    Attributes:
        id: The service's name for it.
        key: The client's name for it.
        body: What was asked.
        seconds: How long it takes.
        error: Why it fails; empty if it does not.
        may_retry: Whether another one may not fail.
    """

    id: str
    key: str
    body: dict[str, Any]
    seconds: float
    error: str = ""
    may_retry: bool = False
    began: float = field(default_factory=time.monotonic)
    is_canceled: bool = False
    is_deleted: bool = False

    @property
    def status(self) -> str:
        """Where it is."""
        if self.is_canceled:
            return "canceled"
        if time.monotonic() < self.began + self.seconds:
            return "running"
        return "failed" if self.error else "succeeded"

    @property
    def charged_usd(self) -> float:
        """What it costs: a clip by the second, everything else nothing."""
        if self.status != "succeeded":
            return 0.0
        return round(USD_PER_SECOND * self.body["frames"] / self.body["fps"], 6)

    def as_json(self) -> dict[str, Any]:
        """Return what the service says of it."""
        spent = time.monotonic() - self.began
        return {
            "id": self.id,
            "status": self.status,
            "progress": min(1.0, spent / self.seconds) if self.seconds else 1.0,
            "error": self.error if self.status == "failed" else "",
            "may_retry": self.may_retry,
            "charged_usd": self.charged_usd,
        }

    def clip(self) -> bytes:
        """Return its clip, an MP4."""
        picture = Image.open(io.BytesIO(base64.b64decode(self.body["picture"]))).convert("RGB")
        form = ClipFormat(self.body["frames"], FrameRate(self.body["fps"]), picture.size)
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "clip.mp4"
            with ClipWriter(path, form) as writer:
                for _ in range(form.num_frames):
                    writer.write(np.asarray(picture))
            return path.read_bytes()


class Service:
    """The service; use it as a context manager.

    Attributes:
        jobs: All jobs, in order.
        requests: How many requests came.
        seconds: How long the next jobs take.
        failures: What becomes of the next jobs: an error, and whether another may succeed.
        loses: How many answers to new jobs are lost.
        cuts: How many clips are cut in half.
    """

    def __init__(self, port: int = 0, token: str = "example-token"):  # noqa: S107 - of no worth
        self.token, self.jobs, self.requests = token, [], 0
        self.seconds, self.loses, self.cuts = 0.0, 0, 0
        self.failures: list[tuple[str, bool]] = []
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        """Serve until the block ends."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def billed_usd(self) -> float:
        """What all jobs cost."""
        return round(sum(job.charged_usd for job in self.jobs), 6)

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Return the status and the content of an answer; None for a lost one."""
        url = urlsplit(path)
        _, _, name, action = (*url.path.split("/"), "", "", "")[:4]
        if method == "POST" and not name:
            return self._create(body)
        if not name:
            wanted = parse_qs(url.query).get("key", [""])[0]
            return 200, {"jobs": [job.id for job in self.jobs if job.key == wanted]}
        job = next((job for job in self.jobs if job.id == name), None)
        if job is None:
            return 404, {}
        if action == "clip":
            if job.status != "succeeded" or job.is_deleted:
                return 404, {}
            clip = job.clip()
            with self.lock:
                is_cut, self.cuts = self.cuts > 0, max(0, self.cuts - 1)
            return 200, clip[: len(clip) // 2] if is_cut else clip
        if action == "cancel" and job.status == "running":
            job.is_canceled = True
        return 200, job.as_json()

    def _create(self, body: dict[str, Any]) -> tuple[int, Any]:
        with self.lock:
            error, may_retry = self.failures.pop(0) if self.failures else ("", False)
            job = Job(secrets.token_hex(8), body["key"], body, self.seconds, error, may_retry)
            self.jobs.append(job)
            self.seconds = 0.0
            is_lost, self.loses = self.loses > 0, max(0, self.loses - 1)
        return (500, {}) if is_lost else (200, {"id": job.id})


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            service.requests += 1
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, answer = 401, {}
            if self.headers.get("Authorization") == f"Bearer {service.token}":
                body = json.loads(content) if content else None
                status, answer = service.answer(self.command, self.path, body)
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - `http.server` wants this name

        def log_message(self, format: str, *args: Any) -> None: ...

    return Handler


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="chunk_assets_example.service", description=__doc__)
    parser.add_argument("--port", type=int, default=8200)
    with Service(parser.parse_args().port) as service:
        print(f"EXAMPLE_URL={service.url} EXAMPLE_TOKEN={service.token}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print(f"{len(service.jobs)} jobs, ${service.billed_usd:.2f}")


if __name__ == "__main__":
    main()
