"""Get one clip as a job of a provider's, and pay for it once (ADR 6)."""

import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from chunk_assets.errors import (
    ChunkAssetsError,
    Declined,
    GenerationError,
    MediaError,
    Rejected,
    SpecError,
    TimedOut,
    Unavailable,
)
from chunk_assets.generation.base import GeneratedClip, GenerationRequest, ProgressCallback
from chunk_assets.generation.budget import check_budget, clip_price
from chunk_assets.generation.context import GenerationContext
from chunk_assets.generation.job_policy import JobPolicy
from chunk_assets.generation.job_provider import JobClip, JobProvider
from chunk_assets.generation.jobs import ClipGone, JobState, LostAnswer
from chunk_assets.generation.ledger import AlreadyRequested
from chunk_assets.generation.ledger_entries import Attempt, now
from chunk_assets.generation.processes import may_be_running, process_name
from chunk_assets.generation.stopping import StopSignal, answered, pause

if TYPE_CHECKING:
    from chunk_assets.generation.jobs import JobGenerator

_T = TypeVar("_T")


class JobAttempts:
    """Asks for jobs for one film's clips, or continues with those that exist."""

    def __init__(self, generator: "JobGenerator", context: GenerationContext, policy: JobPolicy):
        self._generator, self._context, self._policy = generator, context, policy
        self._ledger, self._log = context.ledger, context.log
        self._process = process_name()
        self._provider = JobProvider(generator, context, policy)

    def clip(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback,
        stop: StopSignal,
    ) -> GeneratedClip:
        """Render one clip, or fetch the one that is paid for already."""
        model, path = self._generator.model, workdir / "job.mp4"
        one = JobClip(model, request, workdir, path, on_progress, stop)
        with self._ledger.working_on(one.fingerprint):
            return self._clip(one)

    def _clip(self, one: JobClip) -> GeneratedClip:
        failed: list[str] = []
        while True:
            attempt = self._find(one) or self._begin(one, failed)
            done = attempt and self._finish(one, attempt, failed)
            if done is not None:
                return done
            if len(failed) >= self._policy.jobs:
                raise Unavailable(
                    f"{self._generator.name} failed {len(failed)} times on {one.where}, the last "
                    f"time with: {failed[-1]}; the chunks before it are kept, try again later"
                )

    def _find(self, one: JobClip) -> Attempt | None:
        """Return an attempt whose job runs, or whose clip can be fetched."""
        for attempt in self._ledger.chunk(one.chunk_num).of_request(one.fingerprint):
            found: Attempt | None = attempt
            if attempt.status == "intended":
                found = self._recovered(one, attempt)
            elif attempt.is_unknown:
                found = self._looked_up(one, attempt)
            elif not attempt.is_open and not _has_clip(attempt):
                continue
            if found is not None and found.prediction_id is not None:
                self._log(f"{one.where}: continuing with job {found.prediction_id}")
                return found
        return None

    def _recovered(self, one: JobClip, attempt: Attempt) -> Attempt | None:
        """Return an intent with its job; without one it is void, or unknown at full price."""
        end = time.monotonic() + self._policy.foreign_seconds
        while attempt.asked_by != self._process and may_be_running(attempt.asked_by):
            stored = self._ledger.chunk(one.chunk_num).attempts
            current = next((other for other in stored if other.key == attempt.key), attempt)
            if current.status != "intended":
                return current if current.is_open or _has_clip(current) else None
            if time.monotonic() > end:
                break
            pause(min(1.0, self._policy.foreign_seconds / 4), one.stop)
        return self._looked_up(one, attempt, "its process ended before the answer")

    def _looked_up(self, one: JobClip, attempt: Attempt, why: str = "") -> Attempt | None:
        """Return an attempt with the job that the provider has under our name."""
        found, after = None, attempt
        if self._generator.can_find_jobs:
            found = self._provider.answer(one, lambda: self._generator.find_job(attempt.key))
            after = attempt.with_prediction(found) if found else attempt.as_void("never created")
        elif why:
            after = attempt.as_unknown(why)
        if after != attempt:
            self._ledger.update(one.chunk_num, after)
        return after if found else None

    def _begin(self, one: JobClip, failed: list[str]) -> Attempt | None:
        """Ask for a job; return None if there is none, or another process was faster."""
        generator, request = self._generator, one.request
        self._cancel_others(one)
        one.stop.raise_if_set()
        attempt = Attempt(
            key=uuid.uuid4().hex,
            request=one.fingerprint,
            model=generator.model,
            seed=request.seed,
            asked_at=now(),
            asked_by=self._process,
            media_url_sha256="",
            price_usd=clip_price(generator, request.num_frames, request.fps, request.size),
            is_estimate=generator.offer.is_estimate,
        )
        try:
            with self._ledger.budget_lock:
                limit, name = self._context.max_cost_usd, generator.name
                check_budget(self._ledger, attempt.price_usd, limit, where=one.where, model=name)
                self._ledger.begin(one.chunk_num, attempt)
        except AlreadyRequested:
            return None
        try:
            job = answered(
                self._provider.guarded(
                    lambda: generator.submit(request, one.workdir, attempt.key), LostAnswer
                ),
                stop=one.stop,
            )
        except LostAnswer as error:
            self._log(f"{one.where}: {error}")
            found = self._looked_up(one, attempt, str(error))
            if found is None:
                failed.append(str(error))
            return found
        except (GenerationError, SpecError, MediaError) as error:
            self._ledger.update(one.chunk_num, attempt.as_void(str(error)))
            if not isinstance(error, Unavailable | TimedOut):
                raise
            self._failed(one, failed, str(error))
            pause(min(1.0, self._policy.first_poll_seconds), one.stop)
            return None
        except ChunkAssetsError:
            raise  # the run is handed off: the next one looks for the job
        except BaseException:  # the run was stopped, and the clip is not wanted
            self._provider.cancel_unanswered(one, attempt)
            raise
        asked = attempt.with_prediction(job)
        self._ledger.update(one.chunk_num, asked)
        return asked

    def _finish(self, one: JobClip, attempt: Attempt, failed: list[str]) -> GeneratedClip | None:
        """Wait for a job, record what it cost, and fetch its clip."""
        if not _has_clip(attempt):
            state = self._provider.wait(one, attempt)
            attempt = self._provider.record(one, attempt, state)
            if state.status != "succeeded":
                said = state.error or "no reason given"
                self._raise_if_final(one, state, said)
                self._failed(one, failed, f"job {attempt.prediction_id} {state.status} ({said})")
                return None
        try:
            self._provider.fetch(one, attempt)
        except ClipGone as error:
            gone = {"status": "succeeded", "error": f"its output is deleted: {error}"}
            self._ledger.update(one.chunk_num, attempt.model_copy(update=gone))
            self._failed(one, failed, f"the clip of job {attempt.prediction_id} is deleted")
            return None
        ledger = self._ledger.chunk(one.chunk_num)
        return GeneratedClip(
            one.path,
            cost_usd=attempt.cost_usd,
            spent_usd=ledger.cost_usd,
            request=one.fingerprint,
            prediction_id=attempt.prediction_id or "",
            details={
                "job_id": attempt.prediction_id or "",
                "attempts": len(ledger.of_request(one.fingerprint)),
            },
        )

    def _raise_if_final(self, one: JobClip, state: JobState, said: str) -> None:
        name = self._generator.name
        if state.status == "failed" and state.kind == "moderated":
            raise Declined(
                f"{name} declined {one.where} for its content ({said}): change the beat's prompt "
                "or picture; the chunks before it are kept",
                model=name,
            )
        if state.status == "failed" and state.kind == "final":
            raise Rejected(
                f"{name} failed on {one.where}: {said}; it is not asked again, since it would "
                "fail again; the chunks before it are kept"
            )

    def _cancel_others(self, one: JobClip) -> None:
        """Cancel the chunk's jobs of other requests, unless their process may wait for them."""
        for attempt in self._ledger.chunk(one.chunk_num).attempts:
            is_other = attempt.request != one.fingerprint and attempt.status == "asked"
            if not is_other or attempt.model != self._generator.model:
                continue
            if self._ledger.is_worked_on(attempt.request):
                continue  # another take is rendered at the same time
            if attempt.asked_by == self._process or not may_be_running(attempt.asked_by):
                self._provider.cancel(one, attempt)

    def _failed(self, one: JobClip, failed: list[str], why: str) -> None:
        failed.append(why)
        self._log(f"{one.where}: {why}; {len(failed)} of {self._policy.jobs} jobs have failed")


def _has_clip(attempt: Attempt) -> bool:
    return attempt.status == "unfetched" or (
        attempt.status == "succeeded" and attempt.error is None
    )
