"""Retries: which errors, how often, how long, and with which waits."""

import pytest

from chunk_assets.errors import Rejected, TimedOut, Unavailable
from chunk_assets.retry import RetryPolicy, retry


class Calls:
    """Something that fails some times, then succeeds; no wait takes time."""

    def __init__(self, *errors: Exception):
        self.errors, self.count = list(errors), 0
        self.sentences, self.waits = list[str](), list[float]()

    def once(self) -> str:
        self.count += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    def run(self, **policy: float) -> str:
        return retry(
            self.once,
            RetryPolicy(**policy),  # type: ignore[arg-type] - the numbers are as a test has them
            on_retry=self.sentences.append,
            pause=self.waits.append,
        )


def test_transient_errors_are_retried_with_growing_waits():
    """Each wait is twice the one before, plus up to the first wait of jitter."""
    calls = Calls(Unavailable("busy"), TimedOut("slow"), Unavailable("busy"))
    assert calls.run(wait_initial=2) == "done"
    first, second, third = calls.waits
    assert 2 <= first <= 4
    assert 4 <= second <= 6
    assert 8 <= third <= 10
    assert calls.sentences[1].startswith("slow; attempt 3 of 6 in ")


def test_a_server_s_wait_counts_up_to_the_longest():
    """`retry_after` replaces the usual wait; `wait_max` limits it."""
    calls = Calls(Unavailable("busy", retry_after=7.0), Unavailable("busy", retry_after=900.0))
    assert calls.run() == "done"
    assert 7 <= calls.waits[0] <= 7.5
    assert calls.waits[1] == 30


def test_the_last_error_is_raised():
    """After the last attempt, or where the next would begin too late."""
    calls = Calls(*[Unavailable(f"busy {number}") for number in range(9)])
    with pytest.raises(Unavailable, match="busy 2"):
        calls.run(attempts=3)
    late = Calls(Unavailable("busy", retry_after=20.0))
    with pytest.raises(Unavailable):
        late.run(seconds=10)
    assert late.waits == []


def test_other_errors_are_not_retried():
    """A refusal stays one."""
    calls = Calls(Rejected("no"))
    with pytest.raises(Rejected):
        calls.run()
    assert calls.count == 1
