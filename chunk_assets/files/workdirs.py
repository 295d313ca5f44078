"""Work directories, which are removed even if their process was killed.

::

    {home}/work/lock             held while a directory is created or removed
    {home}/work/{random}/lock    held as long as its process works there
    {home}/work/{random}/files   the work directory

The locks are released by the kernel however a process ends, so a directory whose lock is free is
abandoned, and the next process removes it. They are in the home rather than in the system's
temporary directory: a film's chunks can be gigabytes, and `/tmp` is memory on many machines.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from chunk_assets.errors import StorageError
from chunk_assets.files.locks import FileLock
from chunk_assets.files.private_home import private_home

LOCK = "lock"


@contextmanager
def film_workdir(home: Path) -> Iterator[Path]:
    """Yield an empty directory for this process alone, removed after the block.

    Directories of killed processes are removed first. Any number of processes and threads may have
    one each at the same time.

    Args:
        home: The parent of `work/`, created if missing.

    Raises:
        StorageError: The disk refuses it.
    """
    root = Path(home).absolute() / "work"
    private_home(root.parent)
    try:
        directory, lock = _create(root)
    except OSError as error:
        message = f"no work directory can be created in {str(root)!r}: {error.strerror}"
        raise StorageError(message, path=str(root)) from error
    try:
        yield directory / "files"
    finally:
        shutil.rmtree(directory, ignore_errors=True)  # the next process removes what is left
        lock.release()


def _create(root: Path) -> tuple[Path, FileLock]:
    with FileLock(root / LOCK):  # so that no other process sees the directory unlocked
        _remove_abandoned(root)
        directory = Path(tempfile.mkdtemp(dir=root))  # private to its owner
        try:
            (directory / "files").mkdir()
            return directory, FileLock(directory / LOCK)
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise


def _remove_abandoned(root: Path) -> None:
    for directory in root.iterdir():
        # One that is in use, or is being removed by its own process, is left alone.
        with suppress(OSError, StorageError):
            FileLock(directory / LOCK, wait=False).release()
            shutil.rmtree(directory, ignore_errors=True)
