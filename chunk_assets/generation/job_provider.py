"""Ask a provider about a job: wait for it, fetch its clip, cancel it, and record what it cost."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from chunk_assets.errors import (
    ChunkAssetsError,
    GenerationError,
    MediaError,
    Rejected,
    SpecError,
    Stopped,
    TimedOut,
    Unavailable,
    Unsupported,
)
from chunk_assets.generation.base import STARTED, GenerationRequest, ProgressCallback
from chunk_assets.generation.context import GenerationContext
from chunk_assets.generation.job_policy import JobPolicy
from chunk_assets.generation.jobs import ClipGone, JobState
from chunk_assets.generation.ledger_entries import Attempt, now
from chunk_assets.generation.request_digest import request_digest
from chunk_assets.generation.stopping import StopSignal, answered, pause
from chunk_assets.media.frames import probe
from chunk_assets.usd import checked_usd

if TYPE_CHECKING:
    from chunk_assets.generation.jobs import JobGenerator

_T = TypeVar("_T")


class JobClip:
    """One clip that is asked for."""

    def __init__(
        self,
        model: str,
        request: GenerationRequest,
        workdir: Path,
        path: Path,
        on_progress: ProgressCallback,
        stop: StopSignal,
    ):
        self.request, self.workdir, self.path = request, workdir, path
        self.on_progress, self.stop = on_progress, stop
        self.chunk_num = request.chunk_num
        self.where = request.where
        self.fingerprint = request_digest(model, request)


class JobProvider:
    """The provider of one film's generator."""

    def __init__(self, generator: "JobGenerator", context: GenerationContext, policy: JobPolicy):
        self._generator, self._policy = generator, policy
        self._ledger, self._log = context.ledger, context.log

    def wait(self, one: JobClip, attempt: Attempt) -> JobState:
        """Return the state of a job that has ended.

        Raises:
            TimedOut: It took too long, and is cancelled.
            GenerationError: The provider does not respond; the job may still run.
            Stopped: The run was stopped, and the job is cancelled.
        """
        job, policy = attempt.prediction_id or "", self._policy
        # Since it was asked for, so that the limit holds over several processes.
        began = time.monotonic() - attempt.age_seconds
        seconds, fraction = policy.first_poll_seconds, 0.0
        try:
            while True:
                state = self.answer(one, lambda: self._generator.job(job))
                if state.is_over:
                    return state
                if time.monotonic() - began > policy.max_seconds:
                    self.cancel(one, attempt)
                    raise TimedOut(
                        f"job {job} of {self._generator.name} for {one.where} took longer than "
                        f"{policy.max_seconds:g} s, and is cancelled"
                    )
                fraction = max(fraction, min(state.progress or 0.0, 0.99))
                if state.status == "running":
                    fraction = max(fraction, STARTED)
                one.on_progress(fraction)
                pause(seconds, one.stop)
                seconds = min(seconds * 1.5, policy.longest_poll_seconds)
        except ChunkAssetsError:
            raise  # it stays open in the ledger, and the next run continues with it
        except BaseException:  # the run was stopped, and the clip is not wanted
            self.cancel(one, attempt)
            raise

    def record(self, one: JobClip, attempt: Attempt, state: JobState) -> Attempt:
        """Record how a job ended and what it cost."""
        status = "unfetched" if state.status == "succeeded" else state.status
        cost = attempt.price_usd if state.status == "succeeded" or state.has_run else 0.0
        if state.cost_usd is not None:
            try:
                cost = checked_usd(state.cost_usd, f"the cost that {self._generator.name!r} names")
            except SpecError as error:
                self._log(f"{one.where}: {error}; ${cost:.2f} is counted")
        changes = {"status": status, "cost_usd": cost, "error": state.error, "ended_at": now()}
        ended = attempt.model_copy(update=changes)
        self._ledger.update(one.chunk_num, ended)
        return ended

    def fetch(self, one: JobClip, attempt: Attempt) -> None:
        """Save the clip; raise an error that says it is paid for if that fails.

        Raises:
            ClipGone: The provider no longer has it.
            Rejected: It cannot be used.
            Unavailable: It cannot be fetched now; the ledger keeps it as unfetched.
        """
        job, end = attempt.prediction_id or "", time.monotonic() + self._policy.fetch_seconds
        while True:
            one.path.unlink(missing_ok=True)
            try:
                save = self.guarded(lambda: self._generator.save_clip(job, one.path))
                answered(save, stop=one.stop)
                probe(one.path)
                return
            except ClipGone:
                raise
            except Unsupported:
                return  # complete and paid for, so it is kept; decoding it says what is wrong
            except (GenerationError, MediaError) as error:
                is_final = isinstance(error, Rejected)
                if is_final or time.monotonic() > end:
                    kept = {"status": "unfetched", "error": str(error)}
                    self._ledger.update(one.chunk_num, attempt.model_copy(update=kept))
                    why = str(error).replace(repr(str(one.path)), "the file")
                    raise (Rejected if is_final else Unavailable)(
                        f"the clip of {self._generator.name} for {one.where} is paid for, but not "
                        f"fetched: {why}; rendering again fetches job {job}"
                    ) from error
            pause(min(1.0, self._policy.fetch_seconds / 4), one.stop)

    def cancel(self, one: JobClip, attempt: Attempt) -> None:
        """Cancel a job and record how it ended, without waiting long."""
        job = attempt.prediction_id or ""

        def cancelled() -> JobState:
            self._generator.cancel(job)
            return self._generator.job(job)

        try:
            state = answered(self.guarded(cancelled), seconds=self._policy.cancel_seconds)
        except (TimeoutError, GenerationError) as error:
            self._log(
                f"{one.where}: job {job} could not be cancelled ({error or 'no answer'}): "
                "rendering again continues with it"
            )
            return
        if state.is_over:
            self.record(one, attempt, state)

    def cancel_unanswered(self, one: JobClip, attempt: Attempt) -> None:
        """Cancel a job whose id did not come in time; without it, the next run looks for it."""
        if not self._generator.can_find_jobs:
            return
        seconds = self._policy.cancel_seconds
        with suppress(TimeoutError, GenerationError):
            find = self.guarded(lambda: self._generator.find_job(attempt.key))
            job = answered(find, seconds=seconds)
            if job is not None:
                self.cancel(one, attempt.with_prediction(job))

    def answer(self, one: JobClip, ask: Callable[[], _T]) -> _T:
        """Ask until the provider responds."""
        end = time.monotonic() + self._policy.silent_seconds
        is_logged = False
        while True:
            try:
                return answered(self.guarded(ask), stop=one.stop)
            except (Unavailable, TimedOut) as error:
                if time.monotonic() > end:
                    raise
                if not is_logged:
                    limit = f"asking again for up to {self._policy.silent_seconds:g} s"
                    self._log(f"{one.where}: {error}; {limit}")
                    is_logged = True
            pause(self._policy.first_poll_seconds, one.stop)

    def guarded(
        self, ask: Callable[[], _T], kind: type[GenerationError] = Unavailable
    ) -> Callable[[], _T]:
        """Have errors that a generator may not raise count as `kind`; their text is not told."""

        def once() -> _T:
            try:
                return ask()
            except (ChunkAssetsError, Stopped):
                raise
            except Exception as error:
                what = f"the generator {self._generator.name!r} raised {type(error).__name__}"
                raise kind(f"{what}, which is an error of its own") from error

        return once
