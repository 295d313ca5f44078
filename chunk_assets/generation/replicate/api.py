"""Replicate's HTTP API, as far as rendering chunks needs it.

Whether a request may be retried, or could then be paid for twice, is decided here.
"""

import copy
import json
import math
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
from pydantic import SecretStr, ValidationError

from chunk_assets.errors import MediaError, Rejected, SpecError
from chunk_assets.generation.replicate.api_errors import (
    Refusal,
    as_error,
    as_transport_error,
    is_web_page,
    lost,
    unreadable,
    was_not_sent,
)
from chunk_assets.generation.replicate.client import Connection, model_path, prediction_path
from chunk_assets.generation.replicate.hosts import checked_base_url
from chunk_assets.generation.replicate.predictions import ModelInfo, Prediction
from chunk_assets.generation.replicate.server_time import ServerClock
from chunk_assets.generation.stopping import NEVER, StopSignal, pause
from chunk_assets.retry import OnRetry, RetryPolicy, ignore_retries, retry

SHORTEST_CANCEL_AFTER = 5
"""The shortest deadline that Replicate accepts, in seconds."""

MOST_PAGES = 50
"""Limit on the pages read from the list of predictions, each with a hundred predictions."""

_T = TypeVar("_T")


class ReplicateApi:
    """Requests models, files and predictions from Replicate; safe to use from many threads.

    Args:
        token: The API token.
        base_url: The API's URL without a path; None for Replicate's own.
        cancel_after: Seconds after which Replicate itself cancels a prediction, at least 5.
        timeout: Longest wait in seconds between two bytes of a response.
        retries: When to give up retrying.
        on_retry: Called with one sentence before each retry.

    Raises:
        SpecError: The token or the base URL cannot be used.
    """

    def __init__(
        self,
        token: SecretStr,
        base_url: str | None = None,
        *,
        cancel_after: float,
        timeout: float = 30,
        retries: RetryPolicy | None = None,
        on_retry: OnRetry = ignore_retries,
    ):
        self.base_url = checked_base_url(base_url)
        self._retries = retries or RetryPolicy()
        self._on_retry, self._stop = on_retry, NEVER
        deadline = max(SHORTEST_CANCEL_AFTER, math.ceil(cancel_after))
        self.clock = ServerClock(on_retry)
        self._connection = Connection(token, self.base_url, timeout, f"{deadline}s", self.clock)

    def __repr__(self) -> str:
        """Return the base URL, without the token."""
        return f"<ReplicateApi {self.base_url}>"

    def __enter__(self) -> Self:
        """Return the API, which is closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close every connection."""
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._connection.close()

    def stopped_by(self, stop: StopSignal) -> Self:
        """Return this API with calls that raise as `stop` does, as soon as it is set."""
        stoppable = copy.copy(self)
        stoppable._stop = stop
        return stoppable

    def account(self) -> str:
        """Return the name of the token's account, free of charge.

        Raises:
            GenerationError: Replicate refuses the token, or cannot be reached.
        """
        name = self._get("/v1/account", "the account").get("username")
        if not isinstance(name, str):
            raise unreadable("the account")
        return name

    def model(self, name: str) -> ModelInfo:
        """Return the model "owner/name" with its latest version.

        Raises:
            SpecError: The name is malformed.
            GenerationError: It does not exist, or Replicate cannot be reached.
        """
        answer = self._get(model_path(name), f"the model {name!r}")
        return ModelInfo.read(name, answer.get("latest_version"), answer)

    def version(self, name: str, version: str) -> ModelInfo:
        """Return a model with the given version as its latest; `is_official` is unknown.

        Raises:
            SpecError: The name is malformed.
            GenerationError: It does not exist, or Replicate cannot be reached.
        """
        what = f"the version {version!r} of the model {name!r}"
        path = f"{model_path(name)}/versions/{quote(version, safe='')}"
        return ModelInfo.read(name, self._get(path, what), {})

    def upload(self, path: Path, content_type: str) -> str:
        """Upload a file and return its URL, to be used as an input within a day.

        Raises:
            MediaError: The file cannot be read.
            GenerationError: It could not be uploaded.
        """
        what = f"the file {path.name!r}"

        def once() -> dict[str, Any]:
            try:
                with path.open("rb") as file:
                    files = {"content": (path.name, file, content_type)}
                    # Replicate stores the file before it responds, which takes longer.
                    return self._ask("POST", "/v1/files", what, files=files, slowly=True)
            except OSError as error:
                message = f"{str(path)!r} cannot be read: {error.strerror}"
                raise MediaError(message, path=str(path)) from error

        urls = self._retried(once).get("urls")
        url = urls.get("get") if isinstance(urls, dict) else None
        if not isinstance(url, str):
            raise unreadable(what)
        return url

    def create(
        self,
        *,
        model: str,
        version: str | None,
        inputs: dict[str, Any],
        may_be_created: threading.Event | None = None,
    ) -> Prediction:
        """Create a prediction, which costs money; retry only if certainly none was created.

        Args:
            model: "owner/name".
            version: The version's id; None for an official model.
            inputs: The model's inputs by name.
            may_be_created: Set while a prediction with an unknown id may exist, for callers that
                are stopped meanwhile.

        Raises:
            SpecError: The model's name is malformed, or the inputs are not JSON.
            LostAnswer: A prediction may have been created: search the list for it.
            GenerationError: No prediction was created.
        """
        path, body = f"{model_path(model)}/predictions", {"input": inputs}
        if version is not None:
            path, body = "/v1/predictions", {"input": inputs, "version": version}
        what = f"a prediction by {model!r}"
        try:
            content = json.dumps(body, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise SpecError(f"the inputs for {model!r} are not JSON: {error}") from None

        is_asked = may_be_created or threading.Event()

        def once() -> Prediction:
            answer = b""
            is_asked.set()
            try:
                answer = self._connection.send(
                    "POST",
                    path,
                    stop=self._stop,
                    content=content,
                    headers={"Content-Type": "application/json"},
                ).content
                return Prediction.model_validate(json.loads(answer))
            except Refusal as refusal:
                if refusal.may_have_created:
                    raise lost(what, str(refusal.status), is_page=refusal.is_proxys) from None
                is_asked.clear()
                raise as_error(refusal, what) from None
            except httpx.HTTPError as error:
                if was_not_sent(error):
                    is_asked.clear()
                    raise as_transport_error(error, what) from None
                raise lost(what, type(error).__name__) from None
            except (ValueError, RecursionError):  # not JSON, or JSON without an id
                raise lost(what, "it cannot be read", is_page=is_web_page(answer)) from None

        return self._retried(once)

    def get(self, prediction_id: str, *, retries: RetryPolicy | None = None) -> Prediction:
        """Return a prediction's current state; `retries` replaces the usual policy.

        Raises:
            GenerationError: It does not exist, or Replicate cannot be reached.
        """
        what = f"the prediction {prediction_id!r}"
        answer = self._retried(
            lambda: self._ask("GET", prediction_path(prediction_id), what), retries
        )
        return _prediction(answer, what, prediction_id)

    def cancel(self, prediction_id: str) -> Prediction:
        """Cancel a prediction and return its state; a finished one is not changed.

        Raises:
            GenerationError: It does not exist, or Replicate cannot be reached.
        """
        what = f"the prediction {prediction_id!r}"
        path = f"{prediction_path(prediction_id)}/cancel"
        try:
            answer = self._retried(lambda: self._ask("POST", path, what))
        except Rejected:
            # The response for a finished prediction is not documented.
            prediction = self.get(prediction_id)
            if not prediction.is_over:
                raise
            return prediction
        return _prediction(answer, what, prediction_id)

    def created_since(
        self, moment: datetime, on_gap: Callable[[], None] = lambda: None
    ) -> Iterator[Prediction]:
        """Yield this account's predictions created at `moment` or later, newest first.

        Args:
            moment: With its time zone, by Replicate's clock.
            on_gap: Called if a prediction may be missing: an entry is unreadable, or the list has
                more than `MOST_PAGES` pages.

        Raises:
            GenerationError: Replicate cannot be reached.
        """
        what = "the list of predictions"
        query = {"created_after": moment.isoformat()}
        queries = []
        while query not in queries and len(queries) < MOST_PAGES:
            queries.append(query)
            page = self._get("/v1/predictions", what, params=query)
            results = page.get("results")
            if not isinstance(results, list):
                raise unreadable(what)
            for one in results:
                try:
                    prediction = Prediction.model_validate(one)
                except ValidationError:
                    on_gap()
                    continue  # without an id it is of no use
                if prediction.created_at is not None and prediction.created_at < moment:
                    return
                yield prediction
            if not isinstance(page.get("next"), str):
                return
            # Only the query: the token is sent to no host that a response names.
            query = dict(parse_qsl(urlsplit(page["next"]).query))
        on_gap()  # a page links to an earlier one, or there are too many

    def _get(self, path: str, what: str, **options: Any) -> dict[str, Any]:
        return self._retried(lambda: self._ask("GET", path, what, **options))

    def _ask(self, method: str, path: str, what: str, **options: Any) -> dict[str, Any]:
        return self._connection.ask(method, path, what, stop=self._stop, **options)

    def _retried(self, call: Callable[[], _T], policy: RetryPolicy | None = None) -> _T:
        self._stop.raise_if_set()
        return retry(
            call,
            policy or self._retries,
            on_retry=self._on_retry,
            pause=lambda seconds: pause(seconds, self._stop),
        )


def _prediction(answer: dict[str, Any], what: str, prediction_id: str) -> Prediction:
    try:
        prediction = Prediction.model_validate(answer)
    except ValidationError:
        raise unreadable(what) from None  # pydantic's error quotes the response
    if prediction.id != prediction_id:
        raise unreadable(what)
    return prediction
