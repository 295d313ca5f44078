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
"""At most four chunks and the film are on disk: half a gigabyte for ten minutes of film. The video
cache, another film and Dagster's events each need as much."""

ENCODER, FILTER = "libx264", "xfade"


def ffmpeg(settings: Settings) -> Finding:
    """Check that the binary runs, and has the encoder and the filter that we use."""
    binary = settings.ffmpeg or executable()
    try:
        version = ask(binary, "-version").split("\n", 1)[0].removeprefix("ffmpeg version ")
        parts = {ENCODER: ask(binary, "-encoders"), FILTER: ask(binary, "-filters")}
    except FFmpegError as error:
        return fails(str(error), "unset CHUNK_ASSETS_FFMPEG to use the one installed by pip")
    # A line of either list is "flags name description".
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
    """Check that the home has space for a film while it is rendered."""
    home = _existing(settings.home)
    free = shutil.disk_usage(home).free
    measured = f"{free / (1 << 30):.1f} GiB free in {home}; {MIN_FREE_BYTES >> 30} GiB are needed"
    if free < MIN_FREE_BYTES:
        return fails(measured, "free space, or set CHUNK_ASSETS_HOME to another disk")
    return ok(measured)


def locks(settings: Settings) -> Finding:
    """Check that file locks work on the home's file system."""
    home = _existing(settings.home)
    advice = "set CHUNK_ASSETS_HOME to a directory on a local disk that this user may write"
    try:
        with tempfile.TemporaryDirectory(dir=home, prefix="doctor-") as directory:
            path = Path(directory) / "lock"
            with FileLock(path, wait=False):
                if is_locked(path):
                    return ok(f"a second process cannot take a lock in {home}")
    except StorageError as error:
        return fails(str(error), advice)
    except OSError as error:
        return fails(f"no lock can be taken in {home}: {error.strerror or error}", advice)
    return fails(f"the same lock in {home} can be taken twice", advice)


def _existing(path: Path) -> Path:
    """Return the path or its nearest existing parent, so that nothing is created."""
    path = path.absolute()
    return next(each for each in (path, *path.parents) if each.exists())
