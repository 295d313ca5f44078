"""Search Replicate's list for predictions whose answers were lost."""

import hashlib
from collections.abc import Callable, Set
from dataclasses import dataclass
from datetime import timedelta

from chunk_assets.generation.ledger_entries import Attempt, now
from chunk_assets.generation.replicate.api import ReplicateApi
from chunk_assets.generation.replicate.predictions import Prediction

_MARGIN = {"server": timedelta(minutes=1), "local": timedelta(hours=1)}
"""How far before an attempt the list is read: Replicate's servers may differ a little from each
other, a machine's clock by more."""


@dataclass(frozen=True)
class Search:
    """The result of a search in Replicate's list.

    Attributes:
        prediction: The lost prediction, if it was found.
        proves_absence: Whether the list proves that the prediction was never created.
    """

    prediction: Prediction | None = None
    proves_absence: bool = False


def url_digest(url: str) -> str:
    """Return the SHA-256 (hex) of a URL, which the ledger stores instead of the URL."""
    return hashlib.sha256(url.encode()).hexdigest()


def seconds_since(api: ReplicateApi, attempt: Attempt) -> float:
    """Return the age of an attempt, by the clock of its `asked_at`."""
    time = api.clock.now() if attempt.clock == "server" else now()
    return (time - attempt.asked_at).total_seconds()


def search(
    api: ReplicateApi,
    attempt: Attempt,
    *,
    known: Set[str],
    void_seconds: float,
    recognise: Callable[[Prediction], bool] = lambda _prediction: False,
) -> Search:
    """Look for an attempt's prediction in Replicate's list.

    Absence is proof only `void_seconds` after the request, by Replicate's own clock, and only if
    the whole list could be read with the inputs of each prediction, which are deleted after an
    hour.

    Args:
        api: Replicate's API.
        attempt: An attempt without an id. The URL of its uploaded picture identifies its
            prediction.
        known: The ids of other attempts' predictions.
        void_seconds: How long after its request a prediction is certainly listed.
        recognise: Another way to identify the prediction.

    Raises:
        GenerationError: The list cannot be read.
    """
    doubts: list[str] = []
    moment = attempt.asked_at - _MARGIN[attempt.clock]
    for prediction in api.created_since(moment, lambda: doubts.append("unreadable")):
        if prediction.id in known:
            continue
        if holds_picture(prediction, {attempt.media_url_sha256}) or recognise(prediction):
            return Search(prediction)
        if prediction.data_removed or not prediction.input:
            doubts.append("its input is deleted")
    is_dated = attempt.clock == "server" and api.clock.is_known
    is_old = seconds_since(api, attempt) > void_seconds
    return Search(proves_absence=is_dated and is_old and not doubts)


def holds_picture(prediction: Prediction, digests: Set[str]) -> bool:
    """Return whether a prediction's input has a URL, or a list with one, of these digests."""
    return any(
        url_digest(str(url)) in digests
        for value in prediction.input.values()
        for url in (value if isinstance(value, list) else [value])
    )
