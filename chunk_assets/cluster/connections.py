"""The connections to PostgreSQL that a run keeps from one statement to the next."""

import dagster as dg
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.event import listens_for
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, Pool, PoolProxiedConnection

RECYCLE_SECONDS = 3600
"""As Dagster's webserver has it."""

_NO_TIMEOUT = 0
_MORE_AT_ONCE = 20


def keep_connections(instance: dg.DagsterInstance) -> None:
    """Have an instance keep one connection to each of its storages, as long as it is open.

    Dagster makes one for each statement, with a password to be proved: a third of what a run of one
    chunk takes beside its clip. One that has died meanwhile (the database was started again) is
    found out before it is used, and replaced.
    """
    instance.optimize_for_webserver(_NO_TIMEOUT, RECYCLE_SECONDS, _MORE_AT_ONCE)


@listens_for(Pool, "checkout")
def _look_whether_it_lives(
    connection: DBAPIConnection, _entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        cursor.close()
    except Exception as error:
        raise DisconnectionError from error
