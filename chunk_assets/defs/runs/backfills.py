"""A backfill of many films: Dagster makes a run of each chunk number, in any order.

A run must then not wait for runs that may never get a slot while it holds one: what its chunks
begin with and what the same backfill asks for, it renders itself unless another run is at it. The
run that was meant for that chunk finds it and keeps it: all of a backfill's runs count as one.
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
"""Without both of these, a run hands nothing to the chunk behind."""

Film = TypeVar("Film")


def root_run(run: dg.DagsterRun) -> str:
    """Whose takes a run may keep: its own, its backfill's, and those of what it retries."""
    backfill = run.tags.get(ROOT_BACKFILL) or run.tags.get(BACKFILL)
    return backfill or run.root_run_id or run.run_id


def spread(films: Sequence[Film], run: dg.DagsterRun, chunk_num: int) -> list[Film]:
    """The films in the order in which a run takes them.

    The runs of a backfill begin at different ones, so that they do not all wait for the first.
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
    """The asked chunks, and those before them which the same backfill wants and nobody has made."""
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
