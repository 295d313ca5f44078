"""Work directories: each process has its own, and none outlives its process for long."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chunk_assets.errors import StorageError
from chunk_assets.files.workdirs import film_workdir

WORKER = """\
import sys
from pathlib import Path
from chunk_assets.files.workdirs import film_workdir
with film_workdir(Path(sys.argv[1])) as directory:
    (directory / "chunk").write_bytes(bytes(10_000))
    print(directory, flush=True)
    sys.stdin.read()
"""
"""Works until its standard input is closed."""

BUSY = """\
import sys
from pathlib import Path
from chunk_assets.files.workdirs import film_workdir
for number in range(50):
    with film_workdir(Path(sys.argv[1])) as directory:
        assert list(directory.iterdir()) == []
        (directory / "chunk").write_text(str(number))
        assert (directory / "chunk").read_text() == str(number)
"""
"""Comes and goes."""


@contextmanager
def working(home: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process and the directory that it works in."""
    command = [sys.executable, "-c", WORKER, str(home)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())


def left(home: Path) -> list[str]:
    """What is in the home's `work`, but for the lock."""
    return [path.name for path in (home / "work").iterdir() if path.name != "lock"]


def test_a_directory_is_empty_private_and_gone_afterwards(tmp_path: Path):
    """Also when the block ends in an error; two at a time are two."""
    with film_workdir(tmp_path) as one, film_workdir(tmp_path) as other:
        assert one != other
        assert list(one.iterdir()) == list(other.iterdir()) == []
        assert one.is_relative_to(tmp_path / "work")
        assert one.parent.stat().st_mode & 0o077 == 0
        (one / "deep").mkdir()
        (one / "deep" / "file").touch()
    with pytest.raises(KeyboardInterrupt), film_workdir(tmp_path):
        raise KeyboardInterrupt
    assert left(tmp_path) == []


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path):
    """What a living process works in stays."""
    with working(tmp_path) as (_, living), working(tmp_path) as (process, abandoned):
        process.kill()
        process.wait()
        assert (abandoned / "chunk").exists()
        with film_workdir(tmp_path):
            assert not abandoned.parent.exists()
            assert (living / "chunk").stat().st_size == 10_000
    assert left(tmp_path) == []


def test_many_processes_come_and_go_without_harm(tmp_path: Path):
    """No directory is mistaken for abandoned while it is created, used or removed."""
    command = [sys.executable, "-c", BUSY, str(tmp_path)]
    processes = [
        subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        for _ in range(4)
    ]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [
        (b"", 0)
    ] * 4
    with film_workdir(tmp_path):
        pass
    assert left(tmp_path) == []


def test_a_home_that_refuses_is_named(tmp_path: Path):
    """A path below a file can hold no directory."""
    (tmp_path / "file").touch()
    with (
        pytest.raises(StorageError, match=r"'.*file/home' cannot be written"),
        film_workdir(tmp_path / "file" / "home"),
    ):
        pass
