"""Execute a run in this process, as the processes of Dagster's own launchers do."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg

# Breaks when moved: no run starts, neither under `chunk-assets dev` nor on a worker.
from dagster._cli.api import _execute_run_command_body, execute_run_command

# Breaks when moved: a launcher cannot say which run it launches, and a worker cannot read it.
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import unpack_value

# Breaks when moved: Ctrl-C and Dagit's Terminate kill a worker's run before it has stored anything.
from dagster._utils.interrupts import capture_interrupts


def write_arguments(instance: dg.DagsterInstance, run: dg.DagsterRun, origin: Any) -> str:
    """Return what `execute` needs to know about a run, as text.

    Args:
        instance: Where the run is recorded.
        run: The run.
        origin: Where its job's code is, from the launcher's context.
    """
    return dg.serialize_value(ExecuteRunArgs(origin, run.run_id, instance.get_ref()))


def execute(arguments: str) -> None:
    """Execute the run of `write_arguments`, as `dagster api execute_run` does."""
    assert execute_run_command.callback is not None  # noqa: S101 - click's type is optional
    execute_run_command.callback(arguments, None)


def execute_recorded(instance: dg.DagsterInstance, run_id: str) -> None:
    """Execute a run that an open instance has recorded.

    Raises:
        SystemExit: The run failed.
    """
    _execute_run_command_body(run_id, instance, lambda _event: None, set_exit_code_on_failure=True)


def report_lost(arguments: str, sentence: str) -> None:
    """Report the run of `write_arguments` as failed, unless it has recorded how it ended."""
    given = dg.deserialize_value(arguments, ExecuteRunArgs)
    with dg.DagsterInstance.from_ref(given.instance_ref) as instance:  # type: ignore[arg-type]
        run = instance.get_run_by_id(given.run_id)
        if run is not None and not run.is_finished:
            instance.report_run_failed(run, sentence)


def packed_run_id(packed: Any) -> str:
    """Return the id of the run in a message of dagster-celery's launcher."""
    return unpack_value(packed, ExecuteRunArgs).run_id


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGINT end the run inside the block cleanly; restore the signal handlers afterwards."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with capture_interrupts():
            yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
