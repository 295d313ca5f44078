"""Which films have an active run, so that neither sensors nor retirement interfere with it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import dagster as dg

from chunk_assets.dagster_internals import event_time
from chunk_assets.dagster_internals.backfills import active_backfills
from chunk_assets.dagster_internals.instance import FILM_TAG, TERMINAL_TAG, UNFINISHED, film_lock
from chunk_assets.dagster_internals.tag_names import PARTITION
from chunk_assets.defs.partitions.definitions import film_part
from chunk_assets.defs.runs import coverage
from chunk_assets.errors import SpecError
from chunk_assets.settings import Settings

ACTIVE = (dg.DagsterRunStatus.QUEUED, *UNFINISHED)

LOST_AFTER = timedelta(hours=24)
"""A run that was not updated for this long was killed."""


def is_in_terminal(settings: Settings, video_id: str) -> bool:
    """Return whether a `render` on this machine has the film: it locks it from start to end."""
    try:
        with film_lock(settings, video_id):
            return False
    except SpecError:
        return True


def has_run(instance: dg.DagsterInstance, video_id: str) -> bool:
    """Return whether a run of the film is active that was not launched by `render`."""
    return any(TERMINAL_TAG not in run.tags for run in _active(instance, {FILM_TAG: video_id}))


def is_being_stitched(instance: dg.DagsterInstance, video_id: str) -> bool:
    """Return whether an active run stitches the film."""
    return bool(_active(instance, {PARTITION: video_id}))


def was_in_terminal_since(instance: dg.DagsterInstance, video_id: str, moment: datetime) -> bool:
    """Return whether a `render` of the film began after that moment, however it ended."""
    wanted = dg.RunsFilter(tags={FILM_TAG: video_id, TERMINAL_TAG: "terminal"})
    records = instance.get_run_records(wanted, limit=1)
    return bool(records) and event_time.created(records[0]) >= moment


def active_films(instance: dg.DagsterInstance, in_grid: Sequence[str]) -> dict[str, str]:
    """Map each film of an active run or backfill to a sentence that names it.

    A queued run counts however old it is; a running one that was not updated for long is lost.

    Args:
        instance: Where the runs are.
        in_grid: All films in the order of their partitions, for runs over ranges of films.
    """
    found: dict[str, str] = {}
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(ACTIVE))):
        run = record.dagster_run
        is_queued = run.status is dg.DagsterRunStatus.QUEUED
        if not is_queued and event_time.silence(record) > LOST_AFTER:
            continue
        state = "queued" if is_queued else "active"
        for video_id in coverage.films(run, in_grid):
            found.setdefault(video_id, f"its run {run.run_id[:8]} ({run.job_name}) is {state}")
    for backfill in active_backfills(instance):
        for video_id in set(map(film_part, backfill.partitions)):
            found.setdefault(video_id, f"the backfill {backfill.backfill_id} covers it")
    return found


def _active(instance: dg.DagsterInstance, tags: dict[str, str]) -> list[dg.DagsterRun]:
    since = event_time.now() - LOST_AFTER
    wanted = dg.RunsFilter(tags=tags, statuses=list(ACTIVE), updated_after=since)
    return list(instance.get_runs(wanted, limit=5))
