"""Running `chunk-assets` as a person does: in this process, or in one of its own."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from click.testing import CliRunner

from chunk_assets.cli.main import main

COMMAND = str(Path(sys.executable).with_name("chunk-assets"))


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The JSON document that stdout is, from its first character to its last."""
        return json.loads(self.stdout)


def run(*arguments: object) -> Ended:
    """Run a command line in this process, where Dagster is imported already."""
    result = CliRunner().invoke(
        main, [str(argument) for argument in arguments], prog_name="chunk-assets"
    )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ended(result.exit_code, result.stdout, result.stderr)


def done(*arguments: object) -> Ended:
    """Run a command line that must succeed."""
    ended = run(*arguments)
    assert ended.code == 0, ended.stderr
    return ended


def sentence(*arguments: object) -> str:
    """What a command line that cannot be followed is answered with: one sentence, exit code 2."""
    ended = run(*arguments)
    assert ended.code == 2, (ended.stdout, ended.stderr)
    assert ended.stdout == ""
    *progress, last = ended.stderr.splitlines()
    assert last.startswith("Error: ")
    assert all(line.startswith(("chunk ", "stitching ")) for line in progress), progress
    return last.removeprefix("Error: ")


@dataclass
class Running:
    """A command in a process group of its own, as a terminal starts it; killed after its block."""

    process: subprocess.Popen[str]
    seen: list[str] = field(default_factory=list)

    @classmethod
    def start(
        cls, *arguments: object, largest_file: int | None = None, **environment: str
    ) -> "Running":
        """Start it.

        Args:
            *arguments: What stands behind `chunk-assets`.
            largest_file: Bytes that a file may have which it writes: the kernel refuses more, as
                it does where a disk is full, and that takes neither a disk nor rights.
            **environment: Added to this process's environment.
        """

        def prepare() -> None:
            # A test runner in the background has them ignored, and that is inherited.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if largest_file is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

        process = subprocess.Popen(
            [COMMAND, *map(str, arguments)],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=prepare,
        )
        return cls(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        if self.process.returncode is None:
            self.process.kill()
            self.process.communicate()

    def until(self, text: str) -> None:
        """Wait for a line on stderr."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.seen.append(line)
            if text in line:
                return
        raise AssertionError(f"ended without {text!r}: {''.join(self.seen)}")

    def interrupt(self) -> None:
        """Press Ctrl-C: every process of the terminal gets it."""
        os.killpg(self.process.pid, signal.SIGINT)

    def ended(self) -> Ended:
        """Wait for its end."""
        stdout, stderr = self.process.communicate(timeout=60)
        return Ended(self.process.returncode, stdout, "".join(self.seen) + stderr)


def rendered(ended: Ended) -> list[int]:
    """Which chunks a `render --json` rendered."""
    return [chunk["chunk_num"] for chunk in ended.document["chunks"] if chunk["is_rendered_now"]]


def wait_for(is_so: Callable[[], bool], seconds: float = 15) -> None:
    """Wait until it is so, but no longer than that."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    return any(process == pid and state != "Z" for process, _, state in _processes())


def descendants(pid: int) -> set[int]:
    """The process and all that it and its children have started."""
    family, size = {pid}, 0
    while len(family) > size:
        size = len(family)
        family |= {process for process, parent, _ in _processes() if parent in family}
    return family


def _processes() -> list[tuple[int, int, str]]:
    """Each process of this machine: its id, its parent's, and the first letter of its state."""
    command = [shutil.which("ps") or "ps", "-A", "-o", "pid=,ppid=,stat="]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listed.splitlines()]
    return [(int(pid), int(parent), state[0]) for pid, parent, state in rows]


def s3_is_open(home: Path) -> bool:
    """Whether the local S3 server of a home answers."""
    port = json.loads((home / "s3" / "server.json").read_text())["ports"]["s3.port"]
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
