"""Waiting for a prediction: looked at until it is over, cancelled when nobody wants it any more."""

import time
from collections.abc import Callable, Iterator

from chunk_assets.errors import ChunkAssetsError, Rejected, TimedOut, Unavailable
from chunk_assets.generation.base import ProgressCallback
from chunk_assets.generation.ledger import Attempt, Ledger
from chunk_assets.generation.replicate.api import ReplicateApi
from chunk_assets.generation.replicate.asking import Asked, Patience
from chunk_assets.generation.replicate.leftovers import outcome
from chunk_assets.generation.replicate.predictions import Prediction
from chunk_assets.generation.replicate.retries import RetryPolicy

_ONE_MORE = RetryPolicy(attempts=2, wait_max=2)
"""Of a look at a prediction: there will be another look, and a person who stops the run must not
wait for a patient one."""


class Waiting:
    """Waits for the predictions of one film."""

    def __init__(
        self,
        api: ReplicateApi,
        ledger: Ledger,
        patience: Patience,
        log: Callable[[str], None],
    ):
        self._api, self._ledger, self._patience, self._log = api, ledger, patience, log

    def until_over(
        self, asked: Asked, attempt: Attempt, on_progress: ProgressCallback
    ) -> tuple[Attempt, Prediction]:
        """The attempt once its prediction is over.

        Raises:
            Rejected: Replicate refuses to tell; the prediction goes on.
            TimedOut: It took too long, and is cancelled.
            Unavailable: Replicate has not answered for long; the prediction goes on.
        """
        assert attempt.prediction_id is not None  # noqa: S101 - `_found` and `_begun` see to it
        patience = self._patience
        began = answered = time.monotonic()
        seconds, fraction = patience.poll_first, 0.0
        try:
            while True:
                try:
                    prediction = self._api.get(attempt.prediction_id, retries=_ONE_MORE)
                    answered = time.monotonic()
                except Rejected as error:
                    if error.data.get("status") != 404:
                        raise Rejected(
                            f"{error}; prediction {attempt.prediction_id} of {asked.model.name} "
                            f"for {asked.where} goes on, rendering again fetches its clip",
                            **error.data,
                        ) from error
                    status = "aborted" if attempt.is_open else attempt.status
                    forgotten = {"id": attempt.prediction_id, "status": status, "error": str(error)}
                    prediction = Prediction.model_validate(forgotten)
                    return self._over(asked, attempt, prediction), prediction
                except (Unavailable, TimedOut) as error:
                    # The prediction goes on meanwhile: only a long silence ends the wait.
                    if time.monotonic() - answered > patience.silent_seconds:
                        raise
                    self._log(f"{asked.where}: {error}; looking again")
                else:
                    if prediction.is_over:
                        return self._over(asked, attempt, prediction), prediction
                    fraction = min(prediction.progress or fraction, 0.99)
                if time.monotonic() - began > patience.max_seconds:
                    self._cancel(asked, attempt)
                    raise TimedOut(
                        f"{asked.model.name} took longer than {patience.max_seconds:g} s over "
                        f"{asked.where}: prediction {attempt.prediction_id} is cancelled",
                        model=asked.model.name,
                    )
                _sleep(seconds, on_progress, fraction)
                seconds = min(seconds * 1.5, patience.poll_most)
        except ChunkAssetsError:
            raise  # it stays open in the ledger: whoever comes next goes on with it
        except BaseException:
            # Somebody stopped the run, and wants no clip.
            self._cancel(asked, attempt)
            raise

    def _cancel(self, asked: Asked, attempt: Attempt) -> None:
        try:
            prediction = self._api.cancel(attempt.prediction_id or "")
            if prediction.is_over:
                self._over(asked, attempt, prediction)
        except ChunkAssetsError as error:
            self._log(f"{asked.where}: prediction {attempt.prediction_id} goes on: {error}")

    def _over(self, asked: Asked, attempt: Attempt, prediction: Prediction) -> Attempt:
        """The attempt as it ended, with what it cost; in the ledger, too."""
        if not attempt.is_open:
            return attempt
        over = outcome(attempt, prediction)
        self._ledger.update(asked.chunk_num, over)
        return over


def _sleep(seconds: float, on_progress: ProgressCallback, fraction: float) -> None:
    """Sleep, and hear at once when the run is stopped."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 0.25))
        on_progress(fraction)


def looks(seconds: float, on_progress: ProgressCallback) -> Iterator[None]:
    """Look at once, and then ever more seldom for at least so many seconds."""
    end = time.monotonic() + seconds
    pause = min(0.5, seconds / 4)
    while True:
        yield
        if time.monotonic() > end:
            return
        _sleep(pause, on_progress, 0.0)
        pause = min(pause * 2, 5.0)
