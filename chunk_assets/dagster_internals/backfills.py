"""Dagster's backfills as plain values: their ids and the partitions they target."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import dagster as dg

# Breaks when moved: `retire` cannot tell which films a backfill is working on, and a backfill's
# runs no longer render the chunks before their own.
from dagster._core.definitions.events import AssetKeyPartitionKey
from dagster._core.execution.backfill import (
    BulkActionsFilter,
    BulkActionStatus,
    PartitionBackfill,
)

_ACTIVE = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING]


@dataclass(frozen=True)
class Backfill:
    """A backfill and the keys of all partitions it targets, in no order."""

    backfill_id: str
    partitions: frozenset[str]


def active_backfills(instance: dg.DagsterInstance) -> Iterator[Backfill]:
    """Yield the backfills that may still launch runs."""
    for found in instance.get_backfills(BulkActionsFilter(statuses=_ACTIVE)):
        yield Backfill(found.backfill_id, frozenset(_partitions(found)))


def target_of(
    instance: dg.DagsterInstance, backfill_id: str, asset: dg.AssetKey
) -> Callable[[str], bool]:
    """Return a function that tells whether a backfill targets a partition of an asset."""
    found = instance.get_backfill(backfill_id)
    if found is None or (data := found.asset_backfill_data) is None:
        return lambda _key: False
    return lambda key: AssetKeyPartitionKey(asset, key) in data.target_subset


def _partitions(backfill: PartitionBackfill) -> Iterator[str]:
    yield from backfill.partition_names or ()
    if (data := backfill.asset_backfill_data) is not None:
        for each in data.target_subset.iterate_asset_partitions():
            if each.partition_key:
                yield each.partition_key
