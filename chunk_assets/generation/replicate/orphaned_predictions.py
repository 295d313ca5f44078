"""Cancel and count predictions that are no longer waited for.

A process dies over a chunk, and before the next one comes the prompt is changed: what was asked
for runs on, is billed, and no clip of it will ever be stored. Or an answer was lost, and it is not
known whether there is a prediction at all.
"""

import threading
from collections.abc import Callable, Collection

from chunk_assets.errors import GenerationError, Rejected
from chunk_assets.generation.ledger import Attempt, Ledger, now
from chunk_assets.generation.processes import may_be_running
from chunk_assets.generation.replicate.api import ReplicateApi
from chunk_assets.generation.replicate.clip_request import PredictionPolicy
from chunk_assets.generation.replicate.lost_predictions import search, seconds_since
from chunk_assets.generation.replicate.predictions import Prediction
from chunk_assets.generation.stopping import NEVER, StopSignal

NOT_THERE = (404, 410)
"""The statuses of an answer that something does not exist, or does so no more."""


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


def void(attempt: Attempt, why: str) -> Attempt:
    """An attempt of which it is proven that there never was a prediction."""
    return attempt.model_copy(update={"status": "void", "error": why, "ended_at": now()})


def unknown(attempt: Attempt, why: str) -> Attempt:
    """An attempt of which neither a prediction was found nor that there was none."""
    return attempt.model_copy(update={"status": "unknown", "error": why})


class OrphanedPredictions:
    """Settles what is left of one film's predictions before another is asked for.

    Args:
        api: Where they are.
        ledger: The film's.
        me: Which process this is, as attempts have it.
        patience: How long a prediction may take, and how long to show up in the list.
        log: Takes a sentence for each that is found.
    """

    def __init__(
        self,
        api: ReplicateApi,
        ledger: Ledger,
        *,
        process: str,
        policy: PredictionPolicy,
        log: Callable[[str], None],
    ):
        self._api, self._ledger, self._process = api, ledger, process
        self._policy, self._log = policy, log
        self._settle_lock = threading.Lock()
        self._given_up: set[str] = set()
        self._has_unknown = True  # as far as is known before the film's ledgers are read

    def watch(self) -> None:
        """Look for what is unknown again: another attempt has become so."""
        self._has_unknown = True

    def settle(self, chunk_num: int, request: str, stop: StopSignal = NEVER) -> None:
        """End what a chunk was asked for with another request, and look for what is unknown.

        Predictions of a process that may be at work are left alone, for as long as one may take.
        What cannot be settled now stays as it is in the ledger, and is tried again before the next
        prediction. What is unknown is looked for in the whole film.

        Args:
            chunk_num: The chunk.
            request: The one that is wanted now.
            stop: Ends the waits for Replicate.

        Raises:
            StorageError: A ledger of the film cannot be read or written.
        """
        with self._settle_lock:  # of two scenes, both would find the same
            film, here = self._ledger.film, self._ledger.chunk
            ledgers = list(film()) if self._has_unknown else [here(chunk_num)]
            self._has_unknown = False
            known = {one.prediction_id or "" for ledger in ledgers for one in ledger.attempts}
            for ledger in ledgers:
                for attempt in ledger.attempts:
                    if not attempt.media_url_sha256:
                        continue  # another generator's
                    is_here = ledger.chunk_num == chunk_num
                    if is_here and attempt.request == request:
                        self._has_unknown |= attempt.is_unknown
                    elif attempt.is_unknown or (is_here and self._is_abandoned(attempt)):
                        self._settle(ledger.chunk_num, attempt, known, stop)

    def _is_abandoned(self, attempt: Attempt) -> bool:
        if not attempt.is_open:
            return False
        is_young = seconds_since(self._api, attempt) < self._policy.max_seconds
        return not (
            is_young and attempt.asked_by != self._process and may_be_running(attempt.asked_by)
        )

    def _settle(
        self, chunk_num: int, attempt: Attempt, known: Collection[str], stop: StopSignal
    ) -> None:
        if attempt.key in self._given_up:
            return
        name = attempt.prediction_id or "whose answer was lost,"
        what = f"prediction {name} of another request for chunk {chunk_num}"
        # A later look in this process shows nothing new; a run an hour later may learn more.
        is_last = seconds_since(self._api, attempt) > self._policy.void_seconds
        try:
            ended = self._ended(self._api.stopped_by(stop), attempt, known)
        except GenerationError as error:
            self._log(f"{what} cannot be ended: {error}")
            return
        if ended.is_unknown and is_last:
            self._given_up.add(attempt.key)
        elif ended.is_unknown:
            self._has_unknown = True
        if ended == attempt:
            return
        if ended.is_unknown:
            self._log(f"{what} is not found: it may have cost ${attempt.price_usd:.2f}")
        elif not ended.is_open:
            self._log(f"{what} is over ({ended.status}), and cost ${ended.cost_usd:.2f}")
        self._ledger.update(chunk_num, ended)

    def _ended(self, api: ReplicateApi, attempt: Attempt, known: Collection[str]) -> Attempt:
        """The attempt as it stands once it has been cancelled, which what is over does not mind."""
        if attempt.prediction_id is None:
            found = search(api, attempt, known=set(known), void_seconds=self._policy.void_seconds)
            if found.proves_absence:
                return void(attempt, "it was never created")
            if found.prediction is None:
                is_listed = seconds_since(api, attempt) > self._policy.settle_seconds
                return unknown(attempt, "it is not in Replicate's list") if is_listed else attempt
            found_id = {"prediction_id": found.prediction.id, "status": "asked", "error": None}
            attempt = attempt.model_copy(update=found_id)
        assert attempt.prediction_id is not None  # noqa: S101 - it is set right above
        try:
            prediction = api.cancel(attempt.prediction_id)
        except Rejected as error:
            if error.data.get("status") not in NOT_THERE:
                raise
            return unknown(attempt, str(error))
        return outcome(attempt, prediction) if prediction.is_over else attempt
