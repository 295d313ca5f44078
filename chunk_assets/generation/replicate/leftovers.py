"""Predictions that nobody waits for any more: ended, and counted.

A process dies over a chunk, and before the next one comes the prompt is changed: what was asked
for runs on, is billed, and no clip of it will ever be stored.
"""

import hashlib
import os
import socket
from collections.abc import Callable
from datetime import timedelta

from chunk_assets.errors import ChunkAssetsError, Rejected
from chunk_assets.generation.ledger import Attempt, Ledger, now
from chunk_assets.generation.replicate.api import ReplicateApi
from chunk_assets.generation.replicate.predictions import Prediction

CLOCKS = timedelta(minutes=5)
"""How far this machine's clock and Replicate's may be apart."""


def url_digest(url: str) -> str:
    """The sha256 (hex) of an address: what is kept of it."""
    return hashlib.sha256(url.encode()).hexdigest()


def may_live(asked_by: str) -> bool:
    """Whether a process may still be at work: on another host it may, on this one it shows."""
    host, _, rest = asked_by.rpartition(":")[0].rpartition(":")
    if host != socket.gethostname() or not rest.isdecimal():
        return True
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def outcome(attempt: Attempt, prediction: Prediction) -> Attempt:
    """An attempt as its prediction ended, with what it cost.

    The API names no price. What ran is counted, as it is billed: a failed prediction and a
    cancelled one as well, at the price of a whole clip.
    """
    is_billed = prediction.has_succeeded or prediction.has_run
    return attempt.model_copy(
        update={
            "status": prediction.status,
            "cost_usd": attempt.price_usd if is_billed else 0.0,
            "error": None if prediction.has_succeeded else prediction.error,
            "ended_at": now(),
        }
    )


def settle(
    api: ReplicateApi,
    ledger: Ledger,
    chunk_num: int,
    request: str,
    *,
    me: str,
    max_seconds: float,
    settle_seconds: float,
    log: Callable[[str], None],
) -> None:
    """End a chunk's predictions that were asked for with another request, and count their cost.

    Those of a process that may be at work are left alone, for as long as a prediction may take.
    What cannot be settled now stays open in the ledger, and is tried again before the next one.

    Args:
        api: Where they are.
        ledger: The film's.
        chunk_num: The chunk.
        request: The one that is wanted now.
        me: Which process this is, as attempts have it.
        max_seconds: How long a prediction may take.
        settle_seconds: How long a new prediction may take to show up in the list.
        log: Takes a sentence for each that is found.
    """
    for attempt in ledger.chunk(chunk_num).attempts:
        if not attempt.is_open or attempt.request == request:
            continue
        age = (now() - attempt.asked_at).total_seconds()
        if attempt.asked_by != me and may_live(attempt.asked_by) and age < max_seconds:
            continue
        try:
            ended = _ended(api, attempt, is_listed=age > settle_seconds)
        except ChunkAssetsError as error:
            log(f"prediction {attempt.prediction_id} of another request cannot be ended: {error}")
            continue
        if not ended.is_open:
            log(
                f"prediction {ended.prediction_id} of another request for this chunk is over "
                f"({ended.status}), and cost ${ended.cost_usd:.2f}"
            )
        ledger.update(chunk_num, ended)


def _ended(api: ReplicateApi, attempt: Attempt, *, is_listed: bool) -> Attempt:
    """The attempt as it stands once it has been cancelled, which what is over does not mind."""
    if attempt.prediction_id is None:
        found = _listed(api, attempt)
        if found is None:
            gone = {"status": "void", "error": "it was never created", "ended_at": now()}
            return attempt.model_copy(update=gone) if is_listed else attempt
        attempt = attempt.model_copy(update={"prediction_id": found.id, "status": "asked"})
    assert attempt.prediction_id is not None  # noqa: S101 - it is set right above
    try:
        prediction = api.cancel(attempt.prediction_id)
    except Rejected as error:
        if error.data.get("status") != 404:
            raise
        lost = {"status": "aborted", "error": str(error), "ended_at": now()}
        return attempt.model_copy(update=lost)
    return outcome(attempt, prediction) if prediction.is_over else attempt


def _listed(api: ReplicateApi, attempt: Attempt) -> Prediction | None:
    """The attempt's prediction in Replicate's list, known by the uploaded picture's URL."""
    for prediction in api.created_since(attempt.asked_at - CLOCKS):
        given = prediction.input.values()
        if any(url_digest(str(value)) == attempt.media_url_sha256 for value in given):
            return prediction
    return None
