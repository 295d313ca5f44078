"""Timeouts and intervals of jobs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class JobPolicy:
    """When to give up a job.

    Attributes:
        max_seconds: Timeout of a job, including the provider's queue.
        jobs: Jobs for one clip before giving up.
        first_poll_seconds: Seconds before the second poll; each following wait is 1.5 times longer.
        longest_poll_seconds: Longest wait between two polls.
        foreign_seconds: How long another process may take to ask for the job of its intent.
        silent_seconds: How long the provider may not respond.
        fetch_seconds: How long to retry the download of a clip that is paid for.
        cancel_seconds: How long a stopped run waits for a cancellation to be confirmed.
    """

    max_seconds: float = 1800.0
    jobs: int = 3
    first_poll_seconds: float = 0.5
    longest_poll_seconds: float = 3.0
    foreign_seconds: float = 150.0
    silent_seconds: float = 300.0
    fetch_seconds: float = 60.0
    cancel_seconds: float = 2.0
