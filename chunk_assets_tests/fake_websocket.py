"""The server's side of a websocket, as far as a server needs it that only speaks (RFC 6455)."""

import base64
import contextlib
import hashlib
import socket
import struct
import threading

_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _BINARY, _CLOSE = 0x1, 0x2, 0x8


def accept(key: str) -> bytes:
    """Return the answer to a client's handshake."""
    digest = hashlib.sha1(f"{key}{_MAGIC}".encode(), usedforsecurity=False).digest()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


class WebSocket:
    """An open connection; what the client says is read and dropped."""

    def __init__(self, connection: socket.socket):
        self._connection, self._lock = connection, threading.Lock()

    def send(self, message: str | bytes) -> None:
        """Send a message; one to a client that has left is lost."""
        kind = _TEXT if isinstance(message, str) else _BINARY
        content = message.encode() if isinstance(message, str) else message
        if len(content) < 126:
            head = struct.pack("!BB", 0x80 | kind, len(content))
        else:
            head = struct.pack("!BBQ", 0x80 | kind, 127, len(content))
        with self._lock, contextlib.suppress(OSError):
            self._connection.sendall(head + content)

    def read_until_left(self) -> None:
        """Return when the client has left."""
        with contextlib.suppress(OSError):
            while (said := self._connection.recv(65536)) and said[0] & 0xF != _CLOSE:
                pass
            self._connection.sendall(struct.pack("!BB", 0x80 | _CLOSE, 0))

    def close(self) -> None:
        """Break the connection."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
