"""Time out the PostgreSQL connections of dead hosts, so that their row locks are released.

By default PostgreSQL waits two hours for a dead host. Until then a row that it was writing stays
locked, and blocks every run of the same asset.
"""

from psycopg2 import extensions
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, Pool

from chunk_assets.cluster.broker import SILENT_SECONDS

SETTINGS = {
    "idle_in_transaction_session_timeout": SILENT_SECONDS * 1000,  # transactions take milliseconds
    # For idle connections: this many idle seconds, then three probes.
    "tcp_keepalives_idle": SILENT_SECONDS,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 3,
}
"""https://www.postgresql.org/docs/current/runtime-config-client.html and …-connection.html."""


def release_when_silent() -> None:
    """Make PostgreSQL end this process's connections if the process stops responding.

    On every connection from now on, a transaction that is idle for `SILENT_SECONDS` is rolled
    back, and the connection of a host that does not answer is closed 15 s later. A process that was
    only cut off gets an error from its next statement.
    """
    if not event.contains(Pool, "connect", _set_timeouts):
        event.listen(Pool, "connect", _set_timeouts)


def _set_timeouts(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    if not isinstance(connection, extensions.connection):
        return
    cursor = connection.cursor()
    cursor.execute(";".join(f"SET {name} = {value}" for name, value in SETTINGS.items()))
    cursor.close()
    connection.commit()
