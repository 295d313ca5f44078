"""Backfills of many films: Dagster launches a run for each chunk number, in any order.

A run must not wait for another run of the backfill, which may get no slot while this one holds one.
So it also renders the chunks before its own that the backfill targets, unless another run has them
locked. The run that was launched for such a chunk keeps its clip: all runs of a backfill count as
one.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import dagster as dg

from chunk_assets.dagster_internals.backfills import target_of
from chunk_assets.dagster_internals.tag_names import BACKFILL, ROOT_BACKFILL
from chunk_assets.defs.partitions.definitions import chunk_key
from chunk_assets.defs.runs.coverage import CLIPS
from chunk_assets.errors import StorageError
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.records import ClipRecord
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.store import ObjectStore

HANDING_OVER = frozenset({"chunk_videos", "last_frames"})
"""A run without both of these assets hands no frame to the next chunk."""

Film = TypeVar("Film")


def root_run(run: dg.DagsterRun) -> str:
    """Return the id under which a run records its takes; it keeps takes with the same id.

    It is the id of the first backfill or run that this run belongs to or retries.
    """
    backfill = run.tags.get(ROOT_BACKFILL) or run.tags.get(BACKFILL)
    return backfill or run.root_run_id or run.run_id


def spread(films: Sequence[Film], run: dg.DagsterRun, chunk_num: int) -> list[Film]:
    """Return the films in the order in which a run renders them.

    The runs of a backfill begin with different films, so that they do not all wait for the first.
    """
    start = chunk_num % len(films) if BACKFILL in run.tags and films else 0
    return [*films[start:], *films[:start]]


def with_predecessors(
    asked: Iterable[int],
    video_id: str,
    *,
    instance: dg.DagsterInstance,
    run: dg.DagsterRun,
    stages: frozenset[str],
    store: ObjectStore,
    specs: Sequence[ChunkSpec],
) -> list[int]:
    """Return these chunks, and the missing ones before them that the same backfill targets."""
    wanted = set(asked)
    backfill = run.tags.get(BACKFILL)
    if backfill is None or not stages >= HANDING_OVER:
        return sorted(wanted)
    is_target = target_of(instance, backfill, CLIPS)
    for number in list(wanted):
        before = number - 1
        while (
            not specs[before + 1].starts_chain
            and before not in wanted
            and is_target(chunk_key(video_id, before))
            and not _is_made(store, video_id, before, root_run(run))
        ):
            wanted.add(before)
            before -= 1
    return sorted(wanted)


def _is_made(store: ObjectStore, video_id: str, chunk_num: int, root: str) -> bool:
    stored = FilmObjects(store, video_id).clip(chunk_num).head()
    try:
        return stored is not None and ClipRecord.of(stored).root_run == root
    except StorageError:
        return False
