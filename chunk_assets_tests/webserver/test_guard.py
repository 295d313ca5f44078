"""The layer before Dagit: other sites' pages get nothing through it."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message
from starlette.websockets import WebSocket

from chunk_assets.webserver.guard import Guard

JSON = {"Content-Type": "application/json"}
OWN = "http://localhost:3000"

Headers = dict[str, str] | list[tuple[str, str]]


class Guarded:
    """A guarded application, which is called films.example as well.

    Attributes:
        passed: The requests that came through to it.
    """

    def __init__(self) -> None:
        self.passed: list[str] = []
        routes = [
            WebSocketRoute("/graphql", self._subscription),
            Route("/{path:path}", self._page, methods=["GET", "POST"]),
        ]
        self._app = Guard(Starlette(routes=routes), ["films.example"])

    def get(self, path: str, headers: Headers | None = None) -> httpx.Response:
        return self.ask("GET", path, headers)

    def post(self, path: str, headers: Headers | None = None) -> httpx.Response:
        return self.ask("POST", path, headers)

    def ask(self, method: str, path: str, headers: Headers | None = None) -> httpx.Response:
        """What an HTTP request is answered."""

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url=OWN) as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(asked())

    def open_websocket(self, headers: dict[str, str]) -> Message:
        """The first message that a request for a websocket is answered with."""
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        scope: dict[str, Any] = {"type": "websocket", "path": "/graphql", "headers": raw}
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "websocket.connect"}

        async def send(message: Message) -> None:
            sent.append(message)

        asyncio.run(self._app(scope, receive, send))
        return sent[0]

    async def _page(self, request: Request) -> PlainTextResponse:
        self.passed.append(f"{request.method} {request.url.path}")
        return PlainTextResponse("Dagit")

    async def _subscription(self, websocket: WebSocket) -> None:
        self.passed.append("websocket")
        await websocket.accept()


@pytest.fixture
def dagit() -> Guarded:
    """A guarded application."""
    return Guarded()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "127.0.0.1:3000"},
        {"Host": "[::1]:3000"},
        {"Host": "LOCALHOST:3000", "Origin": "http://localhost:3000"},
        {"Host": "films.example", "Origin": "https://films.example"},
        # A proxy that calls Dagit by another name than people do.
        {"Host": "127.0.0.1:3000", "Origin": "https://films.example"},
    ],
)
def test_dagits_own_pages_and_programs_are_let_through(dagit: Guarded, headers: dict[str, str]):
    """The answer is the application's, and no other site can frame it."""
    answer = dagit.post("/graphql", headers={**JSON, **headers})
    assert answer.text == "Dagit"
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert dagit.passed == ["POST /graphql"]


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example:3000", "127.0.0.1.evil.example", "", ":3000", "[::1"],
)
@pytest.mark.parametrize("path", ["/", "/graphql", "/logs/x.out", "/server_info"])
def test_a_foreign_host_is_refused(dagit: Guarded, host: str, path: str):
    """A name that was made to resolve to this machine reads nothing, whatever it asks for."""
    answer = dagit.get(path, headers={"Host": host})
    assert answer.status_code == 403
    assert "CHUNK_ASSETS_ALLOWED_HOSTS" in answer.text
    assert dagit.passed == []


def test_two_hosts_are_refused(dagit: Guarded):
    """Which of the two counts is not left to chance."""
    answer = dagit.get("/", headers=[("Host", "localhost:3000"), ("Host", "evil.example")])
    assert answer.status_code == 403
    assert dagit.passed == []


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://localhost:8080",  # another program on this machine
        "http://localhost",
        "null",  # a sandboxed frame, a file
        "http://localhost:3000.evil.example",
        "http://films.example.evil.example",
        "file://localhost:3000",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/graphql", "/report_asset_materialization/animatics"])
def test_a_foreign_origin_is_refused(dagit: Guarded, origin: str, path: str):
    """Another page's script may send nothing."""
    answer = dagit.post(path, headers={**JSON, "Origin": origin})
    assert answer.status_code == 403
    assert answer.text.startswith("Dagit refuses requests from pages of '")
    assert dagit.passed == []


def test_a_foreign_pages_websocket_is_refused(dagit: Guarded):
    """Browsers let any page open one; Dagit's own may, too."""
    host = {"Host": "localhost:3000"}
    refused = dagit.open_websocket({**host, "Origin": "https://evil.example"})
    assert refused == {"type": "websocket.close", "code": 1008}
    assert dagit.passed == []
    assert dagit.open_websocket({**host, "Origin": OWN})["type"] == "websocket.accept"
    assert dagit.passed == ["websocket"]


@pytest.mark.parametrize("path", ["/graphql", "/graphql/", "/prefix/graphql"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_query_in_a_url_is_refused(dagit: Guarded, path: str, method: str):
    """A picture's address would be enough to launch a run."""
    answer = dagit.ask(method, f"{path}?query=mutation{{launch}}")
    assert answer.status_code == 405
    assert dagit.passed == []


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", ""],
)
def test_a_query_in_a_form_is_refused(dagit: Guarded, content_type: str):
    """What any page's form can send never reaches GraphQL."""
    answer = dagit.post("/graphql?query=mutation{launch}", headers={"Content-Type": content_type})
    assert answer.status_code == 415
    assert "application/json or application/graphql" in answer.text
    assert dagit.passed == []


def test_a_refusal_repeats_no_more_than_a_hundred_plain_characters(dagit: Guarded):
    """The sentence ends in logs: it holds no escape sequence, and no page of text."""
    origin = "http://" + "\x1b[31m" * 100
    answer = dagit.get("/", headers={"Origin": origin})
    assert answer.status_code == 403
    assert "\x1b" not in answer.text
    assert len(answer.text) < 500


def test_dagits_pages_are_found_by_links_from_elsewhere(dagit: Guarded):
    """A link in a mail opens a run's page; a browser sends no Origin with it."""
    answer = dagit.get("/runs?q=film", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.text == "Dagit"
    assert dagit.passed == ["GET /runs"]
