"""Rendered chunks are looked at by themselves, behind the run that rendered them."""

import dagster as dg

from chunk_assets.defs.checks import CLIPS, check_chunks
from chunk_assets.defs.going_on import PARTITION
from chunk_assets.instance import CHUNKS_TAG, FILM_TAG

RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


@dg.run_status_sensor(
    name="rendered_chunks",
    run_status=dg.DagsterRunStatus.SUCCESS,
    request_job=check_chunks,
    # The film first: beside its stitching the checks cost it 2 s, however nice they are.
    minimum_interval_seconds=20,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Has the chunks looked at that a run has rendered, once it has succeeded.",
)
def rendered_chunks(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
    """One run that has succeeded."""
    run = context.dagster_run
    is_rendering = run.job_name == "render_chunks" or CLIPS in (run.asset_selection or ())
    if not is_rendering or run.job_name == check_chunks.name:
        return dg.SkipReason(f"Run {run.run_id} has rendered no clips.")
    single = run.tags.get(PARTITION)
    tags: dict[str, str] = {}
    for name in RANGE:
        if partition := single or run.tags.get(name):
            tags[name] = partition
    if not tags:
        return dg.SkipReason(f"Run {run.run_id} says no chunks.")
    tags |= {name: run.tags[name] for name in (FILM_TAG, CHUNKS_TAG) if name in run.tags}
    return dg.RunRequest(run_key=run.run_id, tags=tags)
