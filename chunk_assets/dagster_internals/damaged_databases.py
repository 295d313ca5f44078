"""Damage to Dagster's SQLite files: which file, and what to do about it.

Dagster's errors repeat SQLite's, which name no file. Films do not depend on these files: moving
them away loses the history of runs only, since everything on S3 is found again.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from chunk_assets.errors import StorageError

_MAIN = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100


def check_databases(home: Path) -> None:
    """Check the headers and table names of the main files, in a few milliseconds.

    Raises:
        StorageError: A file is damaged.
    """
    for name in _MAIN:
        if damage := _damage(home / name, is_thorough=False):
            raise StorageError(_damaged(home, home / name, damage), path=str(home / name))


def database_sentence(home: Path, error: BaseException) -> str:
    """Explain an SQLite error to a person; reads every file whole, so only use it on failure."""
    message = " ".join(str(error).split())
    for path in _all(home):
        if found := _damage(path, is_thorough=True):
            return _damaged(home, path, found)
    where = f"Dagster's storage in {str(home)!r}"
    if "locked" in message or "busy" in message:
        return f"{where} is locked by another process ({message}): wait for it, or end it"
    if "readonly" in message or "read-only" in message or "unable to open" in message:
        return f"{where} cannot be used: {message}; check that all of its files are writable"
    if "no such column" in message or "no such table" in message:
        return (
            f"{where} was written by another version of Dagster ({message}): run 'dagster instance "
            f"migrate', or {_move_away(home)}"
        )
    return (
        f"{where} cannot be used: {message}; check that the disk of CHUNK_ASSETS_HOME is writable "
        "and has space"
    )


def _damaged(home: Path, path: Path, damage: str) -> str:
    return f"Dagster's database {str(path)!r} is damaged ({damage}): {_move_away(home)}"


def _move_away(home: Path) -> str:
    return (
        f"move the directory {str(home)!r} away; this is safe, since films and costs are on S3 and "
        "only the history of runs is lost"
    )


def _all(home: Path) -> Iterator[Path]:
    main = [home / name for name in _MAIN]
    yield from main
    yield from (path for path in sorted(home.glob("history/runs/*.db")) if path not in main)


def _damage(path: Path, *, is_thorough: bool) -> str:
    """Return what is wrong with a file; empty if nothing is, or the file is missing."""
    if path.is_dir():
        return "it is a directory"
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
        size = path.stat().st_size
    except OSError:  # missing, or not readable: Dagster reports it when it opens the file
        return ""
    if not header:
        return ""  # as good as missing: Dagster creates its tables
    if not header.startswith(_MAGIC):
        return "it is not an SQLite database"
    page = int.from_bytes(header[16:18]) or 1
    pages = int.from_bytes(header[28:32])
    expected = pages * (65_536 if page == 1 else page)
    if len(header) < _HEADER_BYTES or size < expected:
        return f"it is cut off: it has {size} of {expected} bytes"
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=1)
        with closing(connection):
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            found = connection.execute("PRAGMA quick_check(1)").fetchone() if is_thorough else None
    except sqlite3.OperationalError:  # locked or not readable, which is not damage
        return ""
    except sqlite3.DatabaseError as error:
        return str(error)
    return " ".join(str(found[0]).split()) if found and found[0] != "ok" else ""
