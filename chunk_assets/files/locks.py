"""File locks (`flock`), which the kernel releases however their holder ends."""

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl


def lock(path: Path, operation: int) -> int:
    """The descriptor of `path`, made if need be, with this `flock` on it.

    Raises:
        BlockingIOError: `LOCK_NB` was asked for, and somebody's lock forbids it.
        OSError: The file cannot be opened, or its file system knows no locks.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, operation)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
