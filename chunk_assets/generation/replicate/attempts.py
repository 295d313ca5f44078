"""Get one clip and pay for it once.

The ledger records the intent before each request, and the prediction's id right after it. After
any interruption, the next run finds the prediction through the ledger and continues with it.
"""

import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chunk_assets.errors import (
    Declined,
    GenerationError,
    Rejected,
    SpecError,
    Unavailable,
)
from chunk_assets.generation.budget import check_budget
from chunk_assets.generation.ledger import AlreadyRequested, Ledger
from chunk_assets.generation.ledger_entries import Attempt
from chunk_assets.generation.processes import process_name
from chunk_assets.generation.replicate.api import ReplicateApi
from chunk_assets.generation.replicate.api_errors import LostAnswer
from chunk_assets.generation.replicate.clip_request import (
    ClipRequest,
    FetchedClip,
    PredictionPolicy,
)
from chunk_assets.generation.replicate.failures import kind_of_failure
from chunk_assets.generation.replicate.lost_predictions import seconds_since, url_digest
from chunk_assets.generation.replicate.orphaned_predictions import OrphanedPredictions
from chunk_assets.generation.replicate.output_fetcher import Download, OutputFetcher
from chunk_assets.generation.replicate.polling import Poller
from chunk_assets.generation.replicate.predictions import Prediction
from chunk_assets.generation.replicate.recovery import Recovery


