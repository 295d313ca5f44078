"""Jobs for runs in processes of their own: a file says where they are, and what they found."""

import os
import time
from pathlib import Path

import dagster as dg


class Note(dg.Config):
    """Where to write what the process is."""

    path: str
    seconds: float = 0.0


@dg.op
def notes(config: Note) -> None:
    """Write down process, parent and niceness, and stay for a while."""
    part = Path(config.path).with_suffix(".part")
    part.write_text(f"{os.getpid()} {os.getppid()} {os.nice(0)}")
    part.replace(config.path)
    deadline = time.monotonic() + config.seconds
    while time.monotonic() < deadline:
        time.sleep(0.05)


@dg.job(executor_def=dg.in_process_executor)
def noting() -> None:
    """One op."""
    notes()
