"""Errors that are not ours and yet no bug: a full disk, a database that cannot be written."""

import errno
import sqlite3
import sys
from collections.abc import Iterator

from chunk_assets.errors import ChunkAssetsError

_OF_THE_MACHINE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO),
    *(errno.EMFILE, errno.ENFILE, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOMEM),
}

_LONG_ENOUGH = 300


def sentence(error: BaseException) -> str | None:
    """What to tell a person, or None for a bug, whose traceback is worth more.

    Dagster and SQLAlchemy wrap what they meet; what it was stands behind it.
    """
    for cause in _chain(error):
        if isinstance(cause, ChunkAssetsError):
            return str(cause)
        if isinstance(cause, sqlite3.DatabaseError):
            return _of_dagsters_database(cause)
        if _is_postgres_error(cause):
            said = " ".join(str(cause).split())[:_LONG_ENOUGH]
            return f"Dagster's storage does not answer: {said}; see chunk-assets doctor"
        if isinstance(cause, OSError) and cause.errno in _OF_THE_MACHINE:
            where = f": {cause.filename!r}" if cause.filename is not None else ""
            return f"this machine refused to go on, {cause.strerror}{where}"
        if _is_configuration_error(cause):
            return f"dagster.yaml cannot be used: {' '.join(str(cause).split())[:_LONG_ENOUGH]}"
    return None


def _of_dagsters_database(error: sqlite3.DatabaseError) -> str:
    from chunk_assets.dagster_internals import (
        damaged_databases,  # rarely needed, and no reason to start later
    )
    from chunk_assets.settings import load_settings

    settings = load_settings()
    home = (settings.dagster_home or settings.home / "dagster").resolve()
    return damaged_databases.database_sentence(home, error)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while error is not None and error not in seen:  # Dagster makes a ring of a bug in an op
        seen.append(error)
        yield error
        error = error.__cause__ or error.__context__


def _is_configuration_error(error: BaseException) -> bool:
    return _is_one_of(error, ("dagster", "DagsterInvalidConfigError"), ("yaml", "YAMLError"))


def _is_postgres_error(error: BaseException) -> bool:
    return _is_one_of(error, ("psycopg2", "OperationalError"))


def _is_one_of(error: BaseException, *kinds: tuple[str, str]) -> bool:
    # Looked up, not imported: Dagster takes seconds, and what is not there raised nothing.
    loaded = ((sys.modules[module], name) for module, name in kinds if module in sys.modules)
    return isinstance(error, tuple(getattr(module, name) for module, name in loaded))
