"""The process that starts runs under `chunk-assets dev`, by forking after the imports.

Run as `python -m chunk_assets.dagster_internals.fork_server SOCKET CODE_MODULE`. A new Python takes
4 to 6 s to import Dagster and the assets before a run begins; a fork of a process that has imported
them takes 0.1 s, and shares its memory. One request per connection, a line of JSON each way:

- `{"launch": ARGUMENTS, "run_id": ID, "nice": N}`: execute the run of these arguments
  (`run_execution.write_arguments`) at this niceness; answers with its process id.
- `{"cancel": ID}`: interrupt the run; answers whether it was found.

The process has one thread and opens nothing that a fork could not share. A run whose process is
killed is reported as failed. SIGINT and SIGTERM end the server once its runs, which get the signal
too, have ended.
"""

import importlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

_REQUEST_SECONDS = 5
"""Idle clients are disconnected after this many seconds; the server is single-threaded."""

_LOOK_SECONDS = 0.2
"""Between two looks for processes that have ended."""


class Forked(BaseException):
    """Raised in a forked process to leave the server's loop and do its `work`."""

    def __init__(self, work: Callable[[], None]):
        super().__init__(work)
        self.work = work


@dataclass(frozen=True)
class Run:
    """A run that is executed in a process."""

    run_id: str
    arguments: str


@dataclass
class ForkServer:
    """Forks a process for each run, and keeps track of those that are alive."""

    listener: socket.socket
    running: dict[int, Run] = field(default_factory=dict)
    is_ending: bool = False

    def serve(self) -> None:
        """Answer requests until a signal asks to stop and the last run has ended.

        Raises:
            Forked: In a forked process, which has other work to do.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._end)
        self.listener.settimeout(_LOOK_SECONDS)
        while not self.is_ending or self.running:
            with suppress(TimeoutError):
                self._answer()
            self._reap()

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self.is_ending = True
        if number == signal.SIGTERM:  # SIGINT from a terminal reaches the runs anyway
            for pid in self.running:
                os.kill(pid, number)

    def _answer(self) -> None:
        connection, _ = self.listener.accept()
        with connection, suppress(OSError, ValueError):  # the client is gone, or sends no JSON
            connection.settimeout(_REQUEST_SECONDS)
            with connection.makefile("rw") as lines:
                request = json.loads(lines.readline())
                lines.write(json.dumps(self._reply(request)) + "\n")

    def _reply(self, request: dict[str, Any]) -> dict[str, Any]:
        if "cancel" in request:
            pids = [pid for pid, run in self.running.items() if run.run_id == request["cancel"]]
            for pid in pids:
                os.kill(pid, signal.SIGTERM)  # alive or a zombie, as `_reap` has not removed it
            return {"was_there": bool(pids)}
        if self.is_ending:
            return {"pid": None}
        run = Run(str(request["run_id"]), str(request["launch"]))
        nice = int(request.get("nice", 0))
        pid = self._fork(lambda: _execute(run.arguments, nice))
        self.running[pid] = run
        return {"pid": pid}

    def _fork(self, work: Callable[[], None]) -> int:
        """Fork a process that does this work and nothing else.

        Returns:
            Its process id, in the parent.

        Raises:
            Forked: In the forked process.
        """
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self.listener.close()
            raise Forked(work)
        return pid

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            run = self.running.pop(pid, None)
            if run is not None and status != 0:
                how = _how(status)
                self._fork(lambda run=run, how=how: _report_lost(run.arguments, how))


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit status {code}"


def _execute(arguments: str, nice: int) -> None:
    from chunk_assets.dagster_internals import run_execution

    os.nice(nice)
    run_execution.execute(arguments)


def _report_lost(arguments: str, how: str) -> None:
    from chunk_assets.dagster_internals import run_execution

    run_execution.report_lost(arguments, f"The run's process {how}.")


def warm(code_module: str) -> None:
    """Import what a run needs, and build the jobs of the code location's `defs`."""
    # Breaks when moved: `chunk-assets dev` ends. Dagster imports it when it first executes a run.
    import dagster._core.execution.api  # noqa: F401

    from chunk_assets.dagster_internals import run_execution  # noqa: F401

    importlib.import_module(code_module).defs.get_repository_def().get_all_jobs()


def main() -> None:
    """Serve at the socket of the first argument, for the code of the module of the second."""
    path, code_module = Path(sys.argv[1]), sys.argv[2]
    work = None
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)  # clients wait while the code is imported
        warm(code_module)
        try:
            ForkServer(listener).serve()
        except Forked as forked:
            work = forked.work
    if work is not None:
        work()


if __name__ == "__main__":
    main()
