"""A relay in front of a real S3 server that answers wrongly when a test says so."""

import http.client
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PORTAL = b"<!DOCTYPE html><html><head><title>Guest Wi-Fi</title></head><body>Log in</body></html>"


@dataclass(frozen=True)
class Answer:
    """This answer, and the server is not asked."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def error(cls, status: int, code: str, message: str, **headers: str) -> "Answer":
        """An error as S3 writes it."""
        xml = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        return cls(status, xml.encode(), {"Content-Type": "application/xml", **headers})

    @classmethod
    def portal(cls, status: int = 200, **headers: str) -> "Answer":
        """A page to log in on."""
        return cls(status, PORTAL, {"Content-Type": "text/html; charset=utf-8", **headers})


@dataclass(frozen=True)
class Shortened:
    """The server's answer without its second half; with a length that admits it, or not."""

    admits_it: bool = True


@dataclass(frozen=True)
class Garbled:
    """The server's answer with another last byte."""


Fault = Answer | Shortened | Garbled


class FaultyS3:
    """The relay's address, and what goes wrong there."""

    def __init__(self, server_url: str):
        self.server = urlsplit(server_url)
        self.requests: list[str] = []
        self._faults: list[tuple[str, Fault]] = []
        self._lock = threading.Lock()
        self.url = ""

    def next(self, pattern: str, *faults: Fault) -> None:
        """For the next requests whose `METHOD path` matches, one fault each."""
        with self._lock:
            self._faults += [(pattern, fault) for fault in faults]

    def take(self, request: str) -> Fault | None:
        """What goes wrong with this request."""
        with self._lock:
            self.requests.append(request)
            for number, (pattern, fault) in enumerate(self._faults):
                if re.search(pattern, request):
                    del self._faults[number]
                    return fault
        return None


@contextmanager
def faulty_s3(server_url: str) -> Iterator[FaultyS3]:
    """A relay for as long as the block lasts."""
    relay = FaultyS3(server_url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            body = self._body()
            fault = relay.take(f"{self.command} {self.path}")
            if isinstance(fault, Answer):
                self._send(fault.status, fault.body, dict(fault.headers))
                return
            host, port = relay.server.hostname or "", relay.server.port
            connection = http.client.HTTPConnection(host, port, timeout=20)
            try:
                connection.putrequest(self.command, self.path, True, True)
                for name, value in self.headers.items():
                    if name.lower() not in ("expect", "transfer-encoding", "connection"):
                        connection.putheader(name, value)
                connection.endheaders(body)
                answer = connection.getresponse()
                content = answer.read()
                headers = {
                    name: value
                    for name, value in answer.getheaders()
                    if name.lower() not in ("connection", "transfer-encoding")
                }
            finally:
                connection.close()
            if isinstance(fault, Garbled):
                content = content[:-1] + bytes([content[-1] ^ 1])
            if isinstance(fault, Shortened):
                whole = len(content)
                content = content[: whole // 2]
                headers["Content-Length"] = str(len(content) if fault.admits_it else whole)
                self.close_connection = not fault.admits_it
            self._send(answer.status, content, headers)

        do_PUT = do_HEAD = do_POST = do_DELETE = do_GET  # noqa: N815 - `http.server`'s names

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            headers = {"Content-Length": str(len(content)), **headers}
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    relay.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield relay
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
