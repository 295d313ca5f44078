"""A relay in front of the tests' S3 server that lets writes through whatever their condition."""

import http.client
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chunk_assets.storage.store import ObjectStore

CONDITIONS = frozenset({"If-None-Match", "If-Match"})

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class _Relay(http.server.BaseHTTPRequestHandler):
    """Passes each request on as it was signed; a conditional write is written without condition."""

    store: ObjectStore
    ignored: frozenset[str]
    refuses_with: str
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        conditions = [name for name in CONDITIONS if name in self.headers]
        if self.command == "PUT" and conditions and self.refuses_with:
            text = f"<Error><Code>{self.refuses_with}</Code><Message>no</Message></Error>".encode()
            self._answer(501, {"Content-Type": "application/xml"}, text)
        elif self.command == "PUT" and conditions and set(conditions) <= self.ignored:
            etag = self._write(body)
            self._answer(200, {"ETag": etag}, b"")
        else:
            self._pass_on(body)

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815 - `http.server` wants these names

    def _write(self, body: bytes) -> str:
        bucket, _, key = self.path.removeprefix("/").partition("?")[0].partition("/")
        named = {
            name[len("x-amz-meta-") :]: value
            for name, value in self.headers.items()
            if name.lower().startswith("x-amz-meta-")
        }
        kind = self.headers.get("Content-Type", "")
        answer = self.store.client.put_object(
            Bucket=bucket, Key=key, Body=body, ContentType=kind, Metadata=named
        )
        return str(answer["ETag"])

    def _pass_on(self, body: bytes) -> None:
        upstream = http.client.HTTPConnection(self.store.endpoint.removeprefix("http://"))
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():  # Host too: it is signed
                upstream.putheader(name, value)
            upstream.endheaders(body or None)
            answer = upstream.getresponse()
            named = {k: v for k, v in answer.getheaders() if k.lower() not in _HOP}
            if self.command == "HEAD":
                named["Content-Length"] = answer.getheader("Content-Length", "0")
            self._answer(answer.status, named, answer.read())
        finally:
            upstream.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None: ...


@contextmanager
def careless(
    store: ObjectStore, ignored: frozenset[str] = CONDITIONS, refuses_with: str = ""
) -> Iterator[str]:
    """The relay's URL: the same bucket and credentials, and none of the ignored conditions.

    With `refuses_with`, conditional writes are answered by that error of S3 instead.
    """
    told = {"store": store, "ignored": ignored, "refuses_with": refuses_with}
    kind = type("Relay", (_Relay,), told)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
