"""Recover attempts whose prediction id was never recorded."""

from collections.abc import Callable

from chunk_assets.errors import ChunkAssetsError, Rejected
from chunk_assets.generation.ledger import Attempt, Ledger
from chunk_assets.generation.replicate.api import ReplicateApi
from chunk_assets.generation.replicate.clip_request import Asked, Patience
from chunk_assets.generation.replicate.lost_predictions import holds_picture, search
from chunk_assets.generation.replicate.orphaned_predictions import (
    NOT_THERE,
    Leftovers,
    may_live,
    unknown,
    void,
)
from chunk_assets.generation.replicate.polling import Notices, looks
from chunk_assets.generation.replicate.predictions import Prediction


class Recovery:
    """Recovers the predictions of one film's attempts; see ADR 17 for what is void and unknown."""

    def __init__(
        self,
        api: ReplicateApi,
        ledger: Ledger,
        leftovers: Leftovers,
        *,
        me: str,
        patience: Patience,
        log: Callable[[str], None],
    ):
        self._api, self._ledger, self._leftovers = api, ledger, leftovers
        self._me, self._patience, self._log = me, patience, log

    def recovered(self, asked: Asked, attempt: Attempt, age: float, why: str) -> Attempt | None:
        """An attempt whose id was never written, with its prediction, or void or unknown.

        None when another process has got further with it.

        Args:
            asked: What was asked for.
            attempt: Without an id.
            age: Seconds since it may last have been sent.
            why: Why its prediction's id is not known.
        """
        is_foreign = attempt.asked_by != self._me and may_live(attempt.asked_by)
        limit = self._patience.foreign_seconds if is_foreign else self._patience.settle_seconds
        notices = Notices(self._patience.notice_seconds, self._log)
        for _ in looks(limit - age, asked.stop):
            stored = self._stored(asked, attempt)
            if stored is None or stored.prediction_id or not stored.is_open:
                return stored if stored is not None and stored.is_open else None
            found = self._searched(asked, attempt)
            if found is not None:
                return found
            notices.say(
                lambda seconds: (
                    f"{asked.where}: a prediction whose answer was lost is not in Replicate's list "
                    f"yet; looked for it for {seconds:.0f} s of at most {limit:g} s"
                )
            )
        lost = unknown(attempt, f"{why}; there is no prediction in Replicate's list")
        self._ledger.update(asked.chunk_num, lost)
        self._leftovers.watch()
        return lost

    def look_again(self, asked: Asked, attempt: Attempt) -> Attempt | None:
        """What is unknown, with its prediction, or void; None if it stays so."""
        if attempt.prediction_id is None:
            return self._searched(asked, attempt)
        try:
            return self.identified(
                asked, attempt, self._api.stopped_by(asked.stop).get(attempt.prediction_id)
            )
        except Rejected as error:
            if error.data.get("status") not in NOT_THERE:
                raise
            return None

    def _searched(self, asked: Asked, attempt: Attempt) -> Attempt | None:
        """An attempt with its prediction from Replicate's list, or void; None if it is open."""
        ledger = self._ledger.chunk(asked.chunk_num)
        known = {one.prediction_id or "" for one in ledger.attempts}
        others = {one.media_url_sha256 for one in ledger.attempts if one.key != attempt.key}
        search_result = search(
            self._api.stopped_by(asked.stop),
            attempt,
            known=known,
            void_seconds=self._patience.void_seconds,
            recognise=lambda prediction: (
                _is_of_request(prediction, asked) and not holds_picture(prediction, others)
            ),
        )
        if search_result.prediction is not None:
            found = search_result.prediction
            self._log(f"{asked.where}: found prediction {found.id}, whose answer was lost")
            return self.identified(asked, attempt, found)
        if search_result.proves_absence:
            absent = void(attempt, "the prediction was never created")
            self._ledger.update(asked.chunk_num, absent)
            return absent
        return None

    def identified(self, asked: Asked, attempt: Attempt, prediction: Prediction) -> Attempt:
        """An attempt with its prediction, in the ledger."""
        found = {"prediction_id": prediction.id, "status": "asked", "error": None}
        known = attempt.model_copy(update=found)
        try:
            self._ledger.update(asked.chunk_num, known)
        except ChunkAssetsError:
            self._log(f"{asked.where}: prediction {prediction.id} was created, and is not recorded")
            raise
        return known

    def _stored(self, asked: Asked, attempt: Attempt) -> Attempt | None:
        attempts = self._ledger.chunk(asked.chunk_num).attempts
        return next((one for one in attempts if one.key == attempt.key), None)


def _is_of_request(prediction: Prediction, asked: Asked) -> bool:
    """Whether model, prompt and seed are those that are asked for.

    For an API that answers with another picture's address than was sent. No other chunk or take has
    the seed; a model that takes none is not told by it.
    """
    model, given = asked.model, prediction.input
    is_same_model = asked.version in (None, prediction.version) or (
        prediction.model == model.replicate
    )
    return (
        model.seed is not None
        and is_same_model
        and given.get(model.seed) == asked.seed
        and given.get(model.prompt) == asked.prompt
    )
