"""One clip, paid for once: its attempts in the ledger, and their predictions on Replicate.

Before anything is asked the intent is in the ledger, right after it the prediction's id. Whoever
comes back, whatever happened, finds out there whether there is a prediction, and goes on with it.
"""

import os
import socket
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

from chunk_assets.errors import (
    ChunkAssetsError,
    Declined,
    Rejected,
    Unavailable,
)
from chunk_assets.generation.base import ProgressCallback
from chunk_assets.generation.budget import check_budget
from chunk_assets.generation.ledger import Attempt, Ledger, Taken, now
from chunk_assets.generation.replicate.api import ReplicateApi
from chunk_assets.generation.replicate.asking import Asked, Done, Patience
from chunk_assets.generation.replicate.download import Gone
from chunk_assets.generation.replicate.failures import kind_of_failure
from chunk_assets.generation.replicate.leftovers import (
    CLOCKS,
    may_live,
    settle,
    url_digest,
)
from chunk_assets.generation.replicate.predictions import Prediction
from chunk_assets.generation.replicate.retries import LostAnswer
from chunk_assets.generation.replicate.waiting import Waiting, looks
from chunk_assets.storage.digests import file_digest

Download = Callable[[str, Path], None]
"""Saves an output's URL as a file; `download.fetch` for one account."""


