"""How long a film has waited for its clips without any progress."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class ClipWaits:
    """The clips that a film waits for, in all its scenes; safe to use from many threads."""

    def __init__(self) -> None:
        self._count, self._moved_at = 0, time.monotonic()
        self._lock = threading.Lock()

    @contextmanager
    def waiting(self) -> Iterator[Callable[[], None]]:
        """Count the block as one wait; it yields a function to be called at any progress."""
        with self._lock:
            if not self._count:
                self._moved()
            self._count += 1
        try:
            yield self._moved
        finally:
            with self._lock:
                self._moved()
                self._count -= 1

    @property
    def idle_seconds(self) -> float:
        """Seconds since any of the clips made progress; 0 if none is waited for."""
        return time.monotonic() - self._moved_at if self._count else 0.0

    def _moved(self) -> None:
        self._moved_at = time.monotonic()
