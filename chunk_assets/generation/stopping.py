"""Stop signals, and waits that end when one is set: for answers, and between two attempts."""

import queue
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any, TypeVar

from chunk_assets.errors import Stopped

_T = TypeVar("_T")

_MOMENT = 0.25
"""Longest interval between two checks of a stop signal, in seconds."""

_AHEAD = 8
"""Limit on the items that `streamed` produces ahead of its consumer."""


class StopSignal:
    """Tells generators to stop; safe to use from many threads.

    A subclass that must poll for the stop overrides `is_set`.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._reason: BaseException | None = None
        self._lock = threading.Lock()

    def set(self, reason: BaseException | None = None) -> None:
        """Stop, for `reason`; only the first call counts."""
        with self._lock:
            if not self._event.is_set():
                self._reason = reason
                self._event.set()

    def is_set(self) -> bool:
        """Return whether to stop."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep until the signal is set, for at most `seconds`, and return whether it is set."""
        end = time.monotonic() + seconds
        while not self.is_set():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self._event.wait(min(left, _MOMENT))
        return True

    def raise_if_set(self) -> None:
        """Raise the reason, or `Stopped` if none was given, once the signal is set."""
        if self.is_set():
            raise self._reason or Stopped


NEVER = StopSignal()
"""The signal for a caller that never stops; nothing sets it."""


def pause(seconds: float, stop: StopSignal) -> None:
    """Sleep, and raise as `stop` does as soon as it is set."""
    stop.wait(seconds)
    stop.raise_if_set()


def answered(
    call: Callable[[], _T], *, seconds: float | None = None, stop: StopSignal = NEVER
) -> _T:
    """Return what `call` returns, or raise what it raises.

    When `stop` is set, or the call takes too long, it is abandoned on its own thread.

    Raises:
        TimeoutError: It takes longer than `seconds`.
    """

    def once() -> Generator[_T, None, None]:
        yield call()

    with closing(streamed(once, seconds=seconds, stop=stop)) as answers:
        return next(answers)


def streamed(
    produce: Callable[[], Generator[_T, None, None]],
    *,
    seconds: float | None = None,
    stop: StopSignal = NEVER,
) -> Generator[_T, None, None]:
    """Yield what `produce` yields on a thread of its own, which also closes it.

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
        except BaseException as error:  # raised in the waiting thread
            offer(error)

    stop.raise_if_set()
    # A daemon, so that the process can end before the answer arrives.
    threading.Thread(target=run, name="asking Replicate", daemon=True).start()
    began = time.monotonic()
    try:
        while True:
            try:
                item = came.get(timeout=_MOMENT)
            except queue.Empty:
                item = ()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            if item:
                yield item[0]
            elif seconds is not None and time.monotonic() - began > seconds:
                raise TimeoutError
            stop.raise_if_set()
    finally:
        is_left.set()
