"""Check results as Dagster events, which Dagit shows beside a partition."""

import warnings
from collections.abc import Mapping

import dagster as dg
from sqlalchemy.exc import IntegrityError

from chunk_assets.checks import results
from chunk_assets.checks.results import CheckResult, completeness_result
from chunk_assets.dagster_internals.check_results import Target, delete_runless_result
from chunk_assets.defs.assets.lineage import DATA_VERSION
from chunk_assets.film.status import FilmStatus

FILMS = dg.AssetKey("stitched_videos")

_TRIES = 3


def check_specs(
    asset: dg.AssetKey, texts: Mapping[str, str], partitions: dg.PartitionsDefinition
) -> list[dg.AssetCheckSpec]:
    """Return the specs of an asset's checks, from their descriptions by name."""
    with warnings.catch_warnings():
        # Partitions are a preview in Dagster 1.13; without them, Dagit shows no result per chunk.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(name, asset=asset, description=text, partitions_def=partitions)
            for name, text in texts.items()
        ]


def evaluation(
    asset: dg.AssetKey, partition: str, result: CheckResult, target: Target | None
) -> dg.AssetCheckEvaluation:
    """Return a check result as a Dagster event."""
    is_error = result.check in results.ERRORS
    return dg.AssetCheckEvaluation(
        asset_key=asset,
        check_name=result.check,
        passed=result.passed,
        partition=partition,
        description=result.sentence,
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        metadata={"partition": partition, **result.values},
        target_materialization_data=target,
        blocking=False,
    )


def latest_target(
    instance: dg.DagsterInstance, asset: dg.AssetKey, partition: str, version: str | None = None
) -> Target | None:
    """Return a partition's newest materialization, as the target of a check result.

    Args:
        instance: Where the materializations are.
        asset: The asset.
        partition: The partition key.
        version: The data version that was checked; any if None.

    Returns:
        None if there is none, or another version was recorded since.
    """
    wanted = dg.AssetRecordsFilter(asset_key=asset, asset_partitions=[partition])
    records = instance.fetch_materializations(wanted, limit=1).records
    if not records:
        return None
    latest = records[0]
    if version not in (None, (latest.event_log_entry.tags or {}).get(DATA_VERSION)):
        return None
    return Target(storage_id=latest.storage_id, run_id=latest.run_id, timestamp=latest.timestamp)


def report(
    instance: dg.DagsterInstance, asset: dg.AssetKey, partition: str, result: CheckResult
) -> None:
    """Record a check result outside of any run, replacing the previous one."""
    event = evaluation(asset, partition, result, latest_target(instance, asset, partition))
    for tries in range(_TRIES, 0, -1):
        delete_runless_result(instance, asset, result.check, partition)
        try:
            instance.report_runless_asset_event(event)
        except IntegrityError:  # another process has just recorded one
            if tries == 1:
                raise
        else:
            return


def report_completeness(instance: dg.DagsterInstance, video_id: str, found: FilmStatus) -> None:
    """Record whether a film is complete, in the check `film_is_complete`."""
    report(instance, FILMS, video_id, completeness_result(found))
