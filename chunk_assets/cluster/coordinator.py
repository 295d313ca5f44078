"""Dagster's run queue for a cluster: one run per film at a time, and one per free slot.

`deploy/dagster.yaml` names it; the daemon and Dagit load it.
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
    """Tags each run with its film before it is queued, and launches as many as there are slots.

    A launched run starts at once, as it has a slot. Other runs stay in Dagster's queue, where
    people can see, prioritize and cancel them, and where no run is lost with a host.
    """

    def register_instance(self, instance: DagsterInstance) -> None:
        """Take the instance from Dagster, and make its row locks expire (`row_locks`)."""
        release_when_silent()
        super().register_instance(instance)

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Queue a run, with the tag by which the queue limits a film to one run at a time."""
        run = context.dagster_run
        film = only_film(run)
        if film is not None and FILM_TAG not in run.tags:
            self._instance.add_run_tags(run.run_id, {FILM_TAG: film})
        return super().submit_run(context)

    def get_run_queue_config(self) -> RunQueueConfig:
        """Return the configured limits, and the number of slots that there are now.

        While Redis does not answer, the number is 0, since no run could be launched.
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
    """Return how many runs may be active, at most one per slot; configured is -1 for no limit."""
    return slots if configured < 0 else min(configured, slots)
