"""Dagit's own record of the grid, carried over when films come and go.

Beside each asset Dagster keeps which partitions are materialized, failed and in progress, and for
which set of partitions that holds (`AssetStatusCacheValue`). When the set changes, the next look at
the asset reads all its events again: seconds, at thousands of films. But a film that was never
there adds nothing to what is kept, and one that leaves takes its own partitions along and no
others. So what is kept is written again for the new set.

Whatever does not fit (a film that comes back with its history, another process that changed the
grid meanwhile) is left alone: Dagster sees that its record is of another set, and makes it anew.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import dagster as dg
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.instance.types import CachingDynamicPartitionsLoader
from dagster._core.storage.partition_status_cache import AssetStatusCacheValue

from chunk_assets.defs.partitions import (
    CHUNK_NUM,
    NAMES_A_QUERY,
    VIDEO_ID,
    chunks,
    film_part,
    videos,
)

BY_FILM = ("animatics", "stitched_videos", "film_pages")
BY_CHUNK = ("chunk_specs", "previous_last_frames", "composites", "chunk_videos", "last_frames")

_RECORDED = (
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
)
"""What Dagster's record is made from."""

_is_carrying = ContextVar("is_carrying", default=False)
"""Whether a block around this one carries over."""


@dataclass(frozen=True)
class _Grid:
    """The partitions there were at one moment."""

    films: frozenset[str]
    chunk_nums: tuple[str, ...]
    films_id: str
    chunks_id: str

    @classmethod
    def of(cls, instance: dg.DagsterInstance) -> "_Grid":
        read_once = CachingDynamicPartitionsLoader(instance)
        with partition_loading_context(dynamic_partitions_store=read_once):
            return cls(
                frozenset(read_once.get_dynamic_partitions(VIDEO_ID)),
                tuple(read_once.get_dynamic_partitions(CHUNK_NUM)),
                videos.get_serializable_unique_identifier(),
                chunks.get_serializable_unique_identifier(),
            )


@contextmanager
def carried_over(instance: dg.DagsterInstance) -> Iterator[None]:
    """Carry over what Dagster has recorded of the grid, which the block changes.

    The grid is read before and after, 0.1 s at 10,000 films: for many changes, one block stands
    around them, and those within it do nothing of their own.
    """
    if _is_carrying.get():
        yield
        return
    before = _Grid.of(instance)
    outermost = _is_carrying.set(True)
    try:
        yield
    finally:
        _is_carrying.reset(outermost)
    after = _Grid.of(instance)
    if before != after and instance.can_read_asset_status_cache():
        _carry(instance, before, after)


def _carry(instance: dg.DagsterInstance, before: _Grid, after: _Grid) -> None:
    new, gone = after.films - before.films, before.films - after.films
    assets = [dg.AssetKey(name) for name in (*BY_FILM, *BY_CHUNK)]
    for record in instance.get_asset_records(assets):
        key, kept = record.asset_entry.asset_key, record.asset_entry.cached_status
        is_by_film = key.path[-1] in BY_FILM
        was, is_ = (
            (before.films_id, after.films_id) if is_by_film else (before.chunks_id, after.chunks_id)
        )
        if kept is None or kept.partitions_def_id != was:
            continue
        partitions = (
            new
            if is_by_film
            # Foreign keys among them: Dagster's record has them like any other.
            else {f"{number}|{film}" for film in new for number in after.chunk_nums}
        )
        if _has_history(instance, key, partitions):
            continue
        kept = kept._replace(partitions_def_id=is_)
        if gone:
            film_of = str if is_by_film else film_part
            kept = _without(kept, videos if is_by_film else chunks, gone, film_of)
        instance.update_asset_cached_status_data(key, kept)


def _has_history(
    instance: dg.DagsterInstance, asset: dg.AssetKey, partitions: Collection[str]
) -> bool:
    """Whether anything is recorded of some new partitions; for very many, it may be."""
    if not partitions:
        return False
    return len(partitions) > NAMES_A_QUERY or any(
        instance.get_latest_storage_id_by_partition(asset, event, partitions=set(partitions))
        for event in _RECORDED
    )


def _without(
    kept: AssetStatusCacheValue,
    definition: dg.PartitionsDefinition,
    gone: Collection[str],
    film_of: Callable[[str], str],
) -> AssetStatusCacheValue:
    """What is kept, less the partitions of films that are gone."""

    def less(serialized: str | None) -> str | None:
        if not serialized:
            return serialized
        keys = definition.deserialize_subset(serialized).get_partition_keys()
        left = {key for key in keys if film_of(key) not in gone}
        return definition.empty_subset().with_partition_keys(left).serialize()

    return kept._replace(
        serialized_materialized_partition_subset=less(
            kept.serialized_materialized_partition_subset
        ),
        serialized_failed_partition_subset=less(kept.serialized_failed_partition_subset),
        serialized_in_progress_partition_subset=less(kept.serialized_in_progress_partition_subset),
    )
