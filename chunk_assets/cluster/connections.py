"""The connections to PostgreSQL that a run keeps from one statement to the next."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.event import listens_for
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, Pool, PoolProxiedConnection

RECYCLE_SECONDS = 3600
"""As Dagster's webserver has it."""

_NO_TIMEOUT = 0
_MORE_AT_ONCE = 20

_used: "weakref.WeakSet[ConnectionPoolEntry]" = weakref.WeakSet()


@contextmanager
def kept_connections(instance: dg.DagsterInstance) -> Iterator[None]:
    """Have an instance keep one connection to each of its storages while the block runs.

    Dagster makes one for each statement, with a password to be proved: a third of what a run of one
    chunk takes beside its clip. One that has died meanwhile (the database was started again) is
    found out before it is used, and replaced. For a process that has one run at a time: at the end
    it has none that is open.
    """
    instance.optimize_for_webserver(_NO_TIMEOUT, RECYCLE_SECONDS, _MORE_AT_ONCE)
    try:
        yield
    finally:
        # Closing the instance leaves them to the garbage collector, and the database waiting.
        for entry in list(_used):
            entry.invalidate()


@listens_for(Pool, "checkout")
def _look_whether_it_lives(
    connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    _used.add(entry)
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        cursor.close()
    except Exception as error:
        raise DisconnectionError from error
