"""Build and run FFmpeg commands; the only module that starts FFmpeg."""

import os
import re
import subprocess
from collections import deque
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread
from typing import Any, Self

import ffmpeg
import imageio_ffmpeg

from chunk_assets.deployment import deployment
from chunk_assets.errors import FFmpegError

GLOBAL_OPTIONS = ("-nostdin", "-hide_banner", "-loglevel", "error", "-y")

FORMATS = "mov,mp4,matroska,webm,gif"
"""Allowed formats of video files: no playlists and scripts, which can name other files."""

Graph = Any
"""A node of ffmpeg-python's, which has no types."""

_library: Any = ffmpeg

_LOG_LINES = 40
_ADDRESS = re.compile(r"^(\[[^\]]*\]\s*)+")
# FFmpeg ends its log with these after any error; the cause is in a line above.
_EPILOGUES = (
    "Conversion failed",
    "Error opening",
    "Error while filtering",
    "Error while decoding",
    "Task finished with error",
    "Terminating thread with return code",
    "Nothing was written into output file",
    "Could not open encoder before EOF",
)
_DISK_FULL = "No space left on device"


def executable() -> str:
    """Return the FFmpeg binary: the deployment's, or else imageio-ffmpeg's.

    Raises:
        FFmpegError: imageio-ffmpeg has none for this machine.
    """
    if chosen := deployment().ffmpeg:
        return chosen
    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise FFmpegError(
            "imageio-ffmpeg has no FFmpeg for this machine: install one and set "
            "CHUNK_ASSETS_FFMPEG to its path"
        ) from error


