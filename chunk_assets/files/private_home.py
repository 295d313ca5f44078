"""Keep the home private to its user (0700, 0600), whatever the umask; child processes inherit it.

Output files that a person asks for, such as `-o film.mp4`, follow the person's own umask.
"""

import os
from pathlib import Path

from chunk_assets.errors import StorageError

_OTHERS = 0o077

_OURS = ("circuits", "dagster", "dev.lock", "dev.log", "locks", "nearby", "s3", "work")
"""Entries we create in a home; a person may choose a directory that also holds other files."""


def write_privately() -> int:
    """Make new files of this process and its children private; return the previous umask."""
    return os.umask(_OTHERS)


def private_home(home: Path) -> Path:
    """Create the home, or remove other users' permissions from an existing one.

    Raises:
        StorageError: The disk refuses it.
    """
    write_privately()
    try:
        home.mkdir(parents=True, exist_ok=True)
        mode = home.stat().st_mode
        if mode & _OTHERS:
            for name in _OURS:
                _tighten(home / name)
            home.chmod(mode & 0o700)  # last, so that an interrupted call is repeated
    except OSError as error:
        message = f"{str(home)!r} cannot be written: {error.strerror}"
        raise StorageError(message, path=str(home)) from error
    return home


def _tighten(path: Path) -> None:
    if path.is_symlink() or not path.exists():
        return
    path.chmod(path.stat().st_mode & 0o7700)
    if path.is_dir():
        for directory, directories, files in os.walk(path):
            for name in (*directories, *files):
                inside = Path(directory, name)
                if not inside.is_symlink():
                    inside.chmod(inside.stat().st_mode & 0o7700)
