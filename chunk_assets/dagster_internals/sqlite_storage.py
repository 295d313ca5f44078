"""Dagster's SQLite storage, with engines and connections kept from one statement to the next.

Dagster's own creates an engine for every statement, which compiles the SQL again, opens the file
and closes it; and each time it opens a storage, Alembic reads the migration history of its tables
from ninety files. In a run of 15 chunks that takes 0.7 and 0.2 s of processor time. The files and
their tables stay the same, so that either storage opens what the other has written.
"""

import os
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.script import ScriptDirectory

# Breaks when one of these, or a method overridden below, moves or changes: homes whose
# `dagster.yaml` names `KeptSqliteStorage` cannot be opened. All of them work with Dagster's own
# storage instead; then let `KeptSqliteStorage` be `DagsterSqliteStorage`.
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from sqlalchemy import create_engine
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.event import listen
from sqlalchemy.pool import NullPool, QueuePool

from chunk_assets.dagster_internals.plugin_types import ConfigurableClassData
from chunk_assets.files.private_home import write_privately

_OPTIONS: dict[str, Any] = {"timeout": 30, "check_same_thread": False}
"""Options of a connection. As in Dagster, a statement waits 30 s while another process writes."""


class KeptSqliteStorage(DagsterSqliteStorage):
    """The storage that `dagster.yaml` names; its files are those of Dagster's default."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None):
        super(DagsterSqliteStorage, self).__init__()  # its own would open Dagster's storages
        self.base_dir, self._inst_data = base_dir, inst_data
        write_privately()  # also in the processes of a plain `dagster dev`
        history = Path(base_dir, "history")
        self._run_storage = _Runs.from_local(str(history))
        self._event_log_storage = _Events(str(history / "runs"))
        self._schedule_storage = SqliteScheduleStorage.from_local(str(Path(base_dir, "schedules")))

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "KeptSqliteStorage":
        """Create the storage; called by Dagster."""
        return cls(inst_data=inst_data, **config_value)


class _Runs(SqliteRunStorage):
    """The runs: one file, with one connection to it."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None):
        self._engine = _kept_engine(conn_string)
        super().__init__(conn_string, inst_data)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            yield connection

    def dispose(self) -> None:
        self._engine.dispose()
        super().dispose()


class _Events(SqliteEventLogStorage):
    """The events: a file for each run, and an index of all runs.

    The connection to the index stays open. That to a run's file does not: Dagit watches the file,
    which SQLite writes when its last connection is closed. One engine serves the files of all runs.
    """

    def __init__(self, base_dir: str):
        self._index: Engine | None = None
        self._run_file = ""
        self._runs = create_engine("sqlite://", poolclass=NullPool, creator=self._open_run_file)
        listen(self._runs, "connect", _set_pragmas)
        super().__init__(base_dir)

    def _open_run_file(self) -> sqlite3.Connection:
        return sqlite3.connect(self._run_file, **_OPTIONS)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def _engine(self, shard: str) -> Engine:
        if shard != INDEX_SHARD_NAME:
            self._run_file = self.path_for_shard(shard)
            return self._runs
        if self._index is None:
            self._index = _kept_engine(self.conn_string_for_shard(shard))
        return self._index

    def dispose(self) -> None:
        if self._index is not None:
            self._index.dispose()
        super().dispose()


_histories: dict[str, ScriptDirectory] = {}
_read_history = ScriptDirectory.from_config


def _history(config: Config) -> ScriptDirectory:
    """Return a migration history, read once per process."""
    location = config.get_main_option("script_location") or ""
    if location not in _histories:
        _histories[location] = _read_history(config)
    return _histories[location]


ScriptDirectory.from_config = _history  # type: ignore[method-assign]

_kept: "weakref.WeakSet[Engine]" = weakref.WeakSet()


def _kept_engine(url: str) -> Engine:
    # Without a limit, so that threads of Dagit wait for each other no longer than with Dagster's.
    pool = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": -1}
    engine = create_engine(url, connect_args=_OPTIONS, **pool)
    listen(engine, "connect", _set_pragmas)
    _kept.add(engine)
    return engine


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    # A power cut may lose the last events, but never damages the file: S3 has what they record.
    connection.execute("PRAGMA synchronous = NORMAL")


def _dispose_before_fork() -> None:
    """Close open connections: an SQLite connection must not be used after a fork."""
    for engine in list(_kept):
        with suppress(Exception):  # a connection in use is closed by its user
            engine.dispose()


os.register_at_fork(before=_dispose_before_fork)
