"""Requests to one ComfyUI server: bounded in size and time, and stoppable."""

import re
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from chunk_assets.errors import GenerationError, Rejected, SpecError, TimedOut, Unavailable
from chunk_assets.generation.stopping import NEVER, StopSignal, answered, streamed
from chunk_assets.json_text import read_object
from chunk_assets.sentences import plain

LOOPBACK = ("127.0.0.1", "localhost", "::1")

JSON_BYTES = 16 << 20
"""Limit on an answer in JSON; a prompt's history contains its workflow."""

QUEUE_BYTES = 128 << 20
"""The queue contains the workflow of each prompt that waits."""

_LONGEST = 300


class NotComfyUI(Rejected):
    """The server at an address is another one."""


@dataclass(frozen=True)
class Answer:
    """A whole answer, of any status."""

    status: int
    content: bytes


class Connection:
    """Sends requests to one server, each once.

    Args:
        url: The server's address, perhaps with user and password, which only the server is told.
        timeout: Longest wait in seconds between two bytes of an answer.

    Attributes:
        label: Host and port, for messages and the ledger.
    """

    def __init__(self, url: str, timeout: float = 30):
        parts = urlsplit(url)
        host = parts.hostname or ""
        name = f"[{host}]" if ":" in host else host
        self.label = f"{name}:{parts.port}" if parts.port else name
        self.url = f"{parts.scheme}://{self.label}{parts.path.rstrip('/')}"
        self.timeout = timeout
        self.auth = (unquote(parts.username or ""), unquote(parts.password or ""))
        self.is_local = host in LOOPBACK
        self._http = httpx.Client(
            base_url=self.url,
            auth=self.auth if any(self.auth) else None,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10)),
            verify=parts.scheme == "https",  # without TLS, no certificates need be read
            trust_env=not self.is_local,  # no proxy for this machine
            follow_redirects=False,
            headers={"Accept-Encoding": "identity"},  # so that an answer's size is what comes
        )

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        stop: StopSignal = NEVER,
        max_bytes: int = JSON_BYTES,
        **options: Any,
    ) -> Answer:
        """Send a request, and return the answer whatever its status is.

        Args:
            method: The HTTP method.
            path: The path below the server's address.
            stop: Ends the wait.
            max_bytes: Limit on the answer's size.
            options: Arguments of httpx's `request`.

        Raises:
            httpx.HTTPError: There is no whole answer.
            Unavailable: It is too large.
        """

        def once() -> Answer:
            with self._http.stream(method, path, **options) as response:
                content = bytearray()
                for block in response.iter_raw():
                    content += block
                    if len(content) > max_bytes:
                        raise Unavailable(
                            f"{self.label} answers {path} with over {max_bytes} bytes, which is "
                            "the limit"
                        )
                return Answer(response.status_code, bytes(content))

        most = 4 * self.timeout
        try:
            return answered(once, seconds=most, stop=stop)
        except TimeoutError:
            raise httpx.ReadTimeout(f"the answer is incomplete after {most:g} s") from None

    def ask(
        self, method: str, path: str, what: str, *, stop: StopSignal = NEVER, **options: Any
    ) -> dict[str, Any]:
        """Send a request that may be repeated, and return the JSON object of its answer.

        Raises:
            NotComfyUI: The server is another one.
            GenerationError: There is no such answer.
        """
        try:
            answer = self.send(method, path, stop=stop, **options)
        except httpx.HTTPError as error:
            raise self.transport_error(error, what) from None
        if answer.status != 200:
            raise self.status_error(answer, what)
        return self.read(answer, what)

    def blocks(
        self, path: str, params: dict[str, str], stop: StopSignal
    ) -> Generator[tuple[int, int | None, bytes], None, None]:
        """Yield a file's status, its announced size, and its content block by block.

        Raises:
            httpx.HTTPError: The connection fails.
        """

        def once() -> Generator[tuple[int, int | None, bytes], None, None]:
            with self._http.stream("GET", path, params=params) as response:
                announced = response.headers.get("content-length", "")
                size = int(announced) if re.fullmatch(r"\d{1,18}", announced) else None
                for block in response.iter_raw():
                    yield response.status_code, size, block
                yield response.status_code, size, b""

        with closing(streamed(once, stop=stop)) as came:
            yield from came

    def read(self, answer: Answer, what: str) -> dict[str, Any]:
        """Return the JSON object of an answer.

        Raises:
            NotComfyUI: It is another kind of text.
        """
        try:
            return read_object(answer.content, "the answer")
        except SpecError as error:
            reason = "a web page" if b"<html" in answer.content[:1024].lower() else str(error)
            raise NotComfyUI(
                f"the server at {self.label} is not ComfyUI, or another server answers for it: its "
                f"answer to {what} is not what ComfyUI answers ({reason}); check "
                "CHUNK_ASSETS_COMFYUI_URLS"
            ) from None

    def status_error(self, answer: Answer, what: str) -> GenerationError:
        """Return our error for an answer that is no success."""
        status, where = answer.status, f"ComfyUI at {self.label}"
        if status in (401, 403, 407):
            return Rejected(
                f"{where} refuses access ({status}): check the user and the password in "
                "CHUNK_ASSETS_COMFYUI_URLS",
                status=status,
            )
        if status == 413:
            message = f"{where} refuses {what} as too large: see its option --max-upload-size"
            return Rejected(message, status=status)
        if status in (408, 429) or status >= 500:
            return Unavailable(f"{where} could not answer {what} ({status})", status=status)
        return NotComfyUI(
            f"the server at {self.label} is not ComfyUI: it answers {what} with status {status}; "
            "check CHUNK_ASSETS_COMFYUI_URLS",
            status=status,
        )

    def transport_error(self, error: httpx.HTTPError, what: str) -> GenerationError:
        """Return our error for a connection that failed."""
        if isinstance(error, httpx.TimeoutException) and not was_not_sent(error):
            return TimedOut(f"ComfyUI at {self.label} did not answer {what} in time")
        reason = bounded(error) or type(error).__name__
        return Unavailable(
            f"ComfyUI at {self.label} cannot be reached ({reason}): check that it runs, and "
            "CHUNK_ASSETS_COMFYUI_URLS"
        )


def was_not_sent(error: httpx.HTTPError) -> bool:
    """Return whether a request certainly did not reach the server: no connection existed."""
    early = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
    return isinstance(error, early)


def bounded(text: object, longest: int = _LONGEST) -> str:
    """Return what a server says, on one line and not too long."""
    line = plain(" ".join(str(text)[: 20 * longest].split()))
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def is_file_name(name: object) -> bool:
    """Return whether a server's name of a file is one that it may be asked for."""
    return (
        isinstance(name, str)
        and 0 < len(name) <= 255
        and name.isprintable()
        and not set(name) & set('/\\:*?"<>|')
        and name not in (".", "..")
    )
