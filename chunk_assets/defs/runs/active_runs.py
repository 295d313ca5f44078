"""Which films somebody is at, told of all of them at once."""

from collections.abc import Iterator, Sequence

import dagster as dg

from chunk_assets.dagster_internals import event_time
from chunk_assets.dagster_internals.backfills import active_backfills
from chunk_assets.dagster_internals.instance import FILM_TAG
from chunk_assets.defs.partitions.definitions import film_part
from chunk_assets.defs.runs.active_films import ACTIVE, FORGOTTEN, PARTITION

_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def at_work(instance: dg.DagsterInstance, in_grid: Sequence[str]) -> dict[str, str]:
    """Why each film is not to be touched which a run or a backfill has, or is going to have.

    A queued run counts however old it is; one of which nothing was heard for long was killed.

    Args:
        instance: Where the runs are.
        in_grid: The films in the order of their partitions, for runs over ranges of films.
    """
    found: dict[str, str] = {}
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(ACTIVE))):
        run = record.dagster_run
        is_queued = run.status is dg.DagsterRunStatus.QUEUED
        if not is_queued and event_time.silence(record) > FORGOTTEN:
            continue
        word = "queued" if is_queued else "going on"
        for video_id in _films_of(run, in_grid):
            found.setdefault(video_id, f"its run {run.run_id[:8]} ({run.job_name}) is {word}")
    for backfill in active_backfills(instance):
        for video_id in set(map(film_part, backfill.partitions)):
            found.setdefault(video_id, f"the backfill {backfill.backfill_id} is going on with it")
    return found


def _films_of(run: dg.DagsterRun, in_grid: Sequence[str]) -> Iterator[str]:
    if FILM_TAG in run.tags:
        yield run.tags[FILM_TAG]
    if PARTITION in run.tags:
        yield film_part(run.tags[PARTITION])
    ends = [film_part(run.tags[name]) for name in _RANGE if name in run.tags]
    if len(ends) == 2:
        yield from ends
        if ends[0] != ends[1] and set(ends) <= set(in_grid):
            first, last = sorted(map(list(in_grid).index, ends))
            yield from in_grid[first : last + 1]
