"""All checks, in the order in which they are printed."""

from chunk_assets.doctor import cluster, generators, machine, s3, storage
from chunk_assets.doctor.findings import Check

GROUPS: tuple[tuple[Check, ...], ...] = (
    (s3.s3_bucket, s3.s3_write, s3.s3_read, s3.s3_conditional_write, s3.s3_clock),
    (storage.dagster_storage, storage.dagster_migrated, storage.dagster_grid, storage.dagster_keys),
    (cluster.broker, cluster.workers, cluster.connections),
    (machine.ffmpeg,),
    (machine.disk,),
    (machine.locks,),
    (generators.models,),
    (generators.replicate,),
    (generators.comfyui,),
    (generators.sensor_limits,),
)
"""If the first check of a group fails, the others are skipped."""
