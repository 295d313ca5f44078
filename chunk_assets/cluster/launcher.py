"""How Dagster launches runs on a cluster, ends them, and learns that a host is gone.

Named in `deploy/dagster.yaml`; the daemon and Dagit load it. Everything is read from the
environment: nothing of it, no password above all, is in a file or in what Dagster shows.
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
"""Seconds in which every slot has said that it is alive, also to a Redis that was started anew."""


class FilmLauncher(CeleryRunLauncher):
    """dagster-celery's launcher, which asks whether a slot is at the run, not what Celery thinks.

    A host that is gone reports nothing: for Celery its tasks are started for ever. A slot renews
    its word on a run every few seconds instead (`slots`), and Redis forgets it by itself.
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
        """None: the environment says it."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> Self:
        """As Dagster makes it."""
        return cls(inst_data=inst_data)

    def dispose(self) -> None:
        """Close what was opened."""
        self._redis.close()
        self.celery.close()

    @property
    def supports_resume_run(self) -> bool:
        """A run that lost its host is another run: a retry, which Dagster counts and shows."""
        return False

    def terminate(self, run_id: str) -> bool:
        """Have a run cancelled: its slot reads it in Redis, wherever it is.

        Celery's own way kills the process, with a prediction in flight that is billed.

        Raises:
            redis.RedisError: Redis does not answer; nothing is cancelled then.
        """
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._redis.set(end_key(run_id), TERMINATED, ex=END_SECONDS)
        self._instance.report_run_canceling(run)
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether a slot is at the run.

        Raises:
            redis.RedisError: Redis does not answer, which says nothing of the run.
        """
        if DAGSTER_CELERY_TASK_ID_TAG not in run.tags:  # a terminal's, say
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        if self._redis.exists(run_key(run.run_id)):
            self._missed.pop(run.run_id, None)
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        since = self._missed.setdefault(run.run_id, time.monotonic())
        if time.monotonic() - since < _SECOND_LOOK:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        del self._missed[run.run_id]
        # Should its host be cut off only, it shall know when it comes back.
        self._redis.set(end_key(run.run_id), LOST, ex=END_SECONDS)
        return CheckRunHealthResult(
            WorkerStatus.FAILED,
            f"no worker has been heard of at this run for {SILENT_SECONDS} s: its host is gone, "
            "or its process was killed",
        )

    def get_run_worker_debug_info(
        self, run: DagsterRun, include_container_logs: bool | None = True
    ) -> str | None:
        """Which slot is at the run, or had it."""
        at_it = self._redis.get(run_key(run.run_id)) or run.tags.get("worker")
        return f"worker: {at_it}" if at_it else None
