"""The sensor that starts the checks of rendered chunks, after the run that rendered them."""

from collections.abc import Sequence

import dagster as dg

from chunk_assets.dagster_internals.instance import CHUNKS_TAG, FILM_TAG
from chunk_assets.dagster_internals.tag_names import RANGE_END, RANGE_START
from chunk_assets.defs.assets.checks import check_chunks
from chunk_assets.defs.runs import coverage

MAX_RUNS = 100
"""Runs handled in one tick. Dagster's own run status sensor handles one, which at this interval
would be three films a minute."""


@dg.sensor(
    name="rendered_chunks",
    job=check_chunks,
    # Stitching goes first: checks at the same time would delay it by 2 s, even at low priority.
    minimum_interval_seconds=20,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Checks the chunks that a run has rendered, once the run has succeeded.",
)
def rendered_chunks(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Handle the runs that succeeded since the last tick; the first tick handles none."""
    instance = context.instance
    if context.cursor is None or not context.cursor.isdecimal():
        newest = _succeeded(instance, limit=1)
        skip = dg.SkipReason("From now on, the chunks of each run are checked.")
        cursor = newest[0].storage_id if newest else 0
        return dg.SensorResult(skip_reason=skip, cursor=str(cursor))
    records = _succeeded(instance, after=int(context.cursor), limit=MAX_RUNS)
    if not records:
        return dg.SensorResult(skip_reason=dg.SkipReason("No run has succeeded since the last."))
    ids = [record.run_id for record in records]
    runs = {run.run_id: run for run in instance.get_runs(dg.RunsFilter(run_ids=ids))}
    requests = [_request(runs[run_id]) for run_id in ids if run_id in runs]  # some are deleted
    wanted = [request for request in requests if request is not None]
    skip = None if wanted else dg.SkipReason("No run has rendered a clip since the last tick.")
    return dg.SensorResult(wanted, skip_reason=skip, cursor=str(records[-1].storage_id))


def _succeeded(
    instance: dg.DagsterInstance, *, after: int | None = None, limit: int
) -> Sequence[dg.EventLogRecord]:
    """Return the successes after a record, oldest first; without one, the newest."""
    wanted = dg.RunStatusChangeRecordsFilter(
        event_type=dg.DagsterEventType.RUN_SUCCESS, after_storage_id=after
    )
    is_onward = after is not None
    return instance.fetch_run_status_changes(wanted, limit=limit, ascending=is_onward).records


def _request(run: dg.DagsterRun) -> dg.RunRequest | None:
    """Request checks of the chunks that a run has rendered; None if it has rendered none."""
    ends = coverage.range_ends(run)
    if ends is None or run.job_name == check_chunks.name or not coverage.renders_clips(run):
        return None
    tags = {name: run.tags[name] for name in (FILM_TAG, CHUNKS_TAG) if name in run.tags}
    return dg.RunRequest(
        run_key=run.run_id, tags={RANGE_START: ends[0], RANGE_END: ends[1], **tags}
    )
