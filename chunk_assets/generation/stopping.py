"""Waits that end when the run is stopped: for answers, and between two tries.

A film's chunks are made on a thread that no signal interrupts: it learns of a stop from the
progress callback, which raises it. Nothing in here waits for longer than a moment without a call
of that.
"""

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from chunk_assets.generation.base import ProgressCallback

_T = TypeVar("_T")

_MOMENT = 0.25
"""Seconds between two looks at whether the run is stopped."""

_AHEAD = 8
"""Parts of an answer that are kept until they are taken."""

_check: ContextVar[Callable[[], None]] = ContextVar("_check", default=lambda: None)


@contextmanager
def stopped_by(on_progress: ProgressCallback) -> Iterator[ProgressCallback]:
    """Let every wait in the block, on this thread, end with what `on_progress` raises.

    Yields the callback to use in its place, so that a wait can repeat the last fraction.
    """
    last = 0.0

    def remembering(fraction: float) -> None:
        nonlocal last
        last = fraction
        on_progress(fraction)

    token = _check.set(lambda: on_progress(last))
    try:
        yield remembering
    finally:
        _check.reset(token)


def pause(seconds: float) -> None:
    """Sleep, and end at once when the run is stopped."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, _MOMENT))
        _check.get()()


def answered(call: Callable[[], _T], seconds: float) -> _T:
    """Return what `call` returns, or raise what it raises.

    When the run is stopped, or it takes too long, `call` is left behind on its own thread.

    Raises:
        TimeoutError: It takes longer than `seconds`.
    """

    def once() -> Generator[_T, None, None]:
        yield call()

    with closing(streamed(once, seconds)) as answers:
        return next(answers)


def streamed(
    produce: Callable[[], Generator[_T, None, None]], seconds: float | None = None
) -> Generator[_T, None, None]:
    """Yield what `produce` yields, on a thread of its own, which also closes it.

    Raises:
        TimeoutError: It takes longer than `seconds`.
    """
    came: queue.Queue[Any] = queue.Queue(_AHEAD)
    is_left = threading.Event()

    def offer(item: Any) -> None:
        while not is_left.is_set():
            try:
                came.put(item, timeout=_MOMENT)
            except queue.Full:
                continue
            return

    def run() -> None:
        try:
            with closing(produce()) as items:
                for item in items:
                    offer((item,))
                    if is_left.is_set():
                        return
            offer(None)
        except BaseException as error:  # it is raised where the answer is waited for
            offer(error)

    # A daemon: the process may end while an answer is still to come.
    threading.Thread(target=run, name="asking Replicate", daemon=True).start()
    began = checked = time.monotonic()
    try:
        while True:
            try:
                item = came.get(timeout=_MOMENT)
            except queue.Empty:
                item = ()
            if time.monotonic() - checked > _MOMENT / 2:
                _check.get()()
                checked = time.monotonic()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            if item:
                yield item[0]
            elif seconds is not None and time.monotonic() - began > seconds:
                raise TimeoutError
    finally:
        is_left.set()
