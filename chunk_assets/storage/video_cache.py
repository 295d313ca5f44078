"""A cache of the clips and films that this machine has stored on S3.

The files are in the home, named by the sha256 of their content. Nothing depends on them: a file
that is missing or damaged is downloaded instead. Old files, and the oldest beyond the size limit,
are removed whenever one is added.
"""

import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path

from chunk_assets.errors import Damaged, StorageError
from chunk_assets.files.atomic import atomic_write
from chunk_assets.files.digests import file_digest

MAX_BYTES = 512 << 20
"""About seven minutes of clips of 1024×576."""

MAX_SECONDS = 3600
"""Long enough: a film is stitched, downloaded and checked right after its last clip is stored."""

_NAME = re.compile("[0-9a-f]{64}")


class VideoCache:
    """A directory of files named by their content; several processes may use it at once.

    Args:
        directory: Created with the first file, private to its owner.
        max_bytes: Limit on the size of all files together.
        max_seconds: How long a file is kept.
    """

    def __init__(
        self, directory: Path, max_bytes: int = MAX_BYTES, max_seconds: float = MAX_SECONDS
    ):
        self._directory = directory
        self._max_bytes, self._max_seconds = max_bytes, max_seconds
        self._tidy()

    def keep(self, path: Path, sha256: str) -> None:
        """Add a file that is complete, as a hard link: it takes no space while `path` exists."""
        if not _NAME.fullmatch(sha256):
            return
        with suppress(OSError, StorageError):  # another file system, a full disk: it is downloaded
            self._directory.mkdir(mode=0o700, exist_ok=True)
            with atomic_write(self._directory / sha256) as part:
                os.link(path, part)
                os.utime(part)
        self._tidy()

    def copy(self, sha256: str, path: Path) -> bool:
        """Copy the file with that content to `path`; false if it is missing or damaged."""
        if not _NAME.fullmatch(sha256):
            return False
        kept = self._directory / sha256
        try:
            with atomic_write(path) as part:
                shutil.copyfile(kept, part)
                if file_digest(part) != sha256:
                    kept.unlink(missing_ok=True)
                    raise Damaged(f"{str(kept)!r} is damaged")
        except StorageError:
            return False
        return True

    def _tidy(self) -> None:
        """Remove files that are too old, and the oldest beyond the size limit."""
        room, now = self._max_bytes, time.time()
        for path, size, since in sorted(self._files(), key=lambda file: -file[2]):
            room -= size
            if room < 0 or now - since > self._max_seconds:
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def _files(self) -> list[tuple[Path, int, float]]:
        found = []
        with suppress(OSError), os.scandir(self._directory) as entries:
            for entry in entries:
                with suppress(OSError):  # another process may remove it
                    stat = entry.stat()
                    found.append((Path(entry.path), stat.st_size, stat.st_mtime))
        return found
