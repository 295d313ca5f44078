"""The home is its user's alone, whatever the umask: 0700 and 0600, also what children write.

Files that a person asks for, such as `-o film.mp4`, follow the person's own umask.
"""

import os
from pathlib import Path

_OTHERS = 0o077

_OURS = ("dagster", "dev.lock", "dev.log", "locks", "nearby", "s3", "work")
"""What is made in a home; a person may have chosen a directory that holds other things, too."""


def write_privately() -> int:
    """Have this process and its children write for their user alone; return the umask before."""
    return os.umask(_OTHERS)


def private_home(home: Path) -> Path:
    """Make the home, or take from others what they may do in an older one.

    Raises:
        OSError: The disk refuses it.
    """
    write_privately()
    home.mkdir(parents=True, exist_ok=True)
    mode = home.stat().st_mode
    if mode & _OTHERS:
        for name in _OURS:
            _tighten(home / name)
        home.chmod(mode & 0o700)  # at last: what is interrupted is done again
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
