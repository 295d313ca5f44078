"""Dagster's table of dynamic partitions: deleting many at once."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

# Breaks when moved: the code location cannot be loaded.
from dagster._core.storage.event_log import DynamicPartitionsTable

KEYS_A_QUERY = 400
"""SQLite allows 999 values in one statement."""


def delete_partitions(instance: dg.DagsterInstance, name: str, keys: Sequence[str]) -> None:
    """Delete keys of a dynamic partitions definition, all of them or none.

    Dagster's public call deletes one key, and SQLite flushes to disk each time: 10,000 would take a
    minute and a half.

    Args:
        instance: The instance that has the partitions.
        name: The name of the definition.
        keys: The keys to delete; unknown ones are ignored.
    """
    storage: Any = instance.event_log_storage  # SQLite and PostgreSQL have transactions
    table = DynamicPartitionsTable.c
    with storage.index_transaction() as connection:
        for start in range(0, len(keys), KEYS_A_QUERY):
            some = table.partition.in_(keys[start : start + KEYS_A_QUERY])
            connection.execute(
                DynamicPartitionsTable.delete().where(table.partitions_def_name == name, some)
            )
