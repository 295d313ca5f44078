"""Recover attempts whose prediction id was never recorded."""

from collections.abc import Callable

from chunk_assets.errors import ChunkAssetsError, Rejected
from chunk_assets.generation.ledger import Ledger
from chunk_assets.generation.ledger_entries import Attempt
from chunk_assets.generation.processes import may_be_running
from chunk_assets.generation.replicate.api import ReplicateApi
from chunk_assets.generation.replicate.api_errors import NOT_THERE
from chunk_assets.generation.replicate.clip_request import ClipRequest, PredictionPolicy
from chunk_assets.generation.replicate.lost_predictions import holds_picture, search
from chunk_assets.generation.replicate.orphaned_predictions import OrphanedPredictions
from chunk_assets.generation.replicate.polling import Notices, polls
from chunk_assets.generation.replicate.predictions import Prediction


class Recovery:
    """Finds the predictions of one film's attempts; ADR 17 explains void and unknown attempts."""

    def __init__(
        self,
        api: ReplicateApi,
        ledger: Ledger,
        orphans: OrphanedPredictions,
        *,
        process: str,
        policy: PredictionPolicy,
        log: Callable[[str], None],
    ):
        self._api, self._ledger, self._orphans = api, ledger, orphans
        self._process, self._policy, self._log = process, policy, log

    def recover(
        self, request: ClipRequest, attempt: Attempt, age: float, why: str
    ) -> Attempt | None:
        """Return an attempt without a prediction id with its prediction, or as void or unknown.

        Returns None if another process has changed it since.

        Args:
            request: The request that the attempt belongs to.
            attempt: An attempt without a prediction id.
            age: At least this many seconds have passed since its request was sent.
            why: Why its prediction id is not known.
        """
        is_foreign = attempt.asked_by != self._process and may_be_running(attempt.asked_by)
        limit = self._policy.foreign_seconds if is_foreign else self._policy.settle_seconds
        notices = Notices(self._policy.notice_seconds, self._log)
        for _ in polls(limit - age, request.stop):
            stored = self._stored(request, attempt)
            if stored is None or stored.prediction_id or not stored.is_open:
                return stored if stored is not None and stored.is_open else None
            found = self._searched(request, attempt)
            if found is not None:
                return found
            notices.log(
                lambda seconds: (
                    f"{request.where}: a prediction whose answer was lost is not in "
                    f"Replicate's list yet; searched for {seconds:.0f} s of at most {limit:g} s"
                )
            )
        lost = attempt.as_unknown(f"{why}; there is no prediction in Replicate's list")
        self._ledger.update(request.chunk_num, lost)
        self._orphans.watch()
        return lost

    def look_again(self, request: ClipRequest, attempt: Attempt) -> Attempt | None:
        """Return an unknown attempt with its prediction, or as void; None if it stays unknown."""
        if attempt.prediction_id is None:
            return self._searched(request, attempt)
        try:
            return self.record_id(
                request, attempt, self._api.stopped_by(request.stop).get(attempt.prediction_id)
            )
        except Rejected as error:
            if error.data.get("status") not in NOT_THERE:
                raise
            return None

    def _searched(self, request: ClipRequest, attempt: Attempt) -> Attempt | None:
        """Return an attempt with its prediction from Replicate's list, or as void; else None."""
        ledger = self._ledger.chunk(request.chunk_num)
        known = {one.prediction_id or "" for one in ledger.attempts}
        others = {one.media_url_sha256 for one in ledger.attempts if one.key != attempt.key}
        search_result = search(
            self._api.stopped_by(request.stop),
            attempt,
            known=known,
            void_seconds=self._policy.void_seconds,
            recognise=lambda prediction: (
                _is_of_request(prediction, request) and not holds_picture(prediction, others)
            ),
        )
        if search_result.prediction is not None:
            found = search_result.prediction
            self._log(f"{request.where}: found prediction {found.id}, whose answer was lost")
            return self.record_id(request, attempt, found)
        if search_result.proves_absence:
            absent = attempt.as_void("the prediction was never created")
            self._ledger.update(request.chunk_num, absent)
            return absent
        return None

    def record_id(self, request: ClipRequest, attempt: Attempt, prediction: Prediction) -> Attempt:
        """Record an attempt's prediction id in the ledger, and return the attempt."""
        known = attempt.with_prediction(prediction.id)
        try:
            self._ledger.update(request.chunk_num, known)
        except ChunkAssetsError:
            self._log(
                f"{request.where}: prediction {prediction.id} was created but is not recorded"
            )
            raise
        return known

    def _stored(self, request: ClipRequest, attempt: Attempt) -> Attempt | None:
        attempts = self._ledger.chunk(request.chunk_num).attempts
        return next((one for one in attempts if one.key == attempt.key), None)


def _is_of_request(prediction: Prediction, request: ClipRequest) -> bool:
    """Return whether a prediction has the request's model, prompt and seed.

    Needed if the API returns a different URL for the picture than was sent. The seed is unique to
    a chunk and take; predictions of models without a seed are not recognised.
    """
    model, given = request.model, prediction.input
    is_same_model = request.version in (None, prediction.version) or (
        prediction.model == model.replicate
    )
    return (
        model.seed is not None
        and is_same_model
        and given.get(model.seed) == request.seed
        and given.get(model.prompt) == request.prompt
    )
