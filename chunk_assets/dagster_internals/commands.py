"""Dagster's processes as command lines."""

import sys
from pathlib import Path

# Breaks when moved: `chunk-assets dev` ends as soon as it starts the daemon. The script
# `dagster-daemon` is public, but need not be beside this Python.
_DAEMON_MODULE = "dagster._daemon"


def daemon(workspace: Path) -> list[str]:
    """The daemon, which runs sensors, schedules, backfills and the run queue."""
    return [sys.executable, "-m", _DAEMON_MODULE, "run", "--workspace", str(workspace)]


def code_server(socket: Path, module: str, location: str) -> list[str]:
    """The process that has a code location loaded, listening on a Unix socket."""
    names = ["--module-name", module, "--location-name", location]
    start = [sys.executable, "-m", "dagster", "code-server", "start"]
    return [*start, "--socket", str(socket), *names]
