"""The process that runs start in while `dev` lives: it has the code imported, and forks.

Run as `python -m chunk_assets.dagster_internals.fork_server SOCKET CODE_MODULE`. A new Python that
imports Dagster and the assets takes 4 to 6 s before a run begins; a fork of one that has them takes
0.1 s, and shares its memory. One request a connection, a line of JSON each way:

- `{"launch": ARGS, "run_id": ID, "nice": N}`: execute the run of Dagster's serialized
  `ExecuteRunArgs`, so much nicer to other processes; answered with its process id;
- `{"cancel": ID}`: interrupt it; answered with whether it was there.

It has one thread and opens nothing that a fork could not share. A run whose process is killed is
reported as failed. SIGINT and SIGTERM end it once the runs, which get the signal too, are over.
"""

import importlib
import json
import os
import selectors
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
"""A client that says nothing for so long is hung up on: there is but one thread."""


class Forked(BaseException):
    """Takes a new process out of the server's loop, to the `work` that it is there for."""

    def __init__(self, work: Callable[[], None]):
        super().__init__(work)
        self.work = work


@dataclass(frozen=True)
class Run:
    """A run that has a process."""

    run_id: str
    arguments: str


@dataclass
class ForkServer:
    """Forks a process a run, and knows which of them live."""

    listener: socket.socket
    running: dict[int, Run] = field(default_factory=dict)
    is_ending: bool = False

    def serve(self) -> None:
        """Answer requests until a signal says to end, and the last run has ended.

        Raises:
            Forked: In a new process, which has other work to do.
        """
        heard, woken = socket.socketpair()
        for end in (heard, woken):
            end.setblocking(False)
        signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._end)
        with selectors.DefaultSelector() as selector:
            selector.register(self.listener, selectors.EVENT_READ)
            selector.register(heard, selectors.EVENT_READ)
            while not self.is_ending or self.running:
                for key, _ in selector.select():
                    if key.fileobj is heard:
                        with suppress(BlockingIOError):
                            heard.recv(4096)
                    else:
                        self._answer()
                self._reap()

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self.is_ending = True
        if number == signal.SIGTERM:  # a terminal's SIGINT goes to the runs, too
            for pid in self.running:
                os.kill(pid, number)

    def _answer(self) -> None:
        connection, _ = self.listener.accept()
        with connection, suppress(OSError, ValueError):  # the client has gone, or is none of ours
            connection.settimeout(_REQUEST_SECONDS)
            with connection.makefile("rw") as lines:
                request = json.loads(lines.readline())
                lines.write(json.dumps(self._reply(request)) + "\n")

    def _reply(self, request: dict[str, Any]) -> dict[str, Any]:
        if "cancel" in request:
            pids = [pid for pid, run in self.running.items() if run.run_id == request["cancel"]]
            for pid in pids:
                os.kill(pid, signal.SIGTERM)  # it lives, or is a zombie: `_reap` has not been here
            return {"was_there": bool(pids)}
        if self.is_ending:
            return {"pid": None}
        run = Run(str(request["run_id"]), str(request["launch"]))
        nice = int(request.get("nice", 0))
        pid = self._fork(lambda: _execute(run.arguments, nice))
        self.running[pid] = run
        return {"pid": pid}

    def _fork(self, work: Callable[[], None]) -> int:
        """Fork, and have the new process do this work and nothing else.

        Returns:
            The new process's id, in this one.

        Raises:
            Forked: In the new one.
        """
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
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
    """Serve at the socket that the first argument names, for the module that the second names."""
    path, code_module = Path(sys.argv[1]), sys.argv[2]
    work = None
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)  # whoever comes before the code is imported waits
        warm(code_module)
        try:
            ForkServer(listener).serve()
        except Forked as forked:
            work = forked.work
    if work is not None:
        work()


if __name__ == "__main__":
    main()
