"""Dagster's run launcher, which starts runs in the fork server if there is one."""

import json
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg

from chunk_assets.dagster_internals import run_execution
from chunk_assets.dagster_internals.instance import KEPT_BY_DEV, KEPT_TAG
from chunk_assets.dagster_internals.plugin_types import LaunchRunContext
from chunk_assets.dagster_internals.tag_names import PRIORITY
from chunk_assets.settings import load_settings

_NICE = 10
"""A run at this niceness gets a third of a processor beside one of normal priority."""

_ANSWER_SECONDS = 60
"""On a busy machine the server may still be importing the code."""


class WarmRunLauncher(dg.DefaultRunLauncher):
    """Starts runs as forks of a process that has the code imported (`fork_server`).

    `chunk-assets dev` starts that process, and names its socket in the environment of Dagster's
    processes. If there is none, or it does not answer, runs start as with Dagster's own launcher.
    """

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the run."""
        run, origin = context.dagster_run, context.job_code_origin
        path = load_settings().fork_server
        if path is None or origin is None:
            super().launch_run(context)
            return
        arguments = run_execution.write_arguments(self._instance, run, origin)
        self._instance.add_run_tags(run.run_id, {KEPT_TAG: KEPT_BY_DEV})
        try:
            request = {"run_id": run.run_id, "launch": arguments}
            answer = ask(path, **request, nice=_nice(run))
        except (OSError, ValueError) as error:
            self._instance.report_engine_event(
                f"The process that starts runs does not answer ({error}): starting a new one.",
                run,
            )
            super().launch_run(context)
            return
        if answer["pid"] is None:
            message = "chunk-assets dev is ending: the run was not started."
            self._instance.report_run_failed(run, message)

    def terminate(self, run_id: str) -> bool:
        """Interrupt the run, however it was started; return whether it was found."""
        path = load_settings().fork_server
        run = self._instance.get_run_by_id(run_id)
        is_ours = run is not None and not run.is_finished and KEPT_TAG in run.tags
        if path is not None and run is not None and is_ours:
            # Before the signal: an interrupted run checks whether it is being cancelled.
            self._instance.report_run_canceling(run)
            with suppress(OSError, ValueError):
                if ask(path, cancel=run_id)["was_there"]:
                    return True
        return super().terminate(run_id)


def _nice(run: dg.DagsterRun) -> int:
    """Return the niceness of a run: one of low priority in the queue also runs at low priority."""
    priority = run.tags.get(PRIORITY, "0")
    return _NICE if priority.startswith("-") else 0


def ask(path: Path, **request: object) -> dict[str, Any]:
    """Send the fork server at a socket a request, and return its answer.

    Raises:
        OSError: It does not exist, or does not answer in time.
        ValueError: It ended before it answered.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_ANSWER_SECONDS)
        connection.connect(str(path))
        with connection.makefile("rw") as lines:
            lines.write(json.dumps(request) + "\n")
            lines.flush()
            return json.loads(lines.readline())
