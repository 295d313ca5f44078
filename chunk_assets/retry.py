"""Retry transient failures: how often, for how long, and with which waits."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

from chunk_assets.errors import ChunkAssetsError, TimedOut, Unavailable

_T = TypeVar("_T")

OnRetry = Callable[[str], None]
"""Called before each retry with one sentence: what failed, and when the next attempt begins."""


def ignore_retries(_sentence: str) -> None:
    """Do nothing: the callback of a caller that does not report retries."""


@dataclass(frozen=True)
class RetryPolicy:
    """When to give up.

    Attributes:
        attempts: Number of attempts in total; None for no limit.
        seconds: No attempt begins later than this after the first one.
        wait_initial: Seconds before the second attempt; doubled each time, plus up to
            `wait_initial` of jitter.
        wait_max: Longest wait between two attempts, whatever the server asks for.
    """

    attempts: int | None = 6
    seconds: float = 300
    wait_initial: float = 0.5
    wait_max: float = 30


def retry(
    call: Callable[[], _T],
    policy: RetryPolicy,
    *,
    on: tuple[type[ChunkAssetsError], ...] = (Unavailable, TimedOut),
    on_retry: OnRetry = ignore_retries,
    pause: Callable[[float], None] = time.sleep,
) -> _T:
    """Return what `call` returns, retrying while it raises one of the errors `on`.

    An error's `data["retry_after"]`, in seconds, takes the place of the usual wait.

    Args:
        call: What to do; it must be safe to repeat after such an error.
        policy: When to give up.
        on: The transient errors.
        on_retry: Told about each retry.
        pause: Waits for some seconds; may raise to end the retries.

    Raises:
        ChunkAssetsError: The last attempt's error.
    """
    end = time.monotonic() + policy.seconds
    for attempt in count(1):
        try:
            return call()
        except on as error:
            wait = error.data.get("retry_after")
            if not isinstance(wait, float):
                # The exponent is limited: a float holds no more than 2 ** 1023.
                wait = policy.wait_initial * 2 ** min(attempt - 1, 30)
            # Jitter, so that films told to retry in 30 s do not all retry at once.
            wait += random.uniform(0, policy.wait_initial)  # noqa: S311 - guards nothing
            wait = min(wait, policy.wait_max)
            if attempt == policy.attempts or time.monotonic() + wait > end:
                raise
            of = f" of {policy.attempts}" if policy.attempts else ""
            on_retry(f"{error}; attempt {attempt + 1}{of} in {wait:.1f} s")
        pause(wait)
    raise AssertionError("the loop has no end")
