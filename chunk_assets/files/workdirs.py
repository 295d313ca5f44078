"""Directories to work in, which do not stay on the disk when their process is killed.

::

    {home}/work/lock             held for the moment in which a directory is made or taken away
    {home}/work/{random}/lock    held for as long as its process works there
    {home}/work/{random}/files   what it works on

The locks are `flock`s, which the kernel releases however their holder ends: a directory whose lock
is free belongs to nobody, and whoever makes the next one takes it away. They lie in `home` and not
in the system's temporary directory, where nobody would look for them again: a film's chunks can be
gigabytes, and `/tmp` is memory on many machines.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from chunk_assets.errors import StorageError
from chunk_assets.files.locks import lock
from chunk_assets.files.private_home import private_home

LOCK = "lock"


@contextmanager
def film_workdir(home: Path) -> Iterator[Path]:
    """An empty directory of this process alone, gone after the block.

    What killed processes left in `home` is removed first. Any number of processes, and of threads
    in them, may have one each at a time.

    Args:
        home: Where `work/` is, or shall be made.

    Raises:
        StorageError: The disk refuses it.
    """
    root = Path(home).absolute() / "work"
    try:
        private_home(root.parent)
        root.mkdir(exist_ok=True)
        directory, held = _make(root)
    except OSError as error:
        message = f"no directory to work in can be made in {str(root)!r}: {error.strerror}"
        raise StorageError(message, path=str(root)) from error
    try:
        yield directory / "files"
    finally:
        shutil.rmtree(directory, ignore_errors=True)  # what cannot be removed now, the next one may
        os.close(held)


def _make(root: Path) -> tuple[Path, int]:
    """A directory and the lock on it, made while nobody may take it for abandoned."""
    making = lock(root / LOCK, fcntl.LOCK_EX)
    try:
        _remove_abandoned(root)
        directory = Path(tempfile.mkdtemp(dir=root))  # for its owner's eyes only
        try:
            (directory / "files").mkdir()
            return directory, lock(directory / LOCK, fcntl.LOCK_EX)
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise
    finally:
        os.close(making)


def _remove_abandoned(root: Path) -> None:
    for directory in root.iterdir():
        # One that is in use is left alone, as is one that is being removed under our eyes.
        with suppress(OSError):
            os.close(lock(directory / LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB))
            shutil.rmtree(directory, ignore_errors=True)
