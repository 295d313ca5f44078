"""Processes that die at a chosen write to S3."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chunk_assets.storage.store import ObjectStore

_WRITES = frozenset({"PUT", "POST", "DELETE"})


class Killed(Exception):
    """The process is dead: nothing that it asks of S3 arrives."""


class Writes:
    """The writes of a process, which dies when it wants to write once more than allowed.

    Attributes:
        keys: The URLs' paths that were written, in order.
        is_dead: Whether it has died.
    """

    def __init__(self, allowed: int | None):
        self.keys: list[str] = []
        self.is_dead = False
        self._allowed, self._lock = allowed, threading.Lock()

    def note(self, request: Any, **_: Any) -> None:
        """Count one request to S3, before it is sent."""
        with self._lock:
            is_write = request.method in _WRITES
            if is_write and not self.is_dead and len(self.keys) == self._allowed:
                self.is_dead = True
            if self.is_dead:
                raise Killed
            if is_write:
                self.keys.append(request.url.partition("?")[0])


@contextmanager
def killed_after(store: ObjectStore, allowed: int | None) -> Iterator[Writes]:
    """Let a block write so often; None lets all its writes through."""
    writes, events = Writes(allowed), store.client.meta.events
    events.register_first("before-send.s3", writes.note)
    try:
        yield writes
    finally:
        events.unregister("before-send.s3", writes.note)
