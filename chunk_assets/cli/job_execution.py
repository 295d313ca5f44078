"""Execute a Dagster job in this process."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from chunk_assets.cli.interrupts import clear_frames
from chunk_assets.dagster_internals.instance import TERMINAL_TAG
from chunk_assets.errors import ChunkAssetsError

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def execute_job(
    definitions: dg.Definitions,
    job: str,
    instance: dg.DagsterInstance,
    tags: Mapping[str, str],
    *,
    config: Mapping[str, Any] | None = None,
    only: Sequence[dg.AssetKey] | None = None,
) -> None:
    """Execute a job; the caller holds the lock of the film.

    Args:
        definitions: Where the job is.
        job: Its name.
        instance: Where its events are recorded.
        tags: The run's tags, with its partitions.
        config: The config of the op `film_chunks`; None if the job has no such op.
        only: The assets to make; None for all of the job's.

    Raises:
        ChunkAssetsError: The run failed.
        KeyboardInterrupt: A person stopped it.
    """
    run_id = str(uuid.uuid4())
    ops = {} if config is None else {"ops": {"film_chunks": {"config": dict(config)}}}
    try:
        definitions.resolve_job_def(job).execute_in_process(
            run_config={**_QUIET, **ops},
            instance=instance,
            run_id=run_id,
            asset_selection=None if only is None else list(only),
            tags={**tags, TERMINAL_TAG: "terminal"},
        )
    except dg.Failure as failure:
        if isinstance(failure.__cause__, ChunkAssetsError):
            raise failure.__cause__ from None
        raise
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError) as interrupt:
        clear_frames(interrupt)  # finish uploads while the film is locked
        _cancel(instance, run_id)
        raise KeyboardInterrupt from None


def _cancel(instance: dg.DagsterInstance, run_id: str) -> None:
    """Record that a person stopped the run; Dagster would record a crash."""
    run = instance.get_run_by_id(run_id)
    ended = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED)
    if run is not None and run.status not in ended:
        instance.report_run_canceled(run, "The command that started this run was stopped.")
