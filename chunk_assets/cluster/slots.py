"""A slot: a process of a worker that executes one run at a time."""

import os
import signal
import threading
from contextlib import suppress
from multiprocessing import Value
from typing import Any

import dagster as dg
from celery import Celery
from dagster_celery.config import TASK_EXECUTE_JOB_NAME
from redis import Redis, RedisError

from chunk_assets.cluster.broker import LOST, SILENT_SECONDS, connect, end_key, run_key
from chunk_assets.cluster.connections import kept_connections
from chunk_assets.cluster.row_locks import release_when_silent
from chunk_assets.dagster_internals import run_execution
from chunk_assets.defs.runs import handoff
from chunk_assets.render.hooks import Shutdown
from chunk_assets.settings import Settings

WORKER_TAG = "worker"
"""Tag that names the worker that executes or executed a run, for finding runs in Dagit."""

LOOK_SECONDS = 2.0
"""Seconds between a run's heartbeats, with which its slot reads whether the run must end."""


class WorkerShutdown(Shutdown):
    """Signals from a worker to its slots, in shared memory; created before the slots are forked.

    `keeps_predictions` is true until a person terminates the run: a slot that ends for any other
    reason leaves its prediction to the run's next attempt.
    """

    keeps_predictions = True

    def __init__(self, wait_seconds: float | None = None) -> None:
        self._stage: Any = Value("i", 0, lock=False)
        self._is_lost = False
        self.wait_seconds = wait_seconds

    def ask(self) -> int:
        """Request the end again; return how many times it was requested."""
        self._stage.value += 1
        return self._stage.value

    def lose(self) -> None:
        """In a slot: note that its run was given to another."""
        self._is_lost = True

    def renew(self, *, keeps_predictions: bool = True) -> None:
        """In a slot: reset for a new run, or for one that is terminated."""
        self._is_lost = False
        self.keeps_predictions = keeps_predictions

    def is_requested(self) -> bool:
        """Return whether the worker was asked to stop."""
        return self._stage.value >= 1

    def is_urgent(self) -> bool:
        """Return whether it was asked twice, or the run was given to another slot."""
        return self._is_lost or self._stage.value >= 2


class Slot:
    """Executes runs in this process of a worker."""

    def __init__(self, settings: Settings, worker: str, shutdown: WorkerShutdown):
        self._redis = connect(settings)
        self._worker, self._shutdown = worker, shutdown
        release_when_silent()
        handoff.set_shutdown(shutdown)

    def execute(self, run_id: str) -> None:
        """Execute a run, unless it was cancelled or has ended."""
        with dg.DagsterInstance.get() as instance, kept_connections(instance):
            run = instance.get_run_by_id(run_id)
            if run is None or run.is_finished:
                return
            if run.status == dg.DagsterRunStatus.CANCELING:
                instance.report_run_canceled(run)
                return
            if not self._redis.set(run_key(run_id), self._worker, nx=True, ex=SILENT_SECONDS):
                return  # the message was delivered twice
            self._shutdown.renew()
            instance.add_run_tags(run_id, {WORKER_TAG: self._worker})
            handoff.clear_handoff(instance, run)
            with (
                run_execution.interruptible(),
                Watch(self._redis, run_id, self._worker, self._shutdown),
            ):
                run_execution.execute_recorded(instance, run_id)


class Watch:
    """Thread that sends the heartbeats of a run, and reads whether the run must end.

    It uses only Redis, which answers within seconds or not at all: a database that hangs must not
    make a run look lost.
    """

    def __init__(self, redis: Redis, run_id: str, worker: str, shutdown: WorkerShutdown):
        self._redis, self._run_id, self._worker = redis, run_id, worker
        self._shutdown = shutdown
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="watch", daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self._is_over.set()
        self._thread.join()
        with suppress(RedisError):  # the heartbeat expires anyway
            self._redis.delete(run_key(self._run_id))

    def _beat(self) -> None:
        is_ending = False
        while not self._is_over.wait(LOOK_SECONDS):
            end = None
            # While Redis is down, no health check can declare the run lost.
            with suppress(RedisError), self._redis.pipeline() as pipe:
                pipe.set(run_key(self._run_id), self._worker, ex=SILENT_SECONDS)
                pipe.get(end_key(self._run_id))
                _, end = pipe.execute()
            if end is None or is_ending:
                continue
            is_ending = True
            if end == LOST:
                # Its retry on another worker continues with this run's predictions.
                self._shutdown.lose()
            elif not self._is_over.is_set():
                self._shutdown.renew(keeps_predictions=False)
                os.kill(os.getpid(), signal.SIGINT)


_slot: list[Slot] = []
"""This process's slot, if it is one."""


def become_slot(settings: Settings, worker: str, shutdown: WorkerShutdown) -> None:
    """Make this process a slot.

    It gets its own process group, so that Ctrl-C in a terminal reaches only the worker.
    """
    os.setpgid(0, 0)
    _slot[:] = [Slot(settings, worker, shutdown)]


def add_task(app: Celery) -> None:
    """Add the task that executes runs in this worker's slots."""

    @app.task(name=TASK_EXECUTE_JOB_NAME)
    def execute_job(execute_job_args_packed: Any) -> None:
        _slot[0].execute(run_execution.packed_run_id(execute_job_args_packed))
