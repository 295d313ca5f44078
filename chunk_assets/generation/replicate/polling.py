"""Waiting for a prediction: looked at until it is over, cancelled when the run is stopped."""

import time
from collections.abc import Callable, Iterator

from chunk_assets.errors import (
    ChunkAssetsError,
    GenerationError,
    Rejected,
    StorageError,
    TimedOut,
    Unavailable,
)
from chunk_assets.generation.ledger import Attempt, Ledger
from chunk_assets.generation.replicate.api import ReplicateApi
from chunk_assets.generation.replicate.clip_request import (
    OUTPUT_KEPT_SECONDS,
    ClipRequest,
    PredictionPolicy,
)
from chunk_assets.generation.replicate.lost_predictions import seconds_since
from chunk_assets.generation.replicate.orphaned_predictions import NOT_THERE, outcome, unknown
from chunk_assets.generation.replicate.predictions import Prediction
from chunk_assets.generation.stopping import StopSignal, answered, pause
from chunk_assets.retry import RetryPolicy

_ONE_MORE = RetryPolicy(attempts=2, wait_max=2)
"""Of a look at a prediction: there will be another look, and a person who stops the run must not
wait for a patient one."""


_CANCEL_SECONDS = 2.0
"""Seconds that a run which was stopped waits for Replicate's answer to its cancellation."""


