"""Poll predictions until they are finished; cancel them when the run is stopped."""

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
from chunk_assets.generation.base import STARTED
from chunk_assets.generation.hosted import HostedModel
from chunk_assets.generation.ledger import Ledger
from chunk_assets.generation.ledger_entries import Attempt, now
from chunk_assets.generation.replicate.api import ReplicateApi
from chunk_assets.generation.replicate.api_errors import NOT_THERE
from chunk_assets.generation.replicate.clip_request import (
    OUTPUT_KEPT_SECONDS,
    ClipRequest,
    PredictionPolicy,
)
from chunk_assets.generation.replicate.lost_predictions import seconds_since
from chunk_assets.generation.replicate.predictions import Prediction
from chunk_assets.generation.stopping import StopSignal, answered, pause
from chunk_assets.retry import RetryPolicy

_POLL_RETRIES = RetryPolicy(attempts=2, wait_max=2)
"""Each poll is retried once only: another poll follows."""

_CANCEL_SECONDS = 2.0
"""How long a stopped run waits for Replicate to confirm a cancellation."""


class Poller:
    """Polls the predictions of one film."""

    def __init__(
        self,
        api: ReplicateApi,
        ledger: Ledger,
        policy: PredictionPolicy,
        log: Callable[[str], None],
    ):
        self._api, self._ledger, self._policy, self._log = api, ledger, policy, log

    def wait(self, request: ClipRequest, attempt: Attempt) -> tuple[Attempt, Prediction]:
        """Return the attempt once its prediction is finished, or as `unknown` if Replicate lost it.

        Raises:
            Rejected: Replicate refuses to show the prediction, which may still run.
            TimedOut: The prediction took too long, and is cancelled.
            Unavailable: Replicate does not respond, or does not show a prediction that is new; it
                may still run.
        """
        assert attempt.prediction_id is not None  # noqa: S101 - the caller has one
        policy, api = self._policy, self._api.stopped_by(request.stop)
        began = answered = time.monotonic()
        notices = Notices(policy.notice_seconds, self._log)
        missing: float | None = None
        seconds, fraction = policy.first_poll_seconds, 0.0
        try:
            while True:
                try:
                    prediction = api.get(attempt.prediction_id, retries=_POLL_RETRIES)
                    answered, missing = time.monotonic(), None
                except Rejected as error:
                    if error.data.get("status") not in NOT_THERE:
                        raise Rejected(
                            f"{error}; prediction {attempt.prediction_id} of {request.model.name} "
                            f"for {request.where} may still run; rendering again fetches its clip",
                            **error.data,
                        ) from error
                    if seconds_since(self._api, attempt) > OUTPUT_KEPT_SECONDS:
                        return self._forgotten(request, attempt, str(error))
                    missing = missing or time.monotonic()
                    self._check_missing(request, attempt, missing, notices)
                except (Unavailable, TimedOut) as error:
                    # The prediction still runs: only a long silence ends the wait.
                    if time.monotonic() - answered > policy.silent_seconds:
                        raise
                    self._log(
                        f"{request.where}: {error}; retrying for up to "
                        f"{policy.silent_seconds:g} s without a response"
                    )
                else:
                    if prediction.is_over:
                        return self._record_end(request, attempt, prediction), prediction
                    fraction = min(prediction.progress or fraction, 0.99)
                    if prediction.status == "processing":
                        fraction = max(fraction, STARTED)
                    notices.log(
                        lambda seconds, status=prediction.status: (
                            f"{request.where}: prediction {attempt.prediction_id} of "
                            f"{request.model.name} is {_STATES.get(status, repr(status))}; waited "
                            f"{seconds:.0f} s of at most {policy.max_seconds:g} s"
                        )
                    )
                if time.monotonic() - began > policy.max_seconds:
                    ended = self._cancel(request, attempt, api)
                    if ended is not None and ended[1].has_succeeded:
                        return ended
                    state = "is cancelled" if ended else "could not be cancelled, and may still run"
                    raise TimedOut(
                        f"{request.model.name} took longer than {policy.max_seconds:g} s for "
                        f"{request.where}: prediction {attempt.prediction_id} {state}",
                        model=request.model.name,
                    )
                request.on_progress(fraction)
                pause(seconds, request.stop)
                seconds = min(seconds * 1.5, policy.longest_poll_seconds)
        except ChunkAssetsError:
            raise  # it stays open in the ledger, and the next run continues with it
        except BaseException:
            # The run was stopped, and the clip is not wanted.
            self._cancel_at_once(request, attempt)
            raise

    def _check_missing(
        self, request: ClipRequest, attempt: Attempt, since: float, notices: "Notices"
    ) -> None:
        """Check that a new prediction, which must exist, has not been missing for too long.

        Raises:
            Unavailable: It has; it stays in the ledger.
        """
        limit = self._policy.fetch_seconds
        what = f"prediction {attempt.prediction_id} of {request.model.name} for {request.where}"
        if time.monotonic() - since > limit:
            raise Unavailable(
                f"Replicate has not shown {what} for {limit:g} s, though it was created less than "
                "an hour ago: check that the API token is of the same account; the prediction "
                "stays in the ledger, and rendering again looks for it",
                prediction_id=attempt.prediction_id,
            )
        notices.log(
            lambda _seconds: (
                f"{request.where}: Replicate does not show prediction {attempt.prediction_id}, "
                f"which is new; retrying for up to {limit:g} s"
            ),
            at_once=True,
        )

    def _forgotten(
        self, request: ClipRequest, attempt: Attempt, why: str
    ) -> tuple[Attempt, Prediction]:
        """Return an attempt whose prediction Replicate no longer has."""
        data_is_gone = {"id": attempt.prediction_id, "status": "aborted", "data_removed": True}
        if attempt.is_open:
            attempt = attempt.as_unknown(why)
            self._ledger.update(request.chunk_num, attempt)
        return attempt, Prediction.model_validate(data_is_gone)

    def _cancel(
        self, request: ClipRequest, attempt: Attempt, api: ReplicateApi
    ) -> tuple[Attempt, Prediction] | None:
        """Cancel the prediction; return it if it is finished."""
        try:
            prediction = api.cancel(attempt.prediction_id or "")
            if prediction.is_over:
                return self._record_end(request, attempt, prediction), prediction
        except (GenerationError, StorageError) as error:
            self._log(
                f"{request.where}: prediction {attempt.prediction_id} could not be "
                f"cancelled: {error}"
            )
        return None

    def _cancel_at_once(self, request: ClipRequest, attempt: Attempt) -> None:
        """Cancel the prediction of a stopped run without waiting long for the response."""
        try:
            answered(lambda: self._cancel(request, attempt, self._api), seconds=_CANCEL_SECONDS)
        except TimeoutError:
            self._log(
                f"{request.where}: Replicate has not confirmed within {_CANCEL_SECONDS:g} s that "
                f"prediction {attempt.prediction_id} is cancelled: rendering again "
                "continues with it"
            )

    def _record_end(
        self, request: ClipRequest, attempt: Attempt, prediction: Prediction
    ) -> Attempt:
        """Record how the attempt ended and what it cost, and return it."""
        if not attempt.is_open:
            return attempt
        over = outcome(attempt, prediction, request.model)
        self._ledger.update(request.chunk_num, over)
        return over


