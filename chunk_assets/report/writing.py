"""Writing a film's page, one writer at a time."""

import fcntl
import os
from pathlib import Path

from chunk_assets.errors import StorageError
from chunk_assets.files.locks import lock
from chunk_assets.files.private_home import private_home
from chunk_assets.files.workdirs import film_workdir
from chunk_assets.film.plan import FilmPlan
from chunk_assets.storage.store import ObjectStore, StoredObject


def write_page(home: Path, store: ObjectStore, plan: FilmPlan) -> StoredObject:
    """Make a film's page from what is stored of it and store it, in place of the one before.

    On one machine one writer waits for the other: the page that stays was made last.

    Raises:
        StorageError, MediaError: The disk or S3 refuses it.
    """
    locks = home / "locks" / "pages"
    try:
        private_home(home)
        locks.mkdir(parents=True, exist_ok=True)
        held = lock(locks / f"{plan.video_id}.lock", fcntl.LOCK_EX)
    except OSError as error:
        message = f"{str(locks)!r} cannot be written: {error.strerror}"
        raise StorageError(message, path=str(locks)) from error
    try:
        with film_workdir(home) as workdir:
            # Its templates are of no use to whoever renders: 0.1 s of every run's start.
            from chunk_assets.report.page import write_report

            return write_report(plan, store, workdir)
    finally:
        os.close(held)
