"""Who is at a film at the moment, or was: what the sensors must not get in the way of."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from chunk_assets.dagster_internals.instance import FILM_TAG, TERMINAL_TAG, UNFINISHED, film_lock
from chunk_assets.errors import SpecError
from chunk_assets.settings import Settings

ACTIVE = (dg.DagsterRunStatus.QUEUED, *UNFINISHED)

FORGOTTEN = timedelta(hours=24)
"""A run of which nothing was heard for so long was killed: nobody waits for it any longer."""

PARTITION = "dagster/partition"

EVERY_LOOP = 1
"""Seconds between a sensor's ticks: each loop of Dagster's daemon, which takes 5 s. With 5 here
every other loop would come a moment too soon."""


def is_in_terminal(settings: Settings, video_id: str) -> bool:
    """Whether a `render` on this machine has the film; it holds its lock from first to last."""
    try:
        with film_lock(settings, video_id):
            return False
    except SpecError:
        return True


def has_run(instance: dg.DagsterInstance, video_id: str) -> bool:
    """Whether a run that a sensor requested for the film is queued or going on."""
    return any(TERMINAL_TAG not in run.tags for run in _active(instance, {FILM_TAG: video_id}))


def is_being_stitched(instance: dg.DagsterInstance, video_id: str) -> bool:
    """Whether a run that stitches the film is queued or going on, whoever launched it."""
    return bool(_active(instance, {PARTITION: video_id}))


def was_in_terminal_since(instance: dg.DagsterInstance, video_id: str, moment: datetime) -> bool:
    """Whether somebody rendered the film with `render` after that moment, however it ended."""
    wanted = dg.RunsFilter(tags={FILM_TAG: video_id, TERMINAL_TAG: "terminal"})
    records = instance.get_run_records(wanted, limit=1)
    return bool(records) and _aware(records[0].create_timestamp) >= moment


def _active(instance: dg.DagsterInstance, tags: dict[str, str]) -> list[dg.DagsterRun]:
    since = datetime.now(UTC) - FORGOTTEN
    wanted = dg.RunsFilter(tags=tags, statuses=list(ACTIVE), updated_after=since)
    return list(instance.get_runs(wanted, limit=5))


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
