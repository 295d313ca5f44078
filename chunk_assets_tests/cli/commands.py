"""Running `chunk-assets` as a person does: in this process, or in one of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
    """A command in a process group of its own, as a terminal starts it."""

    process: subprocess.Popen[str]
    seen: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, *arguments: object, **environment: str) -> "Running":
        """Start it; `environment` goes on top of this process's."""
        process = subprocess.Popen(
            [COMMAND, *map(str, arguments)],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # A test runner in the background has them ignored, and that is inherited.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        return cls(process)

    def until(self, text: str) -> None:
        """Wait for a line on stderr."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.seen.append(line)
            if text in line:
                return
        raise AssertionError(f"ended without {text!r}: {''.join(self.seen)}")

    def interrupt(self) -> float:
        """Press Ctrl-C, and return the seconds until the command has ended."""
        began = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(60)
        return time.monotonic() - began

    def ended(self) -> Ended:
        """Wait for its end."""
        stdout, stderr = self.process.communicate(timeout=120)
        return Ended(self.process.returncode, stdout, "".join(self.seen) + stderr)


def rendered(ended: Ended) -> list[int]:
    """Which chunks a `render --json` rendered."""
    return [chunk["chunk_num"] for chunk in ended.document["chunks"] if chunk["is_rendered_now"]]
