"""Suppress warnings while pictures are read, on any number of threads."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_readers = 0
_outside = warnings.catch_warnings()


@contextmanager
def ignore_warnings() -> Iterator[None]:
    """Ignore warnings. `warnings.catch_warnings` alone restores them too early with two threads."""
    global _outside, _readers
    with _lock:
        _readers += 1
        if _readers == 1:
            _outside = warnings.catch_warnings()
            _outside.__enter__()
            warnings.simplefilter("ignore")
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if _readers == 0:
                _outside.__exit__(None, None, None)
