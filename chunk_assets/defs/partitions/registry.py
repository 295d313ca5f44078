"""The partition grid: adding and removing films."""

from collections.abc import Sequence

import dagster as dg

from chunk_assets.dagster_internals.partition_rows import delete_partitions
from chunk_assets.defs.partitions.definitions import (
    CHUNK_NUM,
    SEPARATOR,
    VIDEO_ID,
    is_usable,
)


def register(instance: dg.DagsterInstance, video_id: str, chunks_planned: int) -> None:
    """Add a film and its chunk numbers to the grid, if they are missing.

    Dagster orders chunk numbers by when they were added, and a range of partitions follows that
    order. They are added from 00 without a gap, so that a range of partitions is a range of chunks;
    numbers that were added by hand out of order are added again. Keys with Dagster's separator in
    them break its ranges, and are removed.
    """
    numbers = instance.get_dynamic_partitions(CHUNK_NUM)
    known = [key for key in numbers if is_usable(CHUNK_NUM, key)]
    wanted = {f"{number:02d}" for number in range(chunks_planned)}
    ordered = sorted(wanted.union(known), key=int)
    in_place = 0
    for key in known:
        in_place += key == ordered[in_place]
    late = ordered[in_place:]
    is_new = not instance.has_dynamic_partition(VIDEO_ID, video_id)
    _remove_separators(instance, CHUNK_NUM, numbers)
    if is_new:
        _remove_separators(instance, VIDEO_ID, instance.get_dynamic_partitions(VIDEO_ID))
    if not late and not is_new:
        return
    instance.add_dynamic_partitions(VIDEO_ID, [video_id])
    for key in set(late).intersection(known):
        instance.delete_dynamic_partition(CHUNK_NUM, key)
    if late:
        instance.add_dynamic_partitions(CHUNK_NUM, late)


def _remove_separators(instance: dg.DagsterInstance, dimension: str, keys: Sequence[str]) -> None:
    for key in keys:
        if SEPARATOR in key:
            instance.delete_dynamic_partition(dimension, key)


def foreign_keys(instance: dg.DagsterInstance) -> dict[str, list[str]]:
    """Return the keys in the grid that name no film or no chunk, by dimension."""
    return {
        dimension: [
            key
            for key in instance.get_dynamic_partitions(dimension)
            if not is_usable(dimension, key)
        ]
        for dimension in (VIDEO_ID, CHUNK_NUM)
    }


def remove_foreign(instance: dg.DagsterInstance) -> dict[str, list[str]]:
    """Remove the foreign keys from the grid, and return them by dimension."""
    foreign = foreign_keys(instance)
    for dimension, keys in foreign.items():
        for key in keys:
            instance.delete_dynamic_partition(dimension, key)
    return foreign


def unregister(instance: dg.DagsterInstance, video_ids: Sequence[str]) -> None:
    """Remove films from the grid, all of them or none; chunk numbers stay."""
    delete_partitions(instance, VIDEO_ID, video_ids)
