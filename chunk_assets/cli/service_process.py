"""The process that keeps a server for as long as the command that asked for it lives.

Run as `python -m chunk_assets.cli.service_process SECONDS COMMAND...`, its standard input a pipe:
it starts COMMAND, and when the pipe is closed, which the kernel does however its other end dies
(SIGKILL too), it asks COMMAND and everything COMMAND has started to end, and ends by force what is
left after SECONDS. SIGTERM skips the asking. Its exit code is COMMAND's.

The command runs in a process group of its own, so that a terminal's Ctrl-C goes to whoever holds
the pipe, and so that a signal reaches its children, too. On Linux the kernel ends COMMAND if the
keeper itself is killed. What leaves the group (with `setsid`) is not followed.

Nothing but the standard library is imported: it starts in 30 ms and needs 10 MB.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

_POLL_SECONDS = 0.1
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def start(command: list[str]) -> subprocess.Popen[bytes]:
    """Start the command in a group of its own."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def prepare() -> None:
        # A shell's `&` has interrupts ignored, and Dagster would then ignore SIGTERM as well.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if libc:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0, preexec_fn=prepare)


def end(process: subprocess.Popen[bytes], seconds: float, is_hurried: threading.Event) -> None:
    """End the process's group: as Ctrl-C does, and after so many seconds by force."""
    _signal_group(process, signal.SIGINT)
    deadline = time.monotonic() + seconds
    while _has_members(process) and time.monotonic() < deadline and not is_hurried.is_set():
        time.sleep(_POLL_SECONDS)
    _signal_group(process, signal.SIGKILL)
    process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS says so of a group of zombies
        os.killpg(process.pid, number)


def _has_members(process: subprocess.Popen[bytes]) -> bool:
    process.poll()  # reaps it: a zombie counts as a member
    try:
        os.killpg(process.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def main() -> None:
    """Keep what the arguments say."""
    seconds, *command = sys.argv[1:]
    is_hurried = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_hurried.set())
    process = start(command)
    code = None
    while code is None and not is_hurried.is_set() and not _is_closed():
        code = process.poll()
    end(process, float(seconds), is_hurried)
    sys.exit(code or 0)


def _is_closed() -> bool:
    """Whether nobody holds the pipe any more; takes a moment where somebody does."""
    readable, _, _ = select.select([sys.stdin], [], [], _POLL_SECONDS)
    return bool(readable) and not os.read(sys.stdin.fileno(), 4096)


if __name__ == "__main__":
    main()
