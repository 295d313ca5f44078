"""Predictions whose answer was lost: found in Replicate's list, or proven never to have been."""

import hashlib
from collections.abc import Callable, Set
from dataclasses import dataclass
from datetime import timedelta

from chunk_assets.generation.ledger import Attempt, now
from chunk_assets.generation.replicate.api import ReplicateApi
from chunk_assets.generation.replicate.predictions import Prediction

_MARGIN = {"server": timedelta(minutes=1), "local": timedelta(hours=1)}
"""How far back the list is read, by whose clock an attempt was written: Replicate's own servers may
be a little apart, a machine's clock may be off by more."""


@dataclass(frozen=True)
class Search:
    """What a look at Replicate's list gave.

    Attributes:
        prediction: The one that was lost, if it is there.
        proves_absence: Whether there is none, and the list can be believed.
    """

    prediction: Prediction | None = None
    proves_absence: bool = False


def url_digest(url: str) -> str:
    """The sha256 (hex) of an address: what is kept of it."""
    return hashlib.sha256(url.encode()).hexdigest()


def seconds_since(api: ReplicateApi, attempt: Attempt) -> float:
    """How old an attempt is, by the clock that it was written by."""
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

    That it is not there proves something only `void_seconds` after it was asked for, by Replicate's
    own clock, and if the whole list could be read, with the inputs of each prediction: those are
    deleted after an hour.

    Args:
        api: Where to look.
        attempt: An attempt without an id. The uploaded picture's address tells it: no other
            prediction has it.
        known: The ids of other attempts' predictions.
        void_seconds: After so long, a prediction would be in the list.
        recognise: Tells the prediction in another way.

    Raises:
        GenerationError: Replicate cannot be asked.
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
    """Whether a picture was sent with a prediction whose address has one of these digests."""
    return any(url_digest(str(value)) in digests for value in prediction.input.values())
