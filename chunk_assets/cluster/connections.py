"""Keep connections to PostgreSQL open between the statements of a run."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.event import listens_for
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, Pool, PoolProxiedConnection

RECYCLE_SECONDS = 3600
"""As in Dagster's webserver."""

_NO_TIMEOUT = 0
_MORE_AT_ONCE = 20

_used: "weakref.WeakSet[ConnectionPoolEntry]" = weakref.WeakSet()


@contextmanager
def kept_connections(instance: dg.DagsterInstance) -> Iterator[None]:
    """Keep one connection to each of an instance's storages open while the block runs.

    Dagster connects for each statement, with a password exchange: a third of the time of a run of
    one chunk, apart from its clip. A connection that has died, as when the database restarts, is
    detected before use and replaced. At the end all connections of the process are closed, so it
    must execute one run at a time.
    """
    instance.optimize_for_webserver(_NO_TIMEOUT, RECYCLE_SECONDS, _MORE_AT_ONCE)
    try:
        yield
    finally:
        # Closing the instance would leave them open until they are garbage-collected.
        for entry in list(_used):
            entry.invalidate()


@listens_for(Pool, "checkout")
def _check_alive(
    connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    _used.add(entry)
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        cursor.close()
    except Exception as error:
        raise DisconnectionError from error
