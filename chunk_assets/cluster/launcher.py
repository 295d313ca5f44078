"""Dagster's run launcher for a cluster: launches runs, terminates them, and notices dead hosts.

`deploy/dagster.yaml` names it; the daemon and Dagit load it. Its settings come from the
environment, so that no password is in a file or in what Dagster shows.
"""

import time
from collections.abc import Mapping
from typing import Any, Self

from celery import Celery
from dagster import DagsterRun
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from chunk_assets.cluster.app import CONFIGURATION, QUEUE
from chunk_assets.cluster.broker import (
    BEAT_SECONDS,
    END_SECONDS,
    LOST,
    SILENT_SECONDS,
    TERMINATED,
    broker_url,
    connect,
    end_key,
    result_url,
    run_key,
)
from chunk_assets.cluster.row_locks import release_when_silent
from chunk_assets.dagster_internals.plugin_types import (
    CheckRunHealthResult,
    ConfigurableClassData,
    UserConfigSchema,
    WorkerStatus,
)
from chunk_assets.settings import load_settings

_SECOND_LOOK = 2 * BEAT_SECONDS
"""Seconds within which each slot sends a heartbeat, even to a Redis that has restarted."""


class FilmLauncher(CeleryRunLauncher):
    """dagster-celery's launcher, with a health check by heartbeats.

    A dead host reports nothing, and Celery considers its tasks started for ever. Instead a slot
    sends a heartbeat for its run every few seconds (`slots`), which expires in Redis.
    """

    celery: Celery

    def __init__(self, inst_data: ConfigurableClassData | None = None):
        settings = load_settings()
        release_when_silent()
        super().__init__(
            default_queue=QUEUE,
            broker=broker_url(settings),
            backend=result_url(settings),
            config_source=CONFIGURATION,
            inst_data=inst_data,
        )
        self._redis = connect(settings)
        self._missed: dict[str, float] = {}

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Return an empty config: the environment has the settings."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> Self:
        """Create the launcher; called by Dagster."""
        return cls(inst_data=inst_data)

    def dispose(self) -> None:
        """Close the connections."""
        self._redis.close()
        self.celery.close()

    @property
    def supports_resume_run(self) -> bool:
        """Return false: a run that lost its host is retried as a new run, which Dagster shows."""
        return False

    def terminate(self, run_id: str) -> bool:
        """Cancel a run; its slot learns of it through Redis.

        Celery itself would kill the process, with a billed prediction in flight.

        Raises:
            redis.RedisError: Redis does not answer; nothing is cancelled.
        """
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._redis.set(end_key(run_id), TERMINATED, ex=END_SECONDS)
        self._instance.report_run_canceling(run)
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Return whether a slot executes the run.

        Raises:
            redis.RedisError: Redis does not answer, so the state of the run is unknown.
        """
        if DAGSTER_CELERY_TASK_ID_TAG not in run.tags:  # not launched here, but in a terminal
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        if self._redis.exists(run_key(run.run_id)):
            self._missed.pop(run.run_id, None)
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        since = self._missed.setdefault(run.run_id, time.monotonic())
        if time.monotonic() - since < _SECOND_LOOK:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        del self._missed[run.run_id]
        # In case its host is only cut off: it stops the run when it reaches Redis again.
        self._redis.set(end_key(run.run_id), LOST, ex=END_SECONDS)
        return CheckRunHealthResult(
            WorkerStatus.FAILED,
            f"no heartbeat of this run for {SILENT_SECONDS} s: its host is down, or its process "
            "was killed",
        )

    def get_run_worker_debug_info(
        self, run: DagsterRun, include_container_logs: bool | None = True
    ) -> str | None:
        """Return the worker that executes the run, or did."""
        at_it = self._redis.get(run_key(run.run_id)) or run.tags.get("worker")
        return f"worker: {at_it}" if at_it else None
