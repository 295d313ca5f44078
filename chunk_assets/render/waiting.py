"""How long a film has only waited: none of its clips is being rendered."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class ClipWaits:
    """The clips that a film waits for, in all its scenes; safe to use from many threads."""

    def __init__(self) -> None:
        self._waiting, self._rendered = 0, 0
        self._since, self._lock = time.monotonic(), threading.Lock()

    @contextmanager
    def waiting(self) -> Iterator["ClipWait"]:
        """Count the block as one clip, which waits for its turn until something else is noted."""
        wait = ClipWait(self)
        self.change(waiting=1)
        try:
            yield wait
        finally:
            wait.note(is_rendered=False)
            self.change(waiting=-1)

    @property
    def idle_seconds(self) -> float:
        """How long clips have waited for their turn while none was rendered, in seconds."""
        with self._lock:
            is_idle = self._waiting and not self._rendered
            return time.monotonic() - self._since if is_idle else 0.0

    def change(self, *, waiting: int = 0, rendered: int = 0) -> None:
        """Count clips that begin or end to be waited for, or to be rendered."""
        with self._lock:
            if not self._waiting or rendered or waiting < 0:
                self._since = time.monotonic()
            self._waiting += waiting
            self._rendered += rendered


class ClipWait:
    """One clip that is waited for."""

    def __init__(self, waits: ClipWaits):
        self._waits, self._is_rendered = waits, False

    def note(self, *, is_rendered: bool) -> None:
        """Note whether the clip is being rendered, or waits for its turn (again)."""
        if is_rendered != self._is_rendered:
            self._is_rendered = is_rendered
            self._waits.change(rendered=1 if is_rendered else -1)
