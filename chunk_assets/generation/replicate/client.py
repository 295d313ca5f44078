"""The replicate package's client, with its traps taken out."""

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
"""So many times the timeout may a request take in all: a question, and an upload."""

_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*", re.ASCII)


def model_path(name: str) -> str:
    """Return where the API has the model "owner/name".

    Raises:
        SpecError: That is not a model's name.
    """
    if not _NAME.fullmatch(name):
        raise SpecError(f"{name!r} is not a model on Replicate: allowed is owner/name", model=name)
    return f"/v1/models/{name}"


def prediction_path(prediction_id: str) -> str:
    """Return where the API has a prediction."""
    return f"/v1/predictions/{quote(prediction_id, safe='')}"


class Connection:
    """Sends requests, each once and with a timeout.

    Args:
        token: The API token.
        base_url: Where the API is.
        timeout: Seconds from one byte of an answer to the next.
        cancel_after: The `Cancel-After` that predictions get, as in "90s".
        clock: Learns Replicate's time from the answers.

    Raises:
        SpecError: The token cannot be one.
    """

    def __init__(
        self, token: SecretStr, base_url: str, timeout: float, cancel_after: str, clock: ServerClock
    ):
        secret = token.get_secret_value()
        # httpx would name the token in its error.
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
        """Send a request, and return its answer below 300.

        Args:
            method: Of HTTP.
            path: Of the API.
            stop: Ends the wait for the answer.
            slowly: Whether it may take long, as an upload does.
            options: Of httpx's `request`.

        Raises:
            Refusal: It is answered otherwise.
            httpx.HTTPError: It is not answered.
        """
        # The client's typed methods refuse a prediction that was aborted and one without a
        # cog_version, and drop our timeout when they create: below them is only this.
        # A timeout is from byte to byte, and an answer that trickles in never exceeds it.
        most = (_SLOWLY if slowly else _IN_ALL) * self._timeout
        try:
            return answered(
                lambda: self._client._request(method, path, **options), seconds=most, stop=stop
            )
        except TimeoutError:
            raise httpx.ReadTimeout(f"the answer is not whole after {most:g} s") from None

    def ask(
        self, method: str, path: str, what: str, *, slowly: bool = False, **options: Any
    ) -> dict[str, Any]:
        """Ask for what costs nothing, and return the JSON object that is answered.

        Args:
            method: Of HTTP.
            path: Of the API.
            what: What is asked for, as in "the model 'a/b'", for errors.
            slowly: Whether the answer may take four times the timeout from byte to byte.
            options: Of httpx's `request`.

        Raises:
            GenerationError: There is none.
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
            # Not chained: the error holds the request, and that the token.
            raise as_transport_error(error, what) from None
        except (ValueError, RecursionError):
            raise unreadable(what, content) from None
        if not isinstance(answer, dict):
            raise unreadable(what)
        return answer


class ReplicateTransport(httpx.BaseTransport):
    """Carries requests below the replicate client's own retries, which it keeps from happening.

    Those wait for as long as a `Retry-After` says, and no deadline ends them. An answer of 300
    and above becomes a `Refusal`, which they let pass.
    """

    def __init__(self, base_url: str, clock: ServerClock):
        self._clock = clock
        proxy = proxy_for(base_url)
        self._kept = httpx.HTTPTransport(verify=tls(), proxy=proxy)
        # A connection that was kept can be closed by the server at any time; a POST that meets
        # this looks like one whose answer is lost. So each has its own.
        self._fresh = httpx.HTTPTransport(
            verify=tls(), proxy=proxy, limits=httpx.Limits(max_keepalive_connections=0)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        carrier = self._fresh if request.method == "POST" else self._kept
        response = carrier.handle_request(request)
        self._clock.hear(response)
        if response.status_code >= 300:
            raise Refusal(response)
        return response

    def close(self) -> None:
        self._kept.close()
        self._fresh.close()