class Attempts:
    """Makes the attempts at one film's clips."""

    def __init__(
        self,
        api: ReplicateApi,
        ledger: Ledger,
        download: Download,
        *,
        patience: Patience,
        max_cost_usd: float | None = None,
        log: Callable[[str], None] = lambda _sentence: None,
    ):
        self._api, self._ledger, self._download = api, ledger, download
        self._patience = patience
        self._waiting = Waiting(api, ledger, patience, log)
        self._me = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._max_cost_usd, self._log = max_cost_usd, log
        self._committing = threading.Lock()

    def clip(self, asked: Asked, path: Path, on_progress: ProgressCallback) -> Done:
        """Save the clip as `path`.

        Raises:
            Declined: The model declines the request for its content, or is not there.
            Rejected: It cannot be asked at all, or the clip is not one.
            OverBudget: The film would cost more than it may.
            TimedOut: The prediction took too long; it is cancelled.
            Unavailable: Replicate cannot be reached, or the predictions keep failing.
        """
        failed: list[str] = []
        while True:
            attempt = self._found(asked, on_progress) or self._begun(asked, on_progress)
            if attempt is None:
                continue  # another process was quicker: look at its attempt
            attempt, prediction = self._waiting.until_over(asked, attempt, on_progress)
            if attempt.status == "succeeded":
                done = self._fetched(asked, attempt, prediction, path)
                if done is not None:
                    return done
                failed.append("its output was deleted before it could be fetched")
            else:
                failed.append(self._reason(asked, attempt, prediction))
            if len(failed) >= self._patience.predictions:
                raise Unavailable(
                    f"{asked.model.name} failed {len(failed)} times at {asked.where}, the last "
                    f"time with: {failed[-1]}; the chunks before it are kept, try again later",
                    model=asked.model.name,
                )
            self._log(f"{asked.where}: {failed[-1]}; asking again")

    def _found(self, asked: Asked, on_progress: ProgressCallback) -> Attempt | None:
        """The attempt to go on with: an open one, or one whose clip is still to be had."""
        for attempt in self._ledger.chunk(asked.chunk_num).of_request(asked.request):
            if attempt.is_open and attempt.prediction_id is None:
                attempt = self._recovered(asked, attempt, on_progress)
                if attempt is None:
                    continue
            if attempt.is_open:
                self._log(f"{asked.where}: going on with prediction {attempt.prediction_id}")
                return attempt
            if attempt.status == "succeeded" and attempt.error is None:
                self._log(f"{asked.where}: prediction {attempt.prediction_id} is paid for already")
                return attempt
        return None

    def _recovered(
        self, asked: Asked, attempt: Attempt, on_progress: ProgressCallback
    ) -> Attempt | None:
        """An attempt whose id was never written, with its prediction; None if there is none."""
        is_foreign = attempt.asked_by != self._me and may_live(attempt.asked_by)
        patience = self._patience.foreign_seconds if is_foreign else self._patience.settle_seconds
        for _ in looks(patience, on_progress):
            stored = self._stored(asked, attempt)
            if stored is None or stored.prediction_id or not stored.is_open:
                return stored if stored is not None and stored.is_open else None
            prediction = self._listed(asked, attempt)
            if prediction is not None:
                self._log(f"{asked.where}: found prediction {prediction.id}, whose answer was lost")
                return self._identified(asked, attempt, prediction)
            if (now() - attempt.asked_at).total_seconds() > patience:
                break
        void = {"status": "void", "error": "it was never created", "ended_at": now()}
        self._ledger.update(asked.chunk_num, attempt.model_copy(update=void))
        return None

    def _listed(self, asked: Asked, attempt: Attempt) -> Prediction | None:
        """The attempt's prediction in Replicate's list.

        The uploaded picture's URL is in no other. Should the API answer with another than was
        sent, model, prompt and seed tell, for a model that takes a seed: no other chunk or take has
        it.
        """
        model = asked.model
        for prediction in self._api.created_since(attempt.asked_at - CLOCKS):
            given = prediction.input
            if url_digest(str(given.get(model.media.parameter))) == attempt.media_url_sha256:
                return prediction
            is_same_model = asked.version in (None, prediction.version) or (
                prediction.model == model.replicate
            )
            if (
                model.seed is not None
                and is_same_model
                and given.get(model.seed) == asked.seed
                and given.get(model.prompt) == asked.prompt
                and not self._is_known(asked, prediction)
            ):
                return prediction
        return None

    def _is_known(self, asked: Asked, prediction: Prediction) -> bool:
        attempts = self._ledger.chunk(asked.chunk_num).attempts
        return prediction.id in {attempt.prediction_id for attempt in attempts}

    def _begun(self, asked: Asked, on_progress: ProgressCallback) -> Attempt | None:
        """A new attempt; None when another process began one at the same time."""
        settle(
            self._api,
            self._ledger,
            asked.chunk_num,
            asked.request,
            me=self._me,
            max_seconds=self._patience.max_seconds,
            settle_seconds=self._patience.settle_seconds,
            log=self._log,
        )
        self._check_budget(asked)
        try:
            url = asked.upload()
        except Rejected as error:
            raise _rejected(asked, error) from error
        on_progress(0.0)  # the last chance to stop for nothing
        attempt = Attempt(
            key=uuid.uuid4().hex,
            request=asked.request,
            model=asked.model.replicate,
            version=asked.version,
            seed=asked.seed,
            asked_at=now(),
            asked_by=self._me,
            media_url_sha256=url_digest(url),
            price_usd=asked.price_usd,
        )
        try:
            with self._committing:  # or two scenes would both take the last of the budget
                self._check_budget(asked)
                self._ledger.begin(asked.chunk_num, attempt)
        except Taken:
            return None
        try:
            prediction = self._api.create(
                model=asked.model.replicate, version=asked.version, inputs=asked.inputs(url)
            )
        except LostAnswer as error:
            self._log(f"{asked.where}: {error}; looking for it")
            return self._recovered(asked, attempt, on_progress)
        except ChunkAssetsError as error:
            # Provably not created.
            void = {"status": "void", "error": str(error), "ended_at": now()}
            self._ledger.update(asked.chunk_num, attempt.model_copy(update=void))
            if isinstance(error, Rejected):
                raise _rejected(asked, error) from error
            raise
        return self._identified(asked, attempt, prediction)

    def _identified(self, asked: Asked, attempt: Attempt, prediction: Prediction) -> Attempt:
        known = attempt.model_copy(update={"prediction_id": prediction.id, "status": "asked"})
        self._ledger.update(asked.chunk_num, known)
        return known

    def _check_budget(self, asked: Asked) -> None:
        limit, model = self._max_cost_usd, asked.model.name
        check_budget(self._ledger, asked.price_usd, limit, where=asked.where, model=model)

    def _fetched(
        self, asked: Asked, attempt: Attempt, prediction: Prediction, path: Path
    ) -> Done | None:
        """The clip; None when it is deleted, which the ledger then says."""
        url = prediction.output_url
        try:
            if url is None:
                raise Gone(f"prediction {prediction.id} has no output any more")
            self._download(url, path)
        except Gone as error:
            gone = attempt.model_copy(update={"error": str(error)})
            self._ledger.update(asked.chunk_num, gone)
            return None
        digest = {"output_sha256": file_digest(path)}
        ledger = self._ledger.update(asked.chunk_num, attempt.model_copy(update=digest))
        tries = len(ledger.of_request(asked.request))
        return Done(attempt, ledger.cost_usd, prediction.predict_time, tries)

    def _reason(self, asked: Asked, attempt: Attempt, prediction: Prediction) -> str:
        """Why a prediction that failed did; raises where another try would not help."""
        said = prediction.error or "no reason given"
        if attempt.status == "failed":
            kind = kind_of_failure(prediction.error)
            if kind == "moderated":
                raise Declined(
                    f"{asked.model.name} declined {asked.where} for its content ({said}): change "
                    "the beat's prompt or picture, or name a fallback_model in the manifest; the "
                    "chunks before it are kept",
                    model=asked.model.name,
                )
            if kind == "final":
                raise Rejected(
                    f"{asked.model.name} failed at {asked.where}: {said}; it is not asked again, "
                    "since it would fail again; the chunks before it are kept",
                    model=asked.model.name,
                )
        return f"prediction {prediction.id} {prediction.status} ({said})"

    def _stored(self, asked: Asked, attempt: Attempt) -> Attempt | None:
        attempts = self._ledger.chunk(asked.chunk_num).attempts
        return next((one for one in attempts if one.key == attempt.key), None)


def _rejected(asked: Asked, error: Rejected) -> Rejected:
    """The refusal of a POST, with the chunk in its sentence."""
    kind = Declined if error.data.get("status") == 404 else Rejected
    data = {**error.data, "model": asked.model.name}
    where = f"{asked.where} was not asked of {asked.model.name}"
    return kind(f"{error}; {where}, the chunks before it are kept", **data)
