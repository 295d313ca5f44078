"""Cancel and count predictions that no run waits for.

If a process dies and the prompt is changed before the next run, the old prediction keeps running
and is billed, though its clip will never be stored. If an answer was lost, a prediction may exist
that no attempt names.
"""

import threading
from collections.abc import Callable, Collection

from chunk_assets.errors import GenerationError, Rejected
from chunk_assets.generation.ledger import Ledger
from chunk_assets.generation.ledger_entries import Attempt
from chunk_assets.generation.processes import may_be_running
from chunk_assets.generation.replicate.api import ReplicateApi
from chunk_assets.generation.replicate.api_errors import NOT_THERE
from chunk_assets.generation.replicate.clip_request import PredictionPolicy
from chunk_assets.generation.replicate.lost_predictions import search, seconds_since
from chunk_assets.generation.replicate.polling import outcome
from chunk_assets.generation.stopping import NEVER, StopSignal


class OrphanedPredictions:
    """Settles one film's orphaned predictions before another is requested.

    Args:
        api: Replicate's API.
        ledger: The film's ledger.
        process: This process's name in attempts.
        policy: Timeouts of predictions.
        log: Receives a sentence for each orphaned prediction.
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
        self._has_unknown = True  # until the film's ledgers have been read

    def watch(self) -> None:
        """Search for unknown attempts again, because there is a new one."""
        self._has_unknown = True

    def settle(self, chunk_num: int, request: str, stop: StopSignal = NEVER) -> None:
        """Cancel a chunk's predictions of other requests, and search for the film's unknown ones.

        Predictions of a process that may be running are left alone until their timeout. What
        cannot be settled now stays as it is in the ledger until before the next prediction.

        Args:
            chunk_num: The chunk.
            request: The fingerprint of the request that is wanted now.
            stop: Ends the waits for Replicate.

        Raises:
            StorageError: A ledger of the film cannot be read or written.
        """
        with self._settle_lock:  # otherwise two scenes would both find the same
            film, here = self._ledger.film, self._ledger.chunk
            ledgers = list(film()) if self._has_unknown else [here(chunk_num)]
            self._has_unknown = False
            known = {one.prediction_id or "" for ledger in ledgers for one in ledger.attempts}
            for ledger in ledgers:
                for attempt in ledger.attempts:
                    if not attempt.media_url_sha256:
                        continue  # of another generator
                    is_here = ledger.chunk_num == chunk_num
                    if is_here and attempt.request == request:
                        self._has_unknown |= attempt.is_unknown
                    elif attempt.is_unknown or (is_here and self._is_abandoned(attempt)):
                        self._settle(ledger.chunk_num, attempt, known, stop)

    def _is_abandoned(self, attempt: Attempt) -> bool:
        if not attempt.is_open or self._ledger.is_worked_on(attempt.request):
            return False  # another take may be rendered at the same time
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
        # Another search in this process would find nothing new; a later run may.
        is_last = seconds_since(self._api, attempt) > self._policy.void_seconds
        try:
            ended = self._ended(self._api.stopped_by(stop), attempt, known)
        except GenerationError as error:
            self._log(f"{what} cannot be settled: {error}")
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
            self._log(f"{what} has ended ({ended.status}), and cost ${ended.cost_usd:.2f}")
        self._ledger.update(chunk_num, ended)

    def _ended(self, api: ReplicateApi, attempt: Attempt, known: Collection[str]) -> Attempt:
        """Return the attempt after a cancellation, which changes no finished prediction."""
        if attempt.prediction_id is None:
            found = search(api, attempt, known=set(known), void_seconds=self._policy.void_seconds)
            if found.proves_absence:
                return attempt.as_void("it was never created")
            if found.prediction is None:
                is_listed = seconds_since(api, attempt) > self._policy.settle_seconds
                return attempt.as_unknown("it is not in Replicate's list") if is_listed else attempt
            attempt = attempt.with_prediction(found.prediction.id)
        assert attempt.prediction_id is not None  # noqa: S101 - it is set right above
        try:
            prediction = api.cancel(attempt.prediction_id)
        except Rejected as error:
            if error.data.get("status") not in NOT_THERE:
                raise
            return attempt.as_unknown(str(error))
        if not prediction.is_over:
            return attempt
        # Not "unfetched": its request has changed, so no run will ask for its clip.
        return outcome(attempt, prediction).model_copy(update={"status": prediction.status})
