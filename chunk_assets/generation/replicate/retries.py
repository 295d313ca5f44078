"""How often and how long what may pass is tried again, for the API and for downloads."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import stamina
import stamina.instrumentation

from chunk_assets.errors import TimedOut, Unavailable
from chunk_assets.generation.stopping import NEVER, StopSignal, pause

T = TypeVar("T")
OnRetry = Callable[[str], None]
"""Called with one sentence before each repetition: what failed, and what follows when."""

# Each retry is told to the caller's `on_retry`; stamina's own hook would print it to stdout as
# well wherever structlog is installed, in the middle of a progress bar.
stamina.instrumentation.set_on_retry_hooks(())


class LostAnswer(Unavailable):
    """A request that may have created a prediction was sent, and its answer is lost.

    Asking again could pay twice: look for the prediction first (`ReplicateApi.created_since`).
    """


def ignore_retries(_sentence: str) -> None:
    """The callback of a caller that does not listen."""


@dataclass(frozen=True)
class RetryPolicy:
    """When to give up.

    Attributes:
        attempts: Tries in all.
        seconds: No repetition begins later than this after the first try.
        wait_initial: Seconds before the second try; they double from try to try.
        wait_max: Seconds between two tries at most, whatever the server asks for.
    """

    attempts: int = 6
    seconds: float = 300
    wait_initial: float = 0.5
    wait_max: float = 30


def retry(
    call: Callable[[], T], policy: RetryPolicy, on_retry: OnRetry, stop: StopSignal = NEVER
) -> T:
    """Return what `call` returns, trying again while it raises `Unavailable` or `TimedOut`.

    An error's `data["retry_after"]`, in seconds, is waited for. `LostAnswer` is never repeated.
    When `stop` is set, its reason is raised.

    Raises:
        GenerationError: The last one, once there are no more tries.
    """
    end = time.monotonic() + policy.seconds
    tries, to_wait = 0, 0.0

    def wait(error: Exception) -> float | bool:
        nonlocal tries, to_wait
        tries += 1
        if not isinstance(error, Unavailable | TimedOut) or isinstance(error, LostAnswer):
            return False
        if tries >= policy.attempts:
            return False
        said = error.data.get("retry_after")
        seconds = said if isinstance(said, float) else policy.wait_initial * 2 ** (tries - 1)
        # Many films that are told to come back in 30 s shall not all come at once.
        seconds += random.uniform(0, policy.wait_initial)  # noqa: S311 - guards nothing
        seconds = min(seconds, policy.wait_max)
        if time.monotonic() + seconds > end:
            return False
        on_retry(f"{error}; try {tries + 1} of {policy.attempts} follows in {seconds:.1f} s")
        to_wait = seconds
        return 0.0  # stamina's own sleep would not end with `stop`

    for attempt in stamina.retry_context(on=wait, attempts=policy.attempts, timeout=None):
        with attempt:
            pause(0 if stamina.is_testing() else to_wait, stop)
            return call()
    raise AssertionError("stamina tries at least once")
