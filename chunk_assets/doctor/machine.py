"""This machine: FFmpeg, disk, locks."""

import shutil
import tempfile
from pathlib import Path

from chunk_assets.doctor.findings import Finding, fails, ok
from chunk_assets.errors import FFmpegError, StorageError
from chunk_assets.files.locks import FileLock, is_locked
from chunk_assets.media.ffmpeg import ask, executable
from chunk_assets.settings import Settings

MIN_FREE_BYTES = 2 << 30
"""Four chunks at most are on disk, and the film: half a gigabyte for ten minutes; as much nearby
(`storage.nearby`), as much for another film, and as much for Dagster's events."""

ENCODER, FILTER = "libx264", "xfade"


def ffmpeg(settings: Settings) -> Finding:
    """The binary runs, and has what clips and seams are made with."""
    binary = settings.ffmpeg or executable()
    try:
        version = ask(binary, "-version").split("\n", 1)[0].removeprefix("ffmpeg version ")
        parts = {ENCODER: ask(binary, "-encoders"), FILTER: ask(binary, "-filters")}
    except FFmpegError as error:
        return fails(str(error), "unset CHUNK_ASSETS_FFMPEG to use the one that came with pip")
    # A line of either list is "flags name what it is".
    missing = [name for name, listed in parts.items() if name not in _names(listed)]
    if missing:
        return fails(
            f"{binary} has no {' and no '.join(missing)}",
            "install an FFmpeg built with them, or unset CHUNK_ASSETS_FFMPEG",
        )
    return ok(f"{version.split(' Copyright')[0]} with {ENCODER} and {FILTER}")


def _names(listed: str) -> set[str]:
    return {words[1] for line in listed.splitlines() if len(words := line.split()) > 1}


def disk(settings: Settings) -> Finding:
    """There is room for what a film leaves in the home while it is made."""
    home = _existing(settings.home)
    free = shutil.disk_usage(home).free
    measured = f"{free / (1 << 30):.1f} GiB free in {home}; needed are {MIN_FREE_BYTES >> 30} GiB"
    if free < MIN_FREE_BYTES:
        return fails(measured, "make room, or name another disk with CHUNK_ASSETS_HOME")
    return ok(measured)


def locks(settings: Settings) -> Finding:
    """The home's file system keeps a second process from what a first has locked."""
    home = _existing(settings.home)
    advice = "put CHUNK_ASSETS_HOME on a local disk that this user may write"
    try:
        with tempfile.TemporaryDirectory(dir=home, prefix="doctor-") as directory:
            path = Path(directory) / "lock"
            with FileLock(path, wait=False):
                if is_locked(path):
                    return ok(f"a lock in {home} is refused to a second holder")
    except StorageError as error:
        return fails(str(error), advice)
    except OSError as error:
        return fails(f"{home} takes no lock: {error.strerror or error}", advice)
    return fails(f"a lock in {home} was given twice", advice)


def _existing(path: Path) -> Path:
    """The path, or what there is of it: nothing is made by looking."""
    path = path.absolute()
    return next(each for each in (path, *path.parents) if each.exists())
