"""The Celery app: how whole runs come to the workers. One queue, one film a slot."""

from typing import Any

from celery import Celery
from dagster_celery.make_app import make_app

from chunk_assets.cluster.broker import broker_url, result_url
from chunk_assets.settings import Settings

QUEUE = "films"

CONFIGURATION: dict[str, Any] = {
    # A worker fetches a run when it has a free slot, never one more: that one would wait behind a
    # film of twenty minutes while another host is idle.
    "worker_prefetch_multiplier": 1,
    "worker_disable_prefetch": True,
    # A run is Dagster's from the moment it is begun: it is never delivered twice.
    "task_acks_late": False,
    "task_track_started": True,
    "task_default_queue": QUEUE,
    "result_expires": 24 * 3600,
    "broker_connection_retry_on_startup": True,
    # A launch whose Redis is away fails in a moment, and Dagster tells so.
    "broker_transport_options": {"max_retries": 3, "interval_start": 0, "interval_max": 0.5},
    "worker_send_task_events": False,
    "worker_hijack_root_logger": False,
}


def celery_app(settings: Settings) -> Celery:
    """The app with this deployment's broker; without tasks, which `slots` adds in a worker.

    Its configuration holds the broker's password: it is never printed.

    Raises:
        SpecError: The environment names no broker.
    """
    return make_app(
        {
            "broker": broker_url(settings),
            "backend": result_url(settings),
            "config_source": CONFIGURATION,
        }
    )
