"""Handing off a run: it ends early, and Dagster starts it again on another worker.

A worker's process calls `set_shutdown`; in any other process, runs are never handed off.
"""

import dagster as dg

from chunk_assets.dagster_internals.tag_names import MAX_RETRIES, RETRY_FAILURES
from chunk_assets.render.hooks import Shutdown

HANDED_ON = "chunk_assets/handed_on_by"
"""Tag that names the host that handed off a run; the run that continues it has the tag, too."""

_current = Shutdown()


def set_shutdown(shutdown: Shutdown) -> None:
    """Set the shutdown signal for this process's walks."""
    global _current
    _current = shutdown


def current_shutdown() -> Shutdown:
    """Return the shutdown signal for this process's walks."""
    return _current


def hand_off(instance: dg.DagsterInstance, run: dg.DagsterRun, host: str) -> None:
    """Make Dagster retry a run that is about to fail, on top of the retries it may have."""
    tags = instance.get_run_by_id(run.run_id)
    known = dict(tags.tags) if tags else dict(run.tags)
    try:
        tries = int(known.get(MAX_RETRIES, instance.run_retries_max_retries))
    except ValueError:
        tries = instance.run_retries_max_retries
    instance.add_run_tags(
        run.run_id,
        {HANDED_ON: host, RETRY_FAILURES: "true", MAX_RETRIES: str(tries + 1)},
    )


def clear_handoff(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Undo `hand_off` for the run that continues a handed-off run, so that it fails normally."""
    if HANDED_ON in run.tags and run.tags.get(RETRY_FAILURES) == "true":
        instance.add_run_tags(run.run_id, {RETRY_FAILURES: "false"})
