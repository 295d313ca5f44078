"""Dagster's SQLite storage, with what it needs for a statement kept for the next one.

Dagster's own makes an engine for every statement, which compiles the same SQL anew, and opens and
closes the file: that is two thirds of the 20 ms an event takes, and a chunk has ten. What is stored
and where stays the same: either storage opens what the other has written.
"""

import os
import sqlite3
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg

# Breaks when one of these moves or changes: homes whose `dagster.yaml` names `KeptSqliteStorage`
# cannot be opened; remove `storage` from that file to use Dagster's own.
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from sqlalchemy import create_engine
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.event import listen
from sqlalchemy.pool import NullPool, QueuePool

from chunk_assets.dagster_internals.migrations import read_once
from chunk_assets.dagster_internals.plugin_types import ConfigurableClassData
from chunk_assets.errors import StorageError
from chunk_assets.files.atomic import atomic_write
from chunk_assets.files.private_home import write_privately

read_once()

_TIMEOUT = {"timeout": 30, "check_same_thread": False}
"""As Dagster has it: how many seconds a statement waits while another process writes."""


class KeptSqliteStorage(DagsterSqliteStorage):
    """What `dagster.yaml` names as `storage`; its files are those of Dagster's default."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None):
        super(DagsterSqliteStorage, self).__init__()  # its own would open Dagster's storages, too
        # What Dagster looks up before it gives a storage several events at a time.
        os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")
        self.base_dir, self._inst_data = base_dir, inst_data
        write_privately()  # webserver, daemon and runs of a plain `dagster dev`, too
        history = Path(base_dir, "history")
        self._run_storage = _Runs.from_local(str(history))
        self._event_log_storage = _Events(str(history / "runs"))
        self._schedule_storage = SqliteScheduleStorage.from_local(str(Path(base_dir, "schedules")))

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "KeptSqliteStorage":
        """Called by Dagster."""
        return cls(inst_data=inst_data, **config_value)


class _Runs(SqliteRunStorage):
    """The runs: one file, and one connection to it."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None):
        self._kept = _kept_engine(conn_string)
        super().__init__(conn_string, inst_data)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        with self._kept.begin() as connection:
            yield connection

    def dispose(self) -> None:
        self._kept.dispose()
        super().dispose()


class _Events(SqliteEventLogStorage):
    """The events: a file a run, and an index of all runs.

    The index's connection is kept. A run's is not: Dagit follows a run by its file, which is
    written when the last connection to it is closed. But the engine is one for the files of all
    runs.
    """

    def __init__(self, base_dir: str):
        self._index: Engine | None = None
        self._run_file = ""
        self._tables: set[str] = set()
        self._empty: bytes | None = None
        self._runs = create_engine("sqlite://", poolclass=NullPool, creator=self._opened_run)
        listen(self._runs, "connect", _hurry)
        super().__init__(base_dir)

    def _opened_run(self) -> sqlite3.Connection:
        return sqlite3.connect(self._run_file, **_TIMEOUT)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                if shard == INDEX_SHARD_NAME or not self._copied():
                    self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def _copied(self) -> bool:
        """Begin a run's file as a copy of an empty one; False where there is none yet.

        To make one takes 0.13 s, where the history of Dagster's tables is read for it.
        """
        path = Path(self._run_file)
        if path.exists():
            return False
        if self._empty is None:
            with TemporaryDirectory() as scratch:
                self._run_file = str(Path(scratch, "empty.db"))
                self._initdb(self._runs)
                self._empty = Path(self._run_file).read_bytes()
            self._run_file = str(path)
        return _written_once(path, self._empty)

    def _engine(self, shard: str) -> Engine:
        if shard != INDEX_SHARD_NAME:
            self._run_file = self.path_for_shard(shard)
            return self._runs
        if self._index is None:
            self._index = _kept_engine(self.conn_string_for_shard(shard))
        return self._index

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """What a run plans (an event for each asset of each chunk), in one transaction a file."""
        planned = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
        if any(e.dagster_event is None or e.dagster_event.event_type != planned for e in events):
            super().store_event_batch(events)
            return
        inserts = [self.prepare_insert_event(event) for event in events]
        with self.run_connection(events[0].run_id) as connection:
            for insert in inserts:
                connection.execute(insert)
        with self.index_transaction() as connection:
            ids = [connection.execute(insert).lastrowid for insert in inserts]
            # Of an asset only the last event counts here.
            last = {event.get_dagster_event().asset_key: n for n, event in enumerate(events)}
            for number in last.values():
                self._store_asset_event(connection, events[number], ids[number])

    def has_table(self, table_name: str) -> bool:
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def dispose(self) -> None:
        if self._index is not None:
            self._index.dispose()
        super().dispose()


def _written_once(path: Path, content: bytes) -> bool:
    """Write a new file; false if it exists already, or this disk has no hard links."""
    try:
        with atomic_write(path, overwrite=False) as part:
            part.write_bytes(content)
    except StorageError:
        return False
    return True


_kept: "weakref.WeakSet[Engine]" = weakref.WeakSet()


def _kept_engine(url: str) -> Engine:
    # No limit: Dagit's threads wait for each other no more than with Dagster's own.
    pool = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": -1}
    engine = create_engine(url, connect_args=_TIMEOUT, **pool)
    listen(engine, "connect", _hurry)
    _kept.add(engine)
    return engine


def _hurry(connection: sqlite3.Connection, _record: object) -> None:
    # A power cut may cost the last events, never the file: S3 has what they tell of.
    connection.execute("PRAGMA synchronous = NORMAL")


def _let_go() -> None:
    """Close what is open: SQLite's connections must not be carried into another process."""
    for engine in list(_kept):
        with suppress(Exception):  # what is in use is closed by whoever uses it
            engine.dispose()


os.register_at_fork(before=_let_go)
