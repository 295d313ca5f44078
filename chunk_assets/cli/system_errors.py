"""Describe errors of the machine that are not bugs: a full disk, a read-only database."""

import errno
import sqlite3
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from chunk_assets.errors import ChunkAssetsError

if TYPE_CHECKING:  # it imports pydantic, which `--help` does not need
    from chunk_assets.settings import Settings

_OF_THE_MACHINE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO),
    *(errno.EMFILE, errno.ENFILE, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOMEM),
}

_LONGEST_REASON = 300
"""Limit in characters on the text of a library."""


def sentence(error: BaseException, settings: "Settings | None") -> str | None:
    """Describe an error in one sentence; None for a bug, whose traceback says more.

    Dagster and SQLAlchemy wrap errors, so the causes are searched too.
    """
    for cause in _chain(error):
        if isinstance(cause, ChunkAssetsError):
            return str(cause)
        if isinstance(cause, sqlite3.DatabaseError) and settings is not None:
            from chunk_assets.dagster_internals import damaged_databases  # rarely needed

            home = (settings.dagster_home or settings.home / "dagster").resolve()
            return damaged_databases.database_sentence(home, cause)
        if _is_postgres_error(cause):
            said = " ".join(str(cause).split())[:_LONGEST_REASON]
            return f"Dagster's storage does not answer: {said}; run 'chunk-assets doctor'"
        if isinstance(cause, OSError) and cause.errno in _OF_THE_MACHINE:
            where = f": {cause.filename!r}" if cause.filename is not None else ""
            return f"operating system error: {cause.strerror}{where}"
        if _is_configuration_error(cause):
            return f"dagster.yaml cannot be used: {' '.join(str(cause).split())[:_LONGEST_REASON]}"
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while error is not None and error not in seen:  # Dagster's op errors may form a cycle
        seen.append(error)
        yield error
        error = error.__cause__ or error.__context__


def _is_configuration_error(error: BaseException) -> bool:
    return _is_one_of(error, ("dagster", "DagsterInvalidConfigError"), ("yaml", "YAMLError"))


def _is_postgres_error(error: BaseException) -> bool:
    return _is_one_of(error, ("psycopg2", "OperationalError"))


def _is_one_of(error: BaseException, *kinds: tuple[str, str]) -> bool:
    # Not imported here: Dagster takes seconds, and a module that is not loaded raised nothing.
    loaded = ((sys.modules[module], name) for module, name in kinds if module in sys.modules)
    return isinstance(error, tuple(getattr(module, name) for module, name in loaded))
