"""The output file of a command, and the FFmpeg it needs."""

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from chunk_assets.errors import FFmpegError, StorageError
from chunk_assets.media.ffmpeg import executable


def check_ffmpeg() -> None:
    """Check that FFmpeg exists, before anything is rendered.

    Raises:
        FFmpegError: It does not.
    """
    binary = executable()
    if shutil.which(binary) is None:
        raise FFmpegError(
            f"{binary!r} is not a program, so FFmpeg cannot run: check CHUNK_ASSETS_FFMPEG",
            binary=binary,
        )


def writable_target(path: Path, sources: Iterable[Path] = ()) -> Path:
    """Return the file to write for the output `path`, checked before anything is rendered.

    Args:
        path: The path as a person gave it. A link is followed, and remains a link.
        sources: Files that the film is made from, which must not be overwritten.

    Raises:
        StorageError: It is not a file, is one of the sources, or cannot be created.
    """
    try:
        target = path.resolve()
        if target.is_dir():
            raise _refused(path, "it is a directory; name a file, such as film.mp4")
        if target.exists() and not target.is_file():
            raise _refused(path, "it is a device or a pipe; name a file, such as film.mp4")
        if any(source.exists() and target == source.resolve() for source in sources):
            raise _refused(path, "the film is made from it; name another file")
        with tempfile.NamedTemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise _refused(path, error.strerror or str(error)) from error
    except RuntimeError as error:  # a loop of links, before Python 3.13
        raise _refused(path, "its links form a loop") from error
    return target


def make_shareable(path: Path, umask: int) -> None:
    """Give a new file the permissions that the person's own umask allows."""
    path.chmod(0o666 & ~umask)


def _refused(path: Path, reason: str) -> StorageError:
    message = f"the output {str(path)!r} cannot be written: {reason}"
    return StorageError(message, path=str(path))