def outcome(attempt: Attempt, prediction: Prediction, model: HostedModel | None = None) -> Attempt:
    """Return an attempt with the status and cost of its finished prediction.

    The API reports no prices, but for many models what they meter: then a clip costs the model's
    price of that. Otherwise whatever ran is billed, failed and cancelled predictions included, and
    counts at the expected price.
    """
    cost = attempt.price_usd if prediction.has_succeeded or prediction.has_run else 0.0
    settled = None
    if model is not None and prediction.usage is not None and prediction.has_succeeded:
        settled = model.price.settled(prediction.usage)
    return attempt.model_copy(
        update={
            # Until its clip is kept on S3.
            "status": "unfetched" if prediction.has_succeeded else prediction.status,
            "cost_usd": cost if settled is None else settled,
            "cost_from": "price" if settled is None else "metrics",
            "error": None if prediction.has_succeeded else prediction.error,
            "ended_at": now(),
        }
    )


_STATES = {"starting": "in Replicate's queue", "processing": "running"}


class Notices:
    """Logs at intervals that a wait continues, and why.

    Args:
        seconds: The interval.
        log: Receives the sentences.
    """

    def __init__(self, seconds: float, log: Callable[[str], None]):
        self._every, self._log = seconds, log
        self._began = self._last = time.monotonic()
        self._is_first = True

    def log(self, sentence: Callable[[float], str], *, at_once: bool = False) -> None:
        """Log a sentence if it is due.

        Args:
            sentence: Makes the sentence from the seconds since the wait began.
            at_once: Whether the first one is due at once.
        """
        time_now = time.monotonic()
        if time_now - self._last > self._every or (at_once and self._is_first):
            self._log(sentence(time_now - self._began))
            self._last, self._is_first = time_now, False


def polls(seconds: float, stop: StopSignal) -> Iterator[None]:
    """Yield at once, and then at growing intervals for at least `seconds`."""
    end = time.monotonic() + seconds
    between = min(0.5, seconds / 4)
    while True:
        yield
        if time.monotonic() > end:
            return
        pause(between, stop)
        between = min(between * 2, 5.0)
