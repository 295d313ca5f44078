"""Atomic writes and file locks: complete or absent, held or free."""

from pathlib import Path

import pytest

from chunk_assets.errors import MediaError
from chunk_assets.files.atomic import atomic_write
from chunk_assets.files.locks import FileLock, is_locked


def test_a_failed_write_leaves_the_old_file(tmp_path: Path):
    """The block's own error passes through, and the temporary file is removed."""
    target = tmp_path / "film.mp4"
    target.write_text("old")
    with pytest.raises(UnicodeEncodeError), atomic_write(target) as part:
        part.write_text("\ud800")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("film.mp4", "old")]


def test_an_operating_system_error_becomes_the_given_error(tmp_path: Path):
    """One sentence names the target and the reason."""
    with (
        pytest.raises(MediaError, match=r"/clip\.mp4' cannot be written: No such file"),
        atomic_write(tmp_path / "clip.mp4", MediaError) as part,
    ):
        (part / "below").touch()


def test_a_lock_excludes_others_until_it_is_released(tmp_path: Path):
    """A shared lock admits shared ones only."""
    path = tmp_path / "new" / "lock"
    with FileLock(path), pytest.raises(BlockingIOError):
        FileLock(path, shared=True, wait=False)
    first, second = FileLock(path, shared=True), FileLock(path, shared=True, wait=False)
    assert not is_locked(path)
    with pytest.raises(BlockingIOError):
        FileLock(path, wait=False)
    for lock in (first, second, first):
        lock.release()
    with FileLock(path, wait=False):
        assert is_locked(path)
