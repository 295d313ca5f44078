"""The service process: its command does not outlive the process that started it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chunk_assets_tests.cli.commands import is_alive, wait_for

pytestmark = pytest.mark.slow

STUBBORN = """\
import os, signal, subprocess, sys, time
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
open("pids", "w").write(f"{os.getpid()} {child.pid} ")
time.sleep(60)
"""
"""Ignores every request to end, and has a child."""

POLITE = """\
import os, time
open("pids", "w").write(f"{os.getpid()} ")
try:
    time.sleep(60)
except KeyboardInterrupt:
    open("goodbye", "w")
"""
"""Ends when it is asked to."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def kept(program: str, seconds: float = 10, by: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """The keeper of a program that runs; `by` is run before it, in the keeper's parent.

    Leaving the block closes the pipe, as the end of the starting process does.
    """
    command = [sys.executable, "-m", "chunk_assets.cli.service_process", str(seconds)]
    command += [sys.executable, "-S", "-c", program]
    if by:
        command = [sys.executable, "-S", "-c", by, *command]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as keeper:
        wait_for(lambda: Path("pids").exists() and Path("pids").read_text().endswith(" "))
        yield keeper


def pids() -> list[int]:
    """The processes of the program."""
    return [int(pid) for pid in Path("pids").read_text().split()]


def all_ended() -> bool:
    """Whether the program and its children have."""
    return not any(map(is_alive, pids()))


def test_closing_the_pipe_ends_the_program_as_ctrl_c_does(here: Path):
    """It has its chance to clean up, and the keeper waits for it."""
    with kept(POLITE) as keeper:
        assert not all_ended()
    assert keeper.returncode == 0
    assert all_ended()
    assert (here / "goodbye").exists()


@pytest.mark.usefixtures("here")
def test_what_does_not_end_in_time_is_ended_by_force_with_its_children():
    """A program that ignores the request gets its seconds, then is killed."""
    with kept(STUBBORN, seconds=0.5):
        began = time.monotonic()
    assert 0.5 <= time.monotonic() - began < 5
    assert all_ended()


@pytest.mark.usefixtures("here")
def test_sigterm_is_for_the_impatient():
    """A second Ctrl-C comes as SIGTERM and ends the waiting, also while the pipe is open."""
    with kept(STUBBORN, seconds=60) as keeper:
        keeper.terminate()
        keeper.wait(10)
        assert all_ended()


@pytest.mark.usefixtures("here")
def test_nothing_outlives_a_killed_parent():
    """SIGKILL of the process that holds the pipe closes it."""
    # The parent in between holds the pipe; its keeper is not ours to wait for.
    parent = "import subprocess, sys; subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE).wait()"
    with kept(STUBBORN, seconds=0.5, by=parent) as process:
        process.kill()
        process.wait()
        wait_for(all_ended)


@pytest.mark.usefixtures("here")
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel has no such signal")
def test_the_kernel_ends_the_program_of_a_killed_keeper():
    """On Linux even SIGKILL of the keeper leaves nothing that answers to SIGTERM."""
    with kept(POLITE) as keeper:
        keeper.kill()
        keeper.wait()
        wait_for(all_ended)


@pytest.mark.usefixtures("here")
def test_its_exit_status_is_the_program_s():
    """A program that ends by itself ends the keeper, too."""
    program = "open('pids', 'w').write('0 '); raise SystemExit(7)"
    with kept(program) as keeper:
        assert keeper.wait(10) == 7


def test_interrupts_are_heard_though_the_shell_had_them_ignored(here: Path):
    """A job in a script's background is born deaf to Ctrl-C; what is kept is not."""
    deaf = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    with kept(POLITE, by=deaf) as keeper:
        pass
    assert keeper.returncode == 0
    assert (here / "goodbye").exists()
