"""What a film needs of this machine at its end: an FFmpeg, and a place to go to."""

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from chunk_assets.errors import FFmpegError, StorageError
from chunk_assets.media.ffmpeg import executable


def check_ffmpeg() -> None:
    """See that there is an FFmpeg to stitch with, before anything is rendered.

    Raises:
        FFmpegError: There is none.
    """
    binary = executable()
    if shutil.which(binary) is None:
        raise FFmpegError(
            f"FFmpeg cannot be started as {binary!r}, which is no program: see CHUNK_ASSETS_FFMPEG",
            binary=binary,
        )


def writable_target(path: Path, sources: Iterable[Path] = ()) -> Path:
    """The file to write for the output `path`, seen to be writable before anything is rendered.

    Args:
        path: As a person gave it; a link is followed, so that it stays a link.
        sources: Files that the film is made from, which must not be written over.

    Raises:
        StorageError: It is no file, is one of the sources, or its directory refuses a file.
    """
    try:
        target = path.resolve()
        if target.is_dir():
            raise _refused(path, "it is a directory, name a file like film.mp4")
        if target.exists() and not target.is_file():
            raise _refused(path, "it is a device or a pipe, name a file like film.mp4")
        if any(source.exists() and target == source.resolve() for source in sources):
            raise _refused(path, "the film is made from it, name another file")
        with tempfile.NamedTemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise _refused(path, error.strerror or str(error)) from error
    except RuntimeError as error:  # what Python before 3.13 says of links that lead to themselves
        raise _refused(path, "its links lead in a circle") from error
    return target


_umask = [0o077]
"""The person's own; the process's keeps the home private."""


def remember_umask(umask: int) -> None:
    """Have outputs follow this umask."""
    _umask[0] = umask


def make_shareable(path: Path) -> None:
    """Give a new file the permissions that a program's output has, as the person's umask allows."""
    path.chmod(0o666 & ~_umask[0])


def _refused(path: Path, reason: str) -> StorageError:
    message = f"the output {str(path)!r} cannot be written: {reason}"
    return StorageError(message, path=str(path))
