"""HTTP of the fake ComfyUI: websockets, and the uploads of its API."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from chunk_assets_tests.fake_http import Handler
from chunk_assets_tests.fake_websocket import WebSocket, accept


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
