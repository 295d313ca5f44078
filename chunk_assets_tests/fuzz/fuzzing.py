"""Running examples of hypothesis for a stated time; the property that all of them share.

Each test runs for some seconds with the others, and for minutes under the marker `fuzz`. The
examples are others each time. A failure is shrunk, and says which seed finds it again:
`FUZZ_SEED=… pytest …`.
"""

import os
import resource
import secrets
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

import hypothesis
import pytest
from hypothesis import strategies as st

from chunk_assets.errors import ChunkAssetsError

T = TypeVar("T")

SEED = "FUZZ_SEED"

LONG = 600.0
"""Seconds a test takes under the marker."""

EXAMPLES = 40
"""The fewest examples of one seed, whatever the time."""

MAX_MEGABYTES = 700
"""By how much all examples of one test may raise what the process takes at most."""

_SETTINGS = hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,  # processor time is measured instead, which a busy machine does not change
    database=None,
    print_blob=True,
    suppress_health_check=[
        hypothesis.HealthCheck.too_slow,
        hypothesis.HealthCheck.data_too_large,
        hypothesis.HealthCheck.filter_too_much,
        hypothesis.HealthCheck.large_base_example,
    ],
)


def fuzzing(seconds: float) -> pytest.MarkDecorator:
    """Give a test its `seconds`: these, and many more under the marker `fuzz`."""
    long = pytest.param(LONG, marks=[pytest.mark.fuzz, pytest.mark.timeout(LONG + 600)], id="long")
    return pytest.mark.parametrize("seconds", [pytest.param(seconds, id="short"), long])


def fuzz(
    strategy: st.SearchStrategy[T],
    check: Callable[[T], Any],
    seconds: float,
    *,
    each: float = 10,
) -> None:
    """Check examples until the time is over.

    Args:
        strategy: What examples are made by.
        check: Called with each; what it raises is a failure.
        seconds: The time.
        each: Seconds of processor time that one example may take.
    """

    def timed(example: T) -> None:
        began = time.process_time()
        check(example)
        took = time.process_time() - began
        assert took < each, f"one example takes {took:.1f} s of processor time"

    first = int(os.environ.get(SEED) or secrets.randbits(32))
    memory, end, seed = _peak_megabytes(), time.monotonic() + seconds, first
    while seed == first or time.monotonic() < end:
        given = hypothesis.seed(seed)(_SETTINGS(hypothesis.given(strategy)(timed)))
        try:
            given()
        except BaseException as error:
            error.add_note(f"{SEED}={seed} finds it again")
            raise
        seed += 1
    grown = _peak_megabytes() - memory
    assert grown < MAX_MEGABYTES, f"{grown} MB more than before: {SEED}={first}"


def sentence_of(call: Callable[[], Any]) -> str:
    """What is said by a call that may fail by our own errors only; "" where it succeeds."""
    try:
        call()
    except ChunkAssetsError as error:
        message = str(error)
        assert message
        assert message.isprintable(), f"no line for a terminal: {message!r}"
        assert len(message) < 2000, f"no sentence, but {len(message)} characters"
        return message
    return ""


def _peak_megabytes() -> int:
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit
