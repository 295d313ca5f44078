"""The client of the `replicate` package, with workarounds for its defects."""

import json
import re
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import SecretStr
from replicate.client import Client

from chunk_assets.errors import SpecError
from chunk_assets.generation.replicate.api_errors import (
    Refusal,
    as_error,
    as_transport_error,
    unreadable,
)
from chunk_assets.generation.replicate.hosts import proxy_for, tls
from chunk_assets.generation.replicate.server_time import ServerClock
from chunk_assets.generation.stopping import NEVER, StopSignal, answered

_IN_ALL, _SLOWLY = 4, 60
"""How long a whole request may take, in timeouts: in general, and for an upload."""

_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*", re.ASCII)


def model_path(name: str) -> str:
    """Return the API path of the model "owner/name".

    Raises:
        SpecError: The name is malformed.
    """
    if not _NAME.fullmatch(name):
        raise SpecError(f"{name!r} is not a model on Replicate: expected owner/name", model=name)
    return f"/v1/models/{name}"


def prediction_path(prediction_id: str) -> str:
    """Return the API path of a prediction."""
    return f"/v1/predictions/{quote(prediction_id, safe='')}"


class Connection:
    """Sends requests, each once and with a timeout.

    Args:
        token: The API token.
        base_url: The API's URL.
        timeout: Longest wait in seconds between two bytes of a response.
        cancel_after: The `Cancel-After` header of predictions, as in "90s".
        clock: Reads Replicate's time from the responses.

    Raises:
        SpecError: The token is malformed.
    """

    def __init__(
        self, token: SecretStr, base_url: str, timeout: float, cancel_after: str, clock: ServerClock
    ):
        secret = token.get_secret_value()
        # httpx would show the token in its error.
        if not re.fullmatch(r"[\x21-\x7e]+", secret):
            raise SpecError(
                "the Replicate API token is empty or has characters that no token has: "
                "check REPLICATE_API_TOKEN"
            )
        self._timeout = timeout
        try:
            self._client = Client(
                api_token=secret,
                base_url=base_url,
                timeout=httpx.Timeout(timeout, connect=min(timeout, 10)),
                transport=ReplicateTransport(base_url, clock),
                headers={"Cancel-After": cancel_after},
                follow_redirects=False,  # the token goes to no other host
            )
            self._http = self._client._client
        except ValueError as error:  # it reads REPLICATE_POLL_INTERVAL
            raise SpecError(f"the replicate client cannot be set up: {error}") from error

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        stop: StopSignal = NEVER,
        slowly: bool = False,
        **options: Any,
    ) -> httpx.Response:
        """Send a request, and return its response if the status is below 300.

        Args:
            method: The HTTP method.
            path: The API path.
            stop: Ends the wait for the response.
            slowly: Whether it may take long, as an upload does.
            options: Arguments of httpx's `request`.

        Raises:
            Refusal: The status is 300 or above.
            httpx.HTTPError: There is no response.
        """
        # The client's typed methods fail on aborted predictions and on a null cog_version, and
        # drop our timeout when they create a prediction. Its timeout holds between two bytes,
        # and a response that trickles in never exceeds it.
        most = (_SLOWLY if slowly else _IN_ALL) * self._timeout
        try:
            return answered(
                lambda: self._client._request(method, path, **options), seconds=most, stop=stop
            )
        except TimeoutError:
            raise httpx.ReadTimeout(f"the response is incomplete after {most:g} s") from None

    def ask(
        self, method: str, path: str, what: str, *, slowly: bool = False, **options: Any
    ) -> dict[str, Any]:
        """Send a request that costs nothing, and return the JSON object of its response.

        Args:
            method: The HTTP method.
            path: The API path.
            what: What is requested, for errors, as in "the model 'a/b'".
            slowly: Whether the timeout between two bytes is four times as long.
            options: Arguments of `send`.

        Raises:
            GenerationError: There is no such response.
        """
        if slowly:
            options["timeout"] = httpx.Timeout(4 * self._timeout, connect=10)
        content = b""
        try:
            content = self.send(method, path, slowly=slowly, **options).content
            answer = json.loads(content)
        except Refusal as refusal:
            raise as_error(refusal, what) from None
        except httpx.HTTPError as error:
            # Not chained: the error contains the request, which contains the token.
            raise as_transport_error(error, what) from None
        except (ValueError, RecursionError):
            raise unreadable(what, content) from None
        if not isinstance(answer, dict):
            raise unreadable(what)
        return answer


class ReplicateTransport(httpx.BaseTransport):
    """Sends requests so that the replicate client never retries them.

    Its own retries wait for any `Retry-After`, without a limit. A response with a status of 300 or
    above is raised as a `Refusal`, which the client does not catch.
    """

    def __init__(self, base_url: str, clock: ServerClock):
        self._clock = clock
        proxy = proxy_for(base_url)
        self._kept = httpx.HTTPTransport(verify=tls(), proxy=proxy)
        # The server may close an idle connection at any time, and a POST on it would look like
        # one whose answer was lost. So each POST has its own connection.
        self._fresh = httpx.HTTPTransport(
            verify=tls(), proxy=proxy, limits=httpx.Limits(max_keepalive_connections=0)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        carrier = self._fresh if request.method == "POST" else self._kept
        response = carrier.handle_request(request)
        self._clock.update(response)
        if response.status_code >= 300:
            raise Refusal(response)
        return response

    def close(self) -> None:
        self._kept.close()
        self._fresh.close()
