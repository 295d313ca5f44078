"""The Celery app, which takes whole runs to the workers: one queue, one film per slot."""

from typing import Any

from celery import Celery
from dagster_celery.make_app import make_app

from chunk_assets.cluster.broker import broker_url, result_url
from chunk_assets.settings import Settings

QUEUE = "films"

CONFIGURATION: dict[str, Any] = {
    # A worker fetches a run only for a free slot. A run fetched earlier would wait for a film of
    # twenty minutes while another host is idle.
    "worker_prefetch_multiplier": 1,
    "worker_disable_prefetch": True,
    # Dagster retries runs; Celery must never deliver one twice.
    "task_acks_late": False,
    "task_track_started": True,
    "task_default_queue": QUEUE,
    "result_expires": 24 * 3600,
    "broker_connection_retry_on_startup": True,
    # If Redis does not answer, a launch fails at once, and Dagster reports it.
    "broker_transport_options": {"max_retries": 3, "interval_start": 0, "interval_max": 0.5},
    "worker_send_task_events": False,
    "worker_hijack_root_logger": False,
}


def celery_app(settings: Settings) -> Celery:
    """Return the app with this deployment's broker; a worker adds its tasks (`slots`).

    Its configuration contains the broker's password, so it must never be printed.

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