class Poller:
    """Waits for the predictions of one film."""

    def __init__(
        self,
        api: ReplicateApi,
        ledger: Ledger,
        policy: PredictionPolicy,
        log: Callable[[str], None],
    ):
        self._api, self._ledger, self._policy, self._log = api, ledger, policy, log

    def until_over(self, request: ClipRequest, attempt: Attempt) -> tuple[Attempt, Prediction]:
        """The attempt once its prediction is over, or `unknown` if Replicate has lost it.

        Raises:
            Rejected: Replicate refuses to tell; the prediction goes on.
            TimedOut: It took too long, and is cancelled.
            Unavailable: Replicate has not answered for long, or does not know the prediction though
                it is new; it goes on.
        """
        assert attempt.prediction_id is not None  # noqa: S101 - `_found` and `_begun` see to it
        policy, api = self._policy, self._api.stopped_by(request.stop)
        began = answered = time.monotonic()
        notices = Notices(policy.notice_seconds, self._log)
        missing: float | None = None
        seconds, fraction = policy.first_poll_seconds, 0.0
        try:
            while True:
                try:
                    prediction = api.get(attempt.prediction_id, retries=_ONE_MORE)
                    answered, missing = time.monotonic(), None
                except Rejected as error:
                    if error.data.get("status") not in NOT_THERE:
                        raise Rejected(
                            f"{error}; prediction {attempt.prediction_id} of {request.model.name} "
                            f"for {request.where} goes on, rendering again fetches its clip",
                            **error.data,
                        ) from error
                    if seconds_since(self._api, attempt) > OUTPUT_KEPT_SECONDS:
                        return self._forgotten(request, attempt, str(error))
                    missing = missing or time.monotonic()
                    self._check_missing(request, attempt, missing, notices)
                except (Unavailable, TimedOut) as error:
                    # The prediction goes on meanwhile: only a long silence ends the wait.
                    if time.monotonic() - answered > policy.silent_seconds:
                        raise
                    self._log(
                        f"{request.where}: {error}; looking again, for up to "
                        f"{policy.silent_seconds:g} s without an answer"
                    )
                else:
                    if prediction.is_over:
                        return self._over(request, attempt, prediction), prediction
                    fraction = min(prediction.progress or fraction, 0.99)
                    notices.say(
                        lambda seconds, status=prediction.status: (
                            f"{request.where}: prediction {attempt.prediction_id} of "
                            f"{request.model.name} is {_STATES.get(status, repr(status))}; waited "
                            f"for it for {seconds:.0f} s of at most {policy.max_seconds:g} s"
                        )
                    )
                if time.monotonic() - began > policy.max_seconds:
                    ended = self._cancel(request, attempt)
                    if ended is not None and ended[1].has_succeeded:
                        return ended
                    state = "is cancelled" if ended else "could not be cancelled, and may go on"
                    raise TimedOut(
                        f"{request.model.name} took longer than {policy.max_seconds:g} s over "
                        f"{request.where}: prediction {attempt.prediction_id} {state}",
                        model=request.model.name,
                    )
                request.on_progress(fraction)
                pause(seconds, request.stop)
                seconds = min(seconds * 1.5, policy.longest_poll_seconds)
        except ChunkAssetsError:
            raise  # it stays open in the ledger: the next run takes it up
        except BaseException:
            # The run was stopped, and its clip is not wanted.
            self._cancel_at_once(request, attempt)
            raise

    def _check_missing(
        self, request: ClipRequest, attempt: Attempt, since: float, notices: "Notices"
    ) -> None:
        """Go on while a prediction that must be there may yet be shown.

        Raises:
            Unavailable: It has not been for long; it stays in the ledger.
        """
        limit = self._policy.fetch_seconds
        what = f"prediction {attempt.prediction_id} of {request.model.name} for {request.where}"
        if time.monotonic() - since > limit:
            raise Unavailable(
                f"Replicate has not shown {what} for {limit:g} s, though it was created less than "
                "an hour ago: is the API token of another account? It is kept in the ledger, and "
                "rendering again looks for it",
                prediction_id=attempt.prediction_id,
            )
        notices.say(
            lambda _seconds: (
                f"{request.where}: Replicate does not show prediction {attempt.prediction_id}, "
                f"which is new; looking again for up to {limit:g} s"
            ),
            at_once=True,
        )

    def _forgotten(
        self, request: ClipRequest, attempt: Attempt, why: str
    ) -> tuple[Attempt, Prediction]:
        """The attempt whose prediction Replicate does not have any more."""
        data_is_gone = {"id": attempt.prediction_id, "status": "aborted", "data_removed": True}
        if attempt.is_open:
            attempt = unknown(attempt, why)
            self._ledger.update(request.chunk_num, attempt)
        return attempt, Prediction.model_validate(data_is_gone)

    def _cancel(self, request: ClipRequest, attempt: Attempt) -> tuple[Attempt, Prediction] | None:
        """Cancel the prediction; what it ended as, if it has."""
        try:
            prediction = self._api.cancel(attempt.prediction_id or "")
            if prediction.is_over:
                return self._over(request, attempt, prediction), prediction
        except (GenerationError, StorageError) as error:
            self._log(f"{request.where}: prediction {attempt.prediction_id} goes on: {error}")
        return None

    def _cancel_at_once(self, request: ClipRequest, attempt: Attempt) -> None:
        """Cancel the prediction of a run that was stopped, which must not wait long for that."""
        try:
            answered(lambda: self._cancel(request, attempt), seconds=_CANCEL_SECONDS)
        except TimeoutError:
            self._log(
                f"{request.where}: Replicate has not confirmed within {_CANCEL_SECONDS:g} s that "
                f"prediction {attempt.prediction_id} is cancelled: rendering again takes it up"
            )

    def _over(self, request: ClipRequest, attempt: Attempt, prediction: Prediction) -> Attempt:
        """The attempt as it ended, with what it cost; in the ledger, too."""
        if not attempt.is_open:
            return attempt
        over = outcome(attempt, prediction)
        self._ledger.update(request.chunk_num, over)
        return over


_STATES = {"starting": "in Replicate's queue", "processing": "running"}


class Notices:
    """Says from time to time that a wait lasts, and why.

    Args:
        seconds: After so long it is said, and then each time this has passed.
        log: Takes the sentences.
    """

    def __init__(self, seconds: float, log: Callable[[str], None]):
        self._every, self._log = seconds, log
        self._began = self._said = time.monotonic()
        self._is_first = True

    def say(self, sentence: Callable[[float], str], *, at_once: bool = False) -> None:
        """Say a sentence if it is time; it is given the seconds since the wait began.

        Args:
            sentence: Makes it.
            at_once: Whether the first is said without waiting.
        """
        time_now = time.monotonic()
        if time_now - self._said > self._every or (at_once and self._is_first):
            self._log(sentence(time_now - self._began))
            self._said, self._is_first = time_now, False


def polls(seconds: float, stop: StopSignal) -> Iterator[None]:
    """Look at once, and then ever more seldom for at least so many seconds."""
    end = time.monotonic() + seconds
    between = min(0.5, seconds / 4)
    while True:
        yield
        if time.monotonic() > end:
            return
        pause(between, stop)
        between = min(between * 2, 5.0)