class Attempts:
    """Requests predictions for one film's clips, or continues with those that exist."""

    def __init__(
        self,
        api: ReplicateApi,
        ledger: Ledger,
        download: Download,
        *,
        policy: PredictionPolicy,
        max_cost_usd: float | None = None,
        log: Callable[[str], None] = lambda _sentence: None,
    ):
        self._api, self._ledger, self._policy = api, ledger, policy
        self._poller = Poller(api, ledger, policy, log)
        self._fetcher = OutputFetcher(api, ledger, download, policy, log)
        self._process = process_name()
        self._orphans = OrphanedPredictions(
            api, ledger, process=self._process, policy=policy, log=log
        )
        self._recovery = Recovery(
            api, ledger, self._orphans, process=self._process, policy=policy, log=log
        )
        self._max_cost_usd, self._log = max_cost_usd, log

    def clip(self, request: ClipRequest, path: Path) -> FetchedClip:
        """Save the clip as `path`.

        Raises:
            Declined: The model declines the request's content, or does not exist.
            Rejected: Replicate refuses the request, or the output is not a clip.
            OverBudget: The clip would exceed the film's cost limit.
            TimedOut: The prediction took too long; it is cancelled.
            Unavailable: Replicate cannot be reached, the predictions keep failing, or a clip that
                is paid for cannot be downloaded at present.
        """
        with self._ledger.working_on(request.fingerprint):
            return self._clip(request, path)

    def _clip(self, request: ClipRequest, path: Path) -> FetchedClip:
        failed: list[str] = []
        lost_usd = 0.0
        while True:
            attempt = self._find(request) or self._begin(request)
            if attempt is None:
                continue  # another process was faster: look at its attempt
            if attempt.prediction_id is None:
                failed.append(f"{attempt.error}")
            else:
                attempt, prediction = self._poller.wait(request, attempt)
                if attempt.status in _PAID:
                    done = self._fetcher.clip(request, attempt, prediction, path)
                    if done is not None:
                        return done
                    failed.append("its output was deleted before it could be downloaded")
                elif attempt.is_unknown:
                    self._orphans.watch()
                    failed.append(f"{attempt.error}")
                else:
                    failed.append(self._reason(request, attempt, prediction))
            cost = _cost(attempt)
            lost_usd += attempt.price_usd if attempt.is_unknown else 0.0
            if len(failed) >= self._policy.predictions:
                self._log(f"{request.where}: {failed[-1]}; {cost}")
                raise self._given_up(request, failed, lost_usd)
            self._log(
                f"{request.where}: {failed[-1]}; {cost}; requesting prediction "
                f"{len(failed) + 1} of {self._policy.predictions}"
            )

    def fetched(self, chunk_num: int, prediction_id: str, sha256: str) -> None:
        """Record that the clip of a prediction is kept on S3, so that it is not fetched again.

        Raises:
            StorageError: The ledger cannot be written.
        """
        self._ledger.record_kept(chunk_num, prediction_id, sha256)

    def _given_up(self, request: ClipRequest, failed: list[str], lost_usd: float) -> Unavailable:
        unclear = (
            f"; ${lost_usd:.2f} may have been spent on predictions whose answers were lost, and "
            "is counted until they are found"
            if lost_usd
            else ""
        )
        # Lost answers point to the network: another model would not help.
        data: dict[str, Any] = {} if lost_usd else {"model": request.model.name}
        advice = "" if lost_usd else f", or {request.model.instead}"
        return Unavailable(
            f"{request.model.name} failed {len(failed)} times on {request.where}, the last "
            f"time with: {failed[-1]}{unclear}; the chunks before it are kept, try again later"
            f"{advice}",
            **data,
        )

    def _find(self, request: ClipRequest) -> Attempt | None:
        """Return an open attempt, or one whose clip can still be downloaded."""
        for attempt in self._ledger.chunk(request.chunk_num).of_request(request.fingerprint):
            if attempt.is_unknown:
                attempt = self._recovery.look_again(request, attempt)
            elif attempt.is_open and attempt.prediction_id is None:
                self._log(
                    f"{request.where}: it was requested before, but its prediction is unknown; "
                    "looking for it in Replicate's list"
                )
                age, why = seconds_since(self._api, attempt), "its process ended before the answer"
                attempt = self._recovery.recover(request, attempt, age, why)
            if attempt is None or attempt.status in ("void", "unknown"):
                continue
            if attempt.is_open:
                self._log(f"{request.where}: waiting for prediction {attempt.prediction_id}")
                return attempt
            if attempt.status == "unfetched" or (
                attempt.status == "succeeded" and attempt.error is None
            ):
                self._log(
                    f"{request.where}: prediction {attempt.prediction_id} is paid for already"
                )
                return attempt
        return None

    def _begin(self, request: ClipRequest) -> Attempt | None:
        """Begin an attempt; return None if another process began one at the same time."""
        self._orphans.settle(request.chunk_num, request.fingerprint, request.stop)
        self._check_budget(request)
        try:
            url = request.upload()
        except Rejected as error:
            raise _rejected(request, error) from error
        request.stop.raise_if_set()  # the last point at which stopping costs nothing
        attempt = Attempt(
            key=uuid.uuid4().hex,
            request=request.fingerprint,
            model=request.model.replicate,
            version=request.version,
            seed=request.seed,
            asked_at=self._api.clock.now(),
            clock="server" if self._api.clock.is_known else "local",
            asked_by=self._process,
            media_url_sha256=url_digest(url),
            price_usd=request.price_usd,
            is_estimate=request.model.price.is_estimate,
        )
        try:
            with self._ledger.budget_lock:
                self._check_budget(request)
                self._ledger.begin(request.chunk_num, attempt)
        except AlreadyRequested:
            return None
        may_be_created = threading.Event()
        try:
            prediction = self._api.stopped_by(request.stop).create(
                model=request.model.replicate,
                version=request.version,
                inputs=request.inputs(url),
                may_be_created=may_be_created,
            )
        except LostAnswer as error:
            self._log(
                f"{request.where}: {error}; looking for it in Replicate's list for up to "
                f"{self._policy.settle_seconds:g} s"
            )
            return self._recovery.recover(request, attempt, 0.0, str(error))
        except (GenerationError, SpecError) as error:
            # Certainly not created: the request was not sent, or was refused.
            self._ledger.update(request.chunk_num, attempt.as_void(str(error)))
            if isinstance(error, Rejected):
                raise _rejected(request, error) from error
            raise
        except BaseException:
            # The run was stopped: unless that was between two requests, a prediction may exist.
            if not may_be_created.is_set():
                refused = attempt.as_void(
                    "the run was stopped before Replicate accepted the request"
                )
                self._ledger.update(request.chunk_num, refused)
            raise
        return self._recovery.record_id(request, attempt, prediction)

    def _check_budget(self, request: ClipRequest) -> None:
        limit, model = self._max_cost_usd, request.model.name
        check_budget(self._ledger, request.price_usd, limit, where=request.where, model=model)

    def _reason(self, request: ClipRequest, attempt: Attempt, prediction: Prediction) -> str:
        """Return why a prediction failed; raise if another attempt would not help."""
        said = prediction.error or "no reason given"
        if attempt.status == "failed":
            kind = kind_of_failure(prediction.error)
            if kind in ("moderated", "final"):
                self._log(f"{request.where}: prediction {prediction.id} failed; {_cost(attempt)}")
            if kind == "moderated":
                raise Declined(
                    f"{request.model.name} declined {request.where} for its content ({said}): "
                    "change the beat's prompt or picture, or name a fallback_model in the "
                    "manifest; the chunks before it are kept",
                    model=request.model.name,
                )
            if kind == "final":
                raise Rejected(
                    f"{request.model.name} failed on {request.where}: {said}; it is not "
                    "requested again, since it would fail again; the chunks before it are kept",
                    model=request.model.name,
                )
        return f"prediction {prediction.id} {prediction.status} ({said})"


_PAID = ("succeeded", "unfetched")


def _cost(attempt: Attempt) -> str:
    """Return the cost of an attempt without a clip, in words."""
    if attempt.is_open or attempt.is_unknown:
        return f"it counts as ${attempt.price_usd:.2f} until its cost is known"
    return f"it cost ${attempt.cost_usd:.2f}" if attempt.cost_usd else "it cost nothing"


def _rejected(request: ClipRequest, error: Rejected) -> Rejected:
    """Return a refusal whose message names the chunk."""
    is_gone = error.data.get("status") == 404 or "version does not exist" in str(error)
    kind = Declined if is_gone else Rejected
    data = {**error.data, "model": request.model.name}
    where = f"{request.where} was not requested from {request.model.name}"
    advice = f"; {request.model.instead}" if is_gone else ""
    return kind(f"{error}; {where}, the chunks before it are kept{advice}", **data)
