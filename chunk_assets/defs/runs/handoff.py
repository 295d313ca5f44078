"""A run that ends early so that Dagster starts it again elsewhere: asked for by a worker.

A worker's process calls `set_shutdown`; in any other process, runs are never handed off.
"""

import dagster as dg

from chunk_assets.dagster_internals.tag_names import MAX_RETRIES, RETRY_FAILURES
from chunk_assets.render.hooks import Shutdown

HANDED_ON = "chunk_assets/handed_on_by"
"""Which host handed a run on; on the run that goes on with it as well."""

_current = Shutdown()


def set_shutdown(shutdown: Shutdown) -> None:
    """Set the shutdown that this process's walks follow."""
    global _current
    _current = shutdown


def current_shutdown() -> Shutdown:
    """Return the shutdown that this process's walks follow."""
    return _current


def hand_on(instance: dg.DagsterInstance, run: dg.DagsterRun, host: str) -> None:
    """Have Dagster start a run again that is about to fail, though its op fails by itself.

    It does not count as one of the tries that a run has.
    """
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


def taken_over(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Have a run that goes on with one that was handed on fail like any other."""
    if HANDED_ON in run.tags and run.tags.get(RETRY_FAILURES) == "true":
        instance.add_run_tags(run.run_id, {RETRY_FAILURES: "false"})
