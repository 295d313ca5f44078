"""What a host that is gone holds in PostgreSQL: nothing for longer than its silence.

Dagster's own storage says nothing about it, and PostgreSQL's defaults wait for such a host for two
hours: a row that it was writing stays locked for as long, and every run of the same asset with it.
"""

from psycopg2 import extensions
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, Pool

from chunk_assets.cluster.broker import SILENT_SECONDS

SETTINGS = {
    "idle_in_transaction_session_timeout": SILENT_SECONDS * 1000,  # a transaction here takes ms
    # Of connections that nothing is under way on: so many seconds idle, then three questions.
    "tcp_keepalives_idle": SILENT_SECONDS,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 3,
}
"""https://www.postgresql.org/docs/current/runtime-config-client.html and …-connection.html."""


def release_when_silent() -> None:
    """Have PostgreSQL end this process's connections when the process is not heard of.

    Of every connection made from now on: a transaction in which nothing came for `SILENT_SECONDS`
    is rolled back, and the connection of a host that does not answer is gone 15 s after that. A
    process that was merely cut off is told by its next statement's error.
    """
    if not event.contains(Pool, "connect", _say_how_long):
        event.listen(Pool, "connect", _say_how_long)


def _say_how_long(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    if not isinstance(connection, extensions.connection):
        return
    cursor = connection.cursor()
    cursor.execute(";".join(f"SET {name} = {value}" for name, value in SETTINGS.items()))
    cursor.close()
    connection.commit()