def ask(binary: str, question: str) -> str:
    """Return the output of an informational option: "-version", "-encoders" or "-filters".

    Raises:
        FFmpegError: FFmpeg does not start, fails, or takes over 20 s.
    """
    try:
        ended = subprocess.run(
            [binary, "-hide_banner", question],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=20,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        reason = getattr(error, "strerror", None) or "it did not respond"
        raise FFmpegError(
            f"FFmpeg cannot be started as {binary!r}: {reason}; see CHUNK_ASSETS_FFMPEG"
        ) from error
    if ended.returncode != 0:
        raise FFmpegError(f"{binary!r} {question} ended with code {ended.returncode}")
    return ended.stdout


def file_url(path: Path | str) -> str:
    """Return a URL that FFmpeg reads as a file for any name, such as `a:b.mp4` or `-y.mp4`."""
    return f"file:{path}"


def read_stream(source: Path, number: int) -> Graph:
    """Return the stream with this index in a file."""
    return _library.input(file_url(source), format_whitelist=FORMATS)[str(number)]


def read(source: Path | str, **options: Any) -> Graph:
    """Return the video stream of a file with no other stream, or of a device."""
    if isinstance(source, Path):
        return _library.input(file_url(source), format_whitelist=FORMATS, **options)["v"]
    return _library.input(source, **options)["v"]


def read_raw(size: tuple[int, int], rate: object) -> Graph:
    """Return the stream of RGB frames of this size and rate that a process's `write` feeds."""
    raw = {"format": "rawvideo", "pix_fmt": "rgb24", "video_size": size, "framerate": rate}
    return _library.input("pipe:0", **raw)["v"]


def combine(first: Graph, second: Graph, name: str, **options: Any) -> Graph:
    """Apply the filter `name` to two streams."""
    return _library.filter([first, second], name, **options)


def write(stream: Graph, target: Path, **options: Any) -> Graph:
    """Return the graph that writes `stream` to a file."""
    return _library.output(stream, file_url(target), **options)


def arguments(graph: Graph, binary: str) -> list[str]:
    """Return the command line that runs `graph` with `binary`."""
    return _library.compile(graph, cmd=[binary, *GLOBAL_OPTIONS])


def run(graph: Graph, target: Path, *, niceness: int = 0) -> None:
    """Run `graph` and wait until it ends. The process never outlives the call.

    Args:
        graph: The graph.
        target: The file that errors name.
        niceness: The process's niceness, 0 to 19.

    Raises:
        FFmpegError: FFmpeg did not start, or failed.
    """
    with Process(graph, target) as process:
        if niceness:
            process.set_niceness(niceness)
        process.wait()


def run_all(jobs: Iterable[tuple[Graph, Path]], at_once: int) -> None:
    """Run many graphs concurrently and wait until they end. No process outlives the call.

    Args:
        jobs: Each graph with the file that errors name; consumed lazily.
        at_once: The most processes at a time.

    Raises:
        FFmpegError: A process did not start, or failed.
    """
    with ExitStack() as stack:
        running: deque[Process] = deque()
        for graph, target in jobs:
            if len(running) == at_once:
                running.popleft().wait()
            running.append(stack.enter_context(Process(graph, target)))
        for process in running:
            process.wait()


class Process:
    """A running FFmpeg process; leaving the `with` block kills it if it still runs.

    Args:
        graph: The graph.
        target: The file that errors name.
        reads_stdin: Whether its input is `pipe:0`, which `write` feeds.

    Raises:
        FFmpegError: FFmpeg cannot be started.
    """

    def __init__(self, graph: Graph, target: Path, *, reads_stdin: bool = False):
        self.target = target
        self.arguments = arguments(graph, executable())
        self._log: deque[bytes] = deque(maxlen=_LOG_LINES)
        try:
            self._child = subprocess.Popen(
                self.arguments,
                stdin=subprocess.PIPE if reads_stdin else subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            message = f"FFmpeg cannot be started as {self.arguments[0]!r}: {error.strerror}"
            raise FFmpegError(message, arguments=self.arguments) from error
        self.pid = self._child.pid
        # Read while it runs: a full pipe would block a process that logs a lot.
        self._reader = Thread(target=self._read_log, daemon=True)
        self._reader.start()

    def set_niceness(self, niceness: int) -> None:
        """Raise the process's niceness; call this before it starts threads."""
        with suppress(OSError):  # it has ended, or this process lacks the permission
            os.setpriority(os.PRIO_PROCESS, self.pid, os.getpriority(os.PRIO_PROCESS, 0) + niceness)

    def write(self, data: memoryview) -> None:
        """Write to its input; blocks while its buffer is full.

        Raises:
            FFmpegError: The process stopped reading.
        """
        assert self._child.stdin is not None  # noqa: S101 - the caller asked for `reads_stdin`
        try:
            self._child.stdin.write(data)
        except (BrokenPipeError, ConnectionResetError):
            self.wait()
            raise self._failure("it stopped reading its input") from None

    def wait(self) -> None:
        """Close its input and wait until the process ends.

        Raises:
            FFmpegError: The process failed.
        """
        status = self._end()
        if status != 0:
            died = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
            raise self._failure(died)

    def __enter__(self) -> Self:
        """Return the process."""
        return self

    def __exit__(self, *_raised: object) -> None:
        """Kill the process if it still runs."""
        if self._child.poll() is None:
            self._child.kill()
        self._end()

    def _end(self) -> int:
        if self._child.stdin is not None:
            with suppress(OSError):  # It may have ended; its exit status tells why.
                self._child.stdin.close()
        status = self._child.wait()
        self._reader.join()
        return status

    def _read_log(self) -> None:
        assert self._child.stderr is not None  # noqa: S101 - `__init__` asked for it
        with self._child.stderr as log:
            self._log.extend(log)

    def _failure(self, died: str) -> FFmpegError:
        log = [line.decode("utf-8", "replace").strip() for line in self._log]
        target = str(self.target)
        if any(_DISK_FULL in line for line in log):
            message = f"the disk is full: no space is left for {target!r}"
        else:
            message = f"FFmpeg could not make {target!r}: {_cause(log) or died}"
        return FFmpegError(message, arguments=self.arguments, log=log)


def _cause(log: list[str]) -> str:
    """Return the last line with a cause, without FFmpeg's memory addresses."""
    lines = [_ADDRESS.sub("", line) for line in log]
    telling = [line for line in lines if line and not line.startswith(_EPILOGUES)]
    return (telling or lines or [""])[-1].rstrip(".")
