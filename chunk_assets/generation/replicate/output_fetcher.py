"""Download the clips of successful predictions while Replicate keeps them."""

from collections.abc import Callable
from pathlib import Path

from chunk_assets.errors import GenerationError, Rejected, TimedOut, Unavailable
from chunk_assets.generation.ledger import Ledger
from chunk_assets.generation.ledger_entries import Attempt
from chunk_assets.generation.model_inputs import output_field
from chunk_assets.generation.replicate.api import ReplicateApi
from chunk_assets.generation.replicate.api_errors import NOT_THERE
from chunk_assets.generation.replicate.clip_request import (
    OUTPUT_KEPT_SECONDS,
    ClipRequest,
    FetchedClip,
    PredictionPolicy,
)
from chunk_assets.generation.replicate.download import Gone
from chunk_assets.generation.replicate.lost_predictions import seconds_since
from chunk_assets.generation.replicate.polling import polls
from chunk_assets.generation.replicate.predictions import Prediction
from chunk_assets.generation.stopping import StopSignal

Download = Callable[[str, Path, StopSignal], None]
"""Saves the output at a URL as a file; `download.fetch` for one account."""


class OutputFetcher:
    """Downloads the clips of one film's predictions, which are paid for."""

    def __init__(
        self,
        api: ReplicateApi,
        ledger: Ledger,
        download: Download,
        policy: PredictionPolicy,
        log: Callable[[str], None],
    ):
        self._api, self._ledger, self._download = api, ledger, download
        self._policy, self._log = policy, log

    def clip(
        self, request: ClipRequest, attempt: Attempt, prediction: Prediction, path: Path
    ) -> FetchedClip | None:
        """Save the clip as `path`; return None, and record it, if Replicate has deleted the clip.

        Raises:
            Rejected: The output cannot be used.
            Unavailable, TimedOut: It cannot be downloaded now; the ledger keeps it as unfetched.
            MediaError: The file cannot be written.
        """
        limit, why = self._policy.fetch_seconds, ""
        for _ in polls(limit, request.stop):
            try:
                if why:
                    prediction = self._read_again(request, prediction)
                if prediction.data_removed:
                    return self._gone(request, attempt, "Replicate has removed its data")
                self._download(self._url(request, prediction), path, request.stop)
                return self._done(request, attempt, prediction)
            except Gone as error:
                if self._age(attempt, prediction) > OUTPUT_KEPT_SECONDS:
                    return self._gone(request, attempt, str(error))
                failure: GenerationError = error
            except GenerationError as error:
                # A URL may be refused once it is too old: the prediction has a new one.
                if not isinstance(error, Rejected) or error.data.get("status") not in (401, 403):
                    raise self._unfetched(request, attempt, error) from error
                failure = error
            if not why:
                self._log(
                    f"{request.where}: prediction {prediction.id} is paid for, but {failure}; "
                    f"retrying for up to {limit:g} s"
                )
            why = str(failure)
        raise self._unfetched(request, attempt, Unavailable(f"{why}, for {limit:g} s"))

    def _read_again(self, request: ClipRequest, prediction: Prediction) -> Prediction:
        try:
            return self._api.stopped_by(request.stop).get(prediction.id)
        except Rejected as error:
            if error.data.get("status") in NOT_THERE:
                raise Gone(str(error)) from error
            raise

    def _url(self, request: ClipRequest, prediction: Prediction) -> str:
        if prediction.has_no_output:
            raise Gone(f"its output is {prediction.output_form}")
        url = prediction.url_in(output_field(request.model.output))
        if url is None:
            raise Rejected(
                f"its output has an unknown form, {prediction.output_form}: expected a URL "
                "or a list of URLs"
            )
        return url

    def _age(self, attempt: Attempt, prediction: Prediction) -> float:
        """Return the seconds since Replicate made the output, by its own clock."""
        made_at = prediction.completed_at or prediction.created_at
        if made_at is None:
            return seconds_since(self._api, attempt)
        return (self._api.clock.now() - made_at).total_seconds()

    def _done(self, request: ClipRequest, attempt: Attempt, prediction: Prediction) -> FetchedClip:
        ledger = self._ledger.chunk(request.chunk_num)
        tries = len(ledger.of_request(request.fingerprint))
        return FetchedClip(attempt, ledger.cost_usd, prediction.predict_time, tries)

    def _gone(self, request: ClipRequest, attempt: Attempt, why: str) -> None:
        gone = {"status": "succeeded", "error": f"its output is deleted: {why}"}
        self._ledger.update(request.chunk_num, attempt.model_copy(update=gone))

    def _unfetched(
        self, request: ClipRequest, attempt: Attempt, error: GenerationError
    ) -> GenerationError:
        """Record that the clip is not fetched yet, and return the error that says so."""
        update = {"status": "unfetched", "error": str(error)}
        self._ledger.update(request.chunk_num, attempt.model_copy(update=update))
        kind = type(error) if isinstance(error, Rejected | TimedOut) else Unavailable
        # Without the model's name, so that no fallback model is paid for the same clip.
        return kind(
            f"the clip of {request.model.name} for {request.where} is paid for, but not fetched: "
            f"{error}; rendering again fetches prediction {attempt.prediction_id} at no "
            "cost, as long as Replicate keeps it, which is an hour",
            prediction_id=attempt.prediction_id,
        )
