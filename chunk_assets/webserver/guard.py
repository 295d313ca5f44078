"""ASGI middleware in front of Dagit that refuses requests from pages of other sites.

Dagit has no login: every request that reaches it can launch runs. Any web page open in the same
browser can send requests to this machine, so these are refused:

- a `Host` that is not one of Dagit's names: a foreign name can be made to resolve to loopback,
- an `Origin` other than Dagit's: a script or form of another page,
- a GraphQL query in a URL or a form, which even the address of an image can send.

Nor can pages of other sites show Dagit in a frame, to trick people into clicking in it.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Host names that are always allowed."""

_GRAPHQL_BODIES = ("application/json", "application/graphql")
_POLICY_VIOLATION = 1008  # RFC 6455, section 7.4.1


class Guard:
    """Passes on only requests that Dagit's own pages or local programs can send.

    Args:
        app: Dagster's webserver.
        allowed_hosts: Host names besides those of loopback, in lower case, without a port.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Collection[str] = ()):
        self._app = app
        self._own = frozenset(allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request or a websocket."""
        refusal = self._refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self._app(scope, receive, _unframed(send))
        elif scope["type"] == "http":
            await refusal(scope, receive, send)
        else:
            await receive()  # the request to open it
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        host = hosts[0].lower() if len(hosts) == 1 else ""
        name = _hostname(host)
        if name not in self._own | LOOPBACK:
            return _refused(
                f"Dagit refuses the host name {_shown(name or host)}: if it is yours, add it to "
                "CHUNK_ASSETS_ALLOWED_HOSTS"
            )
        foreign = [origin for origin in origins if not self._is_own(origin.lower(), host)]
        if foreign:
            return _refused(f"Dagit refuses requests from pages of {_shown(foreign[0])}")
        return _query_outside_the_body(scope, headers)

    def _is_own(self, origin: str, host: str) -> bool:
        scheme, _, netloc = origin.partition("://")
        # Behind a proxy, Host may be the proxy's name for this machine; the page's own name is then
        # one of the allowed hosts.
        return scheme in ("http", "https") and (netloc == host or _hostname(netloc) in self._own)


def _query_outside_the_body(scope: Scope, headers: Headers) -> PlainTextResponse | None:
    if scope["type"] != "http" or not scope["path"].rstrip("/").endswith("/graphql"):
        return None
    if scope["method"] == "POST":
        body = headers.get("content-type", "").partition(";")[0].strip().lower()
        if body not in _GRAPHQL_BODIES:
            allowed = " or ".join(_GRAPHQL_BODIES)
            return _refused(
                f"a GraphQL query must be sent as {allowed}, not as {_shown(body)}", 415
            )
    elif scope["query_string"]:
        return _refused("a GraphQL query must be sent by POST, not in a URL", 405)
    return None


def _refused(sentence: str, status: int = 403) -> PlainTextResponse:
    return PlainTextResponse(f"{sentence}.\n", status)


def _hostname(netloc: str) -> str:
    """Return the name in `name:port`, empty if there is none."""
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""


def _shown(text: str) -> str:
    return ascii(text[:100])


def _unframed(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["X-Frame-Options"] = "SAMEORIGIN"
        await send(message)

    return sent
