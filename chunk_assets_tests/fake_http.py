"""HTTP for fakes: requests are recorded, routed and answered, or a fault happens."""

import json
import os
import re
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, cast
from urllib.parse import parse_qsl, urlsplit

from chunk_assets_tests.fake_faults import (
    Answers,
    Lost,
    Redirects,
    Reset,
    ServerError,
    Shows,
    Slow,
    TooMany,
    Truncated,
)

Route = tuple[str, str, str, Callable[..., Answers]]
"""Method, pattern of the path, name, and what the fake does: it is given the request and what the
pattern's groups match, and returns its answer or raises it in a `Refused`."""


@dataclass(frozen=True)
class Received:
    """A received request; `token` is "right", "wrong" or "none", never the token."""

    route: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    token: str
    body: Any
    status: list[int] = field(default_factory=list)


class Fake(Protocol):
    """What the server needs to know about its fake."""

    token: str | None
    lock: Any
    requests: list[Received]
    log: Callable[[str], None]
    clock: timedelta
    public: frozenset[str]
    """Routes that need no token."""

    @property
    def routes(self) -> Sequence[Route]:
        """The routes and their handlers."""
        ...

    def take(self, route: str) -> Any:
        """Return the fault of the current request of a route, or None."""


class Refused(Exception):
    """Ends a request with a response."""

    def __init__(self, answer: Answers):
        super().__init__(answer.status)
        self.answer = answer


def problem(status: int, title: str, detail: str, **more: Any) -> Answers:
    """Return a response that explains an error."""
    kind = {"Content-Type": "application/problem+json"}
    return Answers(status, {"title": title, "detail": detail, "status": status, **more}, kind)


def not_found() -> Answers:
    """Return the response for an unknown path."""
    return problem(404, "Not found", "The requested resource could not be found.")


class Server(ThreadingHTTPServer):
    """Ends its open connections with itself."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    fake: Fake

    def __init__(self, *args: Any):
        super().__init__(*args)
        self.open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError | TimeoutError | ValueError | OSError):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        super().server_close()
        for request in list(self.open):
            self.shutdown_request(request)


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP/1.1, so that connections are kept and can break as they do."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def _fake(self) -> Fake:
        return cast(Server, self.server).fake

    def do_GET(self) -> None:
        fake = self._fake
        split = urlsplit(self.path)
        found = ("", (), None)
        for method, pattern, route, act in fake.routes:
            match = re.fullmatch(pattern, split.path)
            if match and method == self.command:
                found = (route, match.groups(), act)
        route, arguments, act = found
        headers = {name.lower(): value for name, value in self.headers.items()}
        sent = headers.pop("authorization", None)
        is_right = sent is not None and sent == f"Bearer {fake.token or sent[7:]}"
        token = "none" if sent is None else "right" if is_right else "wrong"
        body = self._body(headers)
        query = dict(parse_qsl(split.query))
        request = Received(route, self.command, split.path, query, headers, token, body)
        with fake.lock:
            fake.requests.append(request)
        fault = fake.take(route) if route else None
        if isinstance(fault, Reset):
            return self._reset(request)
        try:
            if isinstance(fault, Answers | TooMany | ServerError):
                answer = _early(fault)
            elif token != "right" and route not in fake.public:  # noqa: S105 - a verdict
                detail = "You did not pass a valid authentication token"
                answer = problem(401, "Unauthenticated", detail)
            else:
                answer = act(request, *arguments) if act else not_found()
        except Refused as refused:
            answer = refused.answer
        if isinstance(fault, Lost):
            if fault.status is None:
                return self._reset(request)
            answer = _early(ServerError(fault.status))
        if isinstance(fault, Shows) and isinstance(answer.body, dict):
            answer = replace(answer, body={**answer.body, **fault.fields})
        if isinstance(fault, Slow):
            time.sleep(fault.seconds)
        if isinstance(fault, Redirects):
            onward = f"{split.path}?hop={int(query.get('hop', 0)) + 1}"
            answer = Answers(302, "", {"Location": fault.to or onward})
        return self._send(request, answer, fault if isinstance(fault, Truncated) else None)

    do_POST = do_DELETE = do_GET  # noqa: N815 - `http.server` wants these names

    def _body(self, headers: dict[str, str]) -> Any:
        content = self.rfile.read(int(headers.get("content-length", 0)))
        kind = headers.get("content-type", "")
        if kind.startswith("multipart/form-data"):
            boundary = b"\r\n--" + kind.partition("boundary=")[2].strip('"').encode()
            for part in (b"\r\n" + content).split(boundary):
                head, _, data = part.partition(b"\r\n\r\n")
                name = re.search(rb'name="content"; filename="([^"]*)"', head)
                media = re.search(rb"(?i)content-type: ([^\r\n]+)", head)
                if name:
                    about = {"filename": name[1].decode(), "size": len(data), "bytes": data}
                    return {**about, "type": media[1].decode() if media else ""}
        try:
            return json.loads(content) if content else None
        except ValueError:
            return content

    def _send(self, request: Received, answer: Answers, cut: Truncated | None) -> None:
        kind = "text/html"
        content = answer.body
        if isinstance(content, dict):
            content, kind = json.dumps(content), "application/json"
        content = content.encode() if isinstance(content, str) else content
        whole = len(content)
        if cut:
            content = content[: int(whole * cut.part)]
            whole = len(content) if cut.silently else whole
        headers = {"Content-Type": kind, "Content-Length": str(whole), **answer.headers}
        request.status.append(answer.status)
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.close_connection = self.close_connection or len(content) < whole
        self._fake.log(f"{request.method} {request.path} → {answer.status}")

    def _reset(self, request: Received) -> None:
        self._fake.log(f"{request.method} {request.path} → connection reset")
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())  # `close` would wait for the files made of the socket

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The `Date` header's value, by the fake's clock."""
        moment = time.time() if timestamp is None else timestamp
        return super().date_time_string(int(moment + self._fake.clock.total_seconds()))

    def log_message(self, format: str, *args: Any) -> None: ...  # `log` has it


def _early(fault: Answers | TooMany | ServerError) -> Answers:
    """Return the answer of a fault that needs nothing done."""
    if isinstance(fault, Answers):
        return fault
    if isinstance(fault, ServerError):
        page = f"<html><head><title>{fault.status} Bad Gateway</title></head><body></body></html>"
        return Answers(fault.status, page)
    wait = f"{fault.retry_after:g}"
    detail = f"Request was throttled. Your rate limit resets in ~{wait}s."
    more = {} if fault.where == "header" else {"retry_after": fault.retry_after}
    answer = problem(429, "Too many requests", detail, **more)
    if fault.where == "body":
        return answer
    return replace(answer, headers={**answer.headers, "Retry-After": wait})
