"""Writing a film's page, one writer at a time."""

from pathlib import Path

from chunk_assets.files.locks import FileLock
from chunk_assets.files.private_home import private_home
from chunk_assets.files.workdirs import film_workdir
from chunk_assets.film.plan import FilmPlan
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject


def write_page(home: Path, store: ObjectStore, plan: FilmPlan) -> StoredObject:
    """Make a film's page from what is stored of it and store it, in place of the one before.

    On one machine one writer waits for the other: the page that stays was made last.

    Raises:
        StorageError, MediaError: The disk or S3 refuses it.
    """
    private_home(home)
    with (
        FileLock(home / "locks" / "pages" / f"{plan.video_id}.lock"),
        film_workdir(home) as workdir,
    ):
        # Imported here: its templates would add 0.1 s to the start of every run.
        from chunk_assets.report.page import write_report

        return write_report(plan, store, workdir)
