"""The example's service as the contract of chunk_assets.testing wants it."""

from chunk_assets.generation.context import GenerationContext
from chunk_assets.generation.job_policy import JobPolicy
from chunk_assets.testing import Backend
from chunk_assets_example.generator import ExampleGenerator
from chunk_assets_example.service import Service

POLICY = JobPolicy(
    first_poll_seconds=0.02,
    longest_poll_seconds=0.1,
    foreign_seconds=1.0,
    silent_seconds=2.0,
    fetch_seconds=1.0,
)


class ExampleBackend(Backend):
    """The service, with what can go wrong there."""

    def __init__(self, service: Service):
        self._service = service
        self.secrets = (service.token,)

    def generator(self, context: GenerationContext) -> ExampleGenerator:
        """Return a new process's generator."""
        return ExampleGenerator(context, self._service.url, self._service.token, POLICY)

    def jobs(self) -> int:
        """Return the number of jobs."""
        return len(self._service.jobs)

    def running(self) -> int:
        """Return how many run."""
        return sum(job.status == "running" for job in self._service.jobs)

    def billed_usd(self) -> float:
        """Return what they cost."""
        return self._service.billed_usd

    def requests(self) -> int:
        """Return how many requests came."""
        return self._service.requests

    def takes(self, seconds: float) -> None:
        """Let the next job take so long."""
        self._service.seconds = seconds

    def fails(self, times: int) -> None:
        """Let the next jobs fail for a moment."""
        self._service.failures += [("the machine was busy", True)] * times

    def fails_for_good(self) -> None:
        """Let the next job fail for good."""
        self._service.failures.append(("the picture has no colours", False))

    def loses_answer(self) -> None:
        """Lose the next answer."""
        self._service.loses = 1

    def damages_clip(self) -> None:
        """Cut the next clip in half."""
        self._service.cuts = 1

    def deletes_clips(self) -> None:
        """Delete all clips."""
        for job in self._service.jobs:
            job.is_deleted = True
