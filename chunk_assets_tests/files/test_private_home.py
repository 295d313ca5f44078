"""The home is its user's alone."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from chunk_assets.files.private_home import private_home


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_new_home_is_private(tmp_path: Path):
    """With its parents that are made for it, and with what is written in it then."""
    home = private_home(tmp_path / "new" / "home")
    (home / "file").touch()
    assert home.stat().st_mode & 0o777 == home.parent.stat().st_mode & 0o777 == 0o700
    assert (home / "file").stat().st_mode & 0o777 == 0o600


def test_an_older_home_is_tightened(tmp_path: Path):
    """What is ours in it, too; what a person keeps beside it, and what links lead to, stays."""
    (tmp_path / "dagster" / "history").mkdir(parents=True)
    (tmp_path / "dagster" / "history" / "runs.db").touch()
    (tmp_path / "mine.txt").touch()
    (tmp_path / "s3").mkdir()
    (tmp_path / "s3" / "link").symlink_to(tmp_path / "mine.txt")
    tmp_path.chmod(0o755)
    private_home(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "dagster" / "history").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "dagster" / "history" / "runs.db").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "mine.txt").stat().st_mode & 0o777 == 0o666
