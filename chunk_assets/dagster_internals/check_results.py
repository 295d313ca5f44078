"""Dagster's table of asset check results: what a result is about, and deleting an old one."""

from typing import Any

import dagster as dg

# Breaks when moved: no check result could name the materialization it is about. Dagster exports
# the event that has this class as a field, but not the class.
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData as Target,
)

# Breaks when moved: a second check result without a run fails for the same partition.
from dagster._core.storage.event_log import SqlEventLogStorageMetadata

__all__ = ["Target", "delete_runless_result"]


def delete_runless_result(
    instance: dg.DagsterInstance, asset: dg.AssetKey, check: str, partition: str
) -> None:
    """Delete the row of a partition's last check result without a run; its event stays in the log.

    All results without a run share the run id "", and Dagster 1.13 has a unique index over check,
    run and partition: a second one would break it.
    """
    storage: Any = instance.event_log_storage  # SQLite and PostgreSQL have transactions
    row = SqlEventLogStorageMetadata.tables["asset_check_executions"].c
    with storage.index_transaction() as connection:
        connection.execute(
            row.id.table.delete().where(
                row.asset_key == asset.to_string(),
                row.check_name == check,
                row.run_id == "",
                row.partition == partition,
            )
        )
