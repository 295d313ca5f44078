"""Dagster's queue for a cluster: one run a film at a time, and no more runs than free slots.

Named in `deploy/dagster.yaml`; the daemon and Dagit load it.
"""

from dagster import DagsterInstance, DagsterRun, QueuedRunCoordinator, SubmitRunContext
from redis import RedisError

from chunk_assets.cluster.broker import connect
from chunk_assets.cluster.row_locks import release_when_silent
from chunk_assets.cluster.workers import live_workers
from chunk_assets.dagster_internals.instance import FILM_TAG
from chunk_assets.dagster_internals.plugin_types import RunQueueConfig
from chunk_assets.defs.runs.coverage import only_film
from chunk_assets.settings import load_settings


class FilmQueue(QueuedRunCoordinator):
    """Tells each run's film before it is queued, and lets as many runs go as there are slots.

    A run that is launched waits for nothing: it has a slot. What has none stays in Dagster's queue,
    where a person sees it, orders it by priority and takes it out, and where the death of a host
    does not reach it.
    """

    def register_instance(self, instance: DagsterInstance) -> None:
        """As Dagster tells it its instance, whose locks are from then on let go of in time."""
        release_when_silent()
        super().register_instance(instance)

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Queue a run, with its film's tag, by which the queue keeps a film's runs apart."""
        run = context.dagster_run
        film = only_film(run)
        if film is not None and FILM_TAG not in run.tags:
            self._instance.add_run_tags(run.run_id, {FILM_TAG: film})
        return super().submit_run(context)

    def get_run_queue_config(self) -> RunQueueConfig:
        """The configured limits, and that of the slots there are at this moment.

        While Redis does not answer none is launched: it could not be.
        """
        configured = super().get_run_queue_config()
        return configured._replace(
            max_concurrent_runs=bounded(configured.max_concurrent_runs, self._slots())
        )

    def _slots(self) -> int:
        try:
            with connect(load_settings()) as redis:
                workers = live_workers(redis)
        except RedisError:
            self._logger.warning("Redis does not answer: no run is launched")
            return 0
        return sum(worker.slots for worker in workers if not worker.is_leaving)


def bounded(configured: int, slots: int) -> int:
    """How many runs may go on: no more than slots, nor than is configured; -1 is no limit."""
    return slots if configured < 0 else min(configured, slots)
