"""Generators whose clips are rendered as jobs elsewhere: a few requests to write, and no ledger.

A package implements the requests of its provider as a `JobGenerator`. The product does the rest: it
records each job before it is asked for, holds the film's cost limit, polls, repeats what failed for
a moment, cancels, and finds the job again after a crash. docs/plugins.md is the guide.
"""

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from chunk_assets.errors import GenerationError
from chunk_assets.generation.base import (
    GeneratedClip,
    GenerationRequest,
    Generator,
    ProgressCallback,
    ignore_progress,
)
from chunk_assets.generation.context import GenerationContext
from chunk_assets.generation.job_policy import JobPolicy
from chunk_assets.generation.request_digest import request_digest
from chunk_assets.generation.stopping import NEVER, StopSignal


class LostAnswer(GenerationError):
    """A job may have been created, but the provider's answer was lost."""


class ClipGone(GenerationError):
    """The provider no longer has the clip of a job, and never will."""


@dataclass(frozen=True)
class JobState:
    """What a provider says of a job.

    Attributes:
        status: Where it is.
        progress: The fraction done, 0.0 to 1.0; None if it is not known.
        error: Why it failed, in the provider's words.
        kind: Whether another job may succeed: `transient` is asked for again; `moderated` was
            declined for its content; `final` would fail again.
        cost_usd: What was charged for it; None if the provider does not say: then a job that ran
            counts at its price, also if it failed.
        has_run: Whether it ran before it failed or was cancelled; then it may be charged.
    """

    status: Literal["waiting", "running", "succeeded", "failed", "canceled"]
    progress: float | None = None
    error: str = ""
    kind: Literal["transient", "moderated", "final"] = "final"
    cost_usd: float | None = None
    has_run: bool = True

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.status in ("succeeded", "failed", "canceled")


class JobGenerator(Generator):
    """A generator whose clips are jobs of a provider's.

    Every method may be called from several threads. A method that does not answer is abandoned when
    the run is stopped. Raise `Unavailable` or `TimedOut` for what may work in a moment, and
    `Rejected` for what will not. Secrets belong in no message.

    Args:
        context: The film, the deployment and the run's choices.
        policy: Timeouts and intervals.
    """

    keeps_ledger = True

    can_find_jobs: ClassVar[bool] = False
    """Whether `find_job` works. Without it, a job whose answer was lost counts at its price."""

    def __init__(self, context: GenerationContext, policy: JobPolicy | None = None):
        from chunk_assets.generation.job_attempts import JobAttempts  # it imports this module

        self._ledger = context.ledger
        self._attempts = JobAttempts(self, context, policy or JobPolicy())

    @abstractmethod
    def submit(self, request: GenerationRequest, workdir: Path, key: str) -> str:
        """Ask for a job, once, and return its id.

        Args:
            request: What to render.
            workdir: A directory for files that are needed for it.
            key: A random name of ours for the job, for providers that accept one.

        Raises:
            LostAnswer: The job may have been created.
            GenerationError: It was certainly not created.
        """

    @abstractmethod
    def job(self, job_id: str) -> JobState:
        """Return the state of a job.

        Raises:
            GenerationError: It is not known at present.
        """

    @abstractmethod
    def save_clip(self, job_id: str, path: Path) -> None:
        """Save the clip of a job that succeeded; `path` does not exist.

        Raises:
            ClipGone: The provider no longer has it.
            GenerationError: It cannot be fetched now.
        """

    @abstractmethod
    def cancel(self, job_id: str) -> None:
        """Cancel a job; one that has ended stays as it is.

        Raises:
            GenerationError: It is not known whether it is cancelled.
        """

    def find_job(self, key: str) -> str | None:
        """Return the id of the job with our name; None if there certainly is none.

        Raises:
            GenerationError: It cannot be said at present.
        """
        raise GenerationError(f"the generator {self.name!r} cannot find jobs by their names")

    def generate(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback = ignore_progress,
        stop: StopSignal = NEVER,
    ) -> GeneratedClip:
        """Render one clip, or fetch the one that is paid for already.

        Raises:
            Declined: The provider declines the content.
            OverBudget: The clip would exceed the film's cost limit.
            GenerationError: There is no clip; the ledger has the jobs.
        """
        self.check_ready()
        return self._attempts.clip(request, workdir, on_progress, stop)

    def request_of(self, request: GenerationRequest) -> str:
        """Return the request's digest."""
        return request_digest(self.model, request)

    def original_stored(self, chunk_num: int, clip: GeneratedClip, sha256: str) -> None:
        """Record in the ledger that the clip is fetched."""
        self._ledger.record_kept(chunk_num, clip.prediction_id, sha256)
