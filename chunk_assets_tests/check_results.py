"""What Dagit shows of an asset check."""

from dataclasses import dataclass

import dagster as dg


@dataclass(frozen=True)
class Result:
    """The latest evaluation of a check for one partition."""

    passed: bool
    severity: str
    sentence: str


def check_result(
    instance: dg.DagsterInstance, asset: dg.AssetKey, check: str, partition: str
) -> Result | None:
    """The latest evaluation, None where there is none."""
    history = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(asset, check), limit=99
    )
    for record in history:
        event = record.event
        if event is None or record.partition != partition:
            continue
        found = event.dagster_event.asset_check_evaluation_data if event.dagster_event else None
        if found is not None:
            return Result(found.passed, found.severity.value, found.description or "")
    return None
