"""File locks (`flock`), which the kernel releases however the process that holds them ends."""

import os
import sys
from pathlib import Path
from typing import Self

from chunk_assets.errors import StorageError

if sys.platform != "win32":
    import fcntl


class FileLock:
    """A lock on a file, held from its creation until `release` or until the process ends.

    It is also a context manager. A forked child holds it too, until it ends or starts another
    program; a program that is given the descriptor (`pass_fds`) holds it as well.

    Args:
        path: The file; it and its directory are created if missing.
        shared: Allow other shared locks on the file, but no exclusive one.
        wait: Wait until the lock is free.

    Raises:
        BlockingIOError: Another process or thread holds the lock, and `wait` is false.
        StorageError: The disk refuses the file, or its file system has no locks.
    """

    def __init__(self, path: Path, *, shared: bool = False, wait: bool = True):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                operation = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
                fcntl.flock(self._descriptor, operation | (0 if wait else fcntl.LOCK_NB))
            except BaseException:
                self.release()
                raise
        except BlockingIOError:
            raise
        except OSError as error:
            raise StorageError(
                f"{str(path)!r} cannot be locked: {error.strerror}; it needs a directory of your "
                "own on a local disk",
                path=str(path),
            ) from error

    def fileno(self) -> int:
        """The descriptor of the locked file, for `pass_fds`."""
        return self._descriptor

    def release(self) -> None:
        """Release the lock; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.release()


def is_locked(path: Path) -> bool:
    """Tell whether another process or thread holds an exclusive lock on a file.

    Raises:
        StorageError: The disk refuses the file.
    """
    try:
        FileLock(path, shared=True, wait=False).release()
    except BlockingIOError:
        return True
    return False
