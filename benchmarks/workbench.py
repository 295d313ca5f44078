"""What the benchmarks share: a deployment, a generator of fixed latency, a stopwatch, Dagit."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.request import urlopen

import dagster as dg
from dagster_graphql import DagsterGraphQLClient

from chunk_assets.dagster_internals.instance import dagster_home
from chunk_assets.definitions import build_definitions
from chunk_assets.defs.assets import chunks
from chunk_assets.film.submission import AnimaticDirectory, read_directory
from chunk_assets.generation.base import (
    GeneratedClip,
    GenerationRequest,
    Generator,
    ProgressCallback,
    ignore_progress,
)
from chunk_assets.generation.stopping import NEVER, StopSignal
from chunk_assets.media.clips import ClipFormat, normalise
from chunk_assets.media.ffmpeg import executable
from chunk_assets.render import files, finalize, new_take, prefetch, stages, takes
from chunk_assets.render.hooks import Listener
from chunk_assets.schemas import ChunkSpec
from chunk_assets.settings import load_settings
from chunk_assets.storage.local.lease import lease
from chunk_assets.storage.objects import ObjectRef
from chunk_assets.storage.store import ObjectStore

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "aurora"
"""30 s in 15 chunks, 1024×576 at 24 fps: drawings with paper grain, as PNGs and clips have them."""

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

CODE = ["-m", "benchmarks.workbench", "-a", "fixed_latency"]
"""How a `dagster` process finds the code location `fixed_latency`."""


def read_example() -> AnimaticDirectory:
    """The example as one chain: each chunk starts from the last frame before."""
    return read_directory(EXAMPLE).with_choices(continuity="film")


@contextmanager
def new_home() -> Iterator[Path]:
    """A home that is removed at the end, as soon as the S3 server in it has stopped."""
    home = Path(mkdtemp(prefix="benchmark-"))
    try:
        yield home
    finally:
        deadline = time.monotonic() + 20
        while home.exists():
            # A server that is stopping still writes: what it holds cannot be removed yet.
            shutil.rmtree(home, ignore_errors=time.monotonic() < deadline)
            time.sleep(0.2)


@contextmanager
def deployment() -> Iterator[None]:
    """A new home, a Dagster instance and a real S3 server, named in this process's environment.

    The server is the local one, started in the home and ended with the block; where
    CHUNK_ASSETS_BUCKET is set, it is the one whose bucket the environment names.
    """
    with new_home() as home, ExitStack() as stack:
        before = dict(os.environ)
        stack.callback(os.environ.update, before)
        stack.callback(os.environ.clear)
        os.environ.pop("DAGSTER_HOME", None)
        os.environ["CHUNK_ASSETS_HOME"] = str(home)
        if "CHUNK_ASSETS_BUCKET" not in os.environ:
            endpoint = stack.enter_context(lease(home, "benchmarks")).endpoint
            os.environ["AWS_ENDPOINT_URL"] = endpoint.url
            os.environ["AWS_ACCESS_KEY_ID"] = endpoint.access_key_id
            os.environ["AWS_SECRET_ACCESS_KEY"] = endpoint.secret_access_key
            os.environ["CHUNK_ASSETS_BUCKET"] = "benchmarks"
        # Runs in processes of their own find the same instance.
        os.environ["DAGSTER_HOME"] = str(dagster_home(load_settings()))
        yield


@contextmanager
def dagit(clip: Path, seconds: float) -> Iterator[DagsterGraphQLClient]:
    """`dagster dev` as `chunk-assets dev` starts it, with `fixed_latency` as its code location."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "dagster", "dev", *CODE, "--port", str(port)],
        cwd=ROOT,
        env=for_processes(clip, seconds),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and server.poll() is None:
            with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/server_info"):
                break
            time.sleep(0.5)
        yield DagsterGraphQLClient("127.0.0.1", port_number=port)
    finally:
        # The server has its own session. A process that ignores the first signal (as one that a
        # shell starts in the background does) gets the second one.
        for ending in (signal.SIGINT, signal.SIGKILL):
            with suppress(subprocess.TimeoutExpired, ProcessLookupError):
                os.killpg(server.pid, ending)
                server.wait(timeout=15)


class FixedLatency(Generator):
    """Gives a copy of one clip after a fixed time, as a hosted model would; costs no processor."""

    name = "fixed"
    is_normalised = False

    def __init__(self, clip: Path, seconds: float, arrived: Callable[[], None] = lambda: None):
        self.clip, self.seconds, self._arrived = clip, seconds, arrived
        self.first_asked: Path | None = None

    @property
    def model(self) -> str:
        return "fixed/1"

    def generate(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback = ignore_progress,
        stop: StopSignal = NEVER,
    ) -> GeneratedClip:
        """Copy the clip, and be done `seconds` after the call."""
        ready = time.monotonic() + self.seconds
        if self.first_asked is not None and not self.first_asked.exists():
            self.first_asked.touch()
        request.conditioning_image.read_bytes()  # as what uploads it does
        path = workdir / "came.mp4"
        shutil.copyfile(self._clip_for(request), path)
        time.sleep(max(0.0, ready - time.monotonic()))
        self._arrived()
        return GeneratedClip(path, is_normalised=self.is_normalised)

    def _clip_for(self, request: GenerationRequest) -> Path:
        return self.clip


class ReadyMade(FixedLatency):
    """Gives clips in the film's own format, as `preview` does: nothing is left to normalise.

    Args:
        clip: A clip to make them from, at least as long as the longest chunk.
        seconds: As `FixedLatency`.
        arrived: As `FixedLatency`.
    """

    is_normalised = True

    def _clip_for(self, request: GenerationRequest) -> Path:
        form = ClipFormat(request.num_frames, request.fps, request.size, request.keyframes)
        name = f"{form.num_frames}-{'-'.join(map(str, form.keyframes))}.mp4"
        made = self.clip.with_name(name)
        if not made.exists():
            normalise(self.clip, made, form)
        return made


def model_clip(spec: ChunkSpec, picture: Path, target: Path) -> Path:
    """A slow zoom, long enough for `spec`, encoded as models do: tv range, B-frames, no tags."""
    size = "x".join(map(str, spec.size))
    zoom = f"zoompan=z=1+0.002*on:x=(iw-iw/zoom)/2:y=(ih-ih/zoom)/2:d=1:s={size}:fps={spec.fps}"
    video = f"scale=out_range=tv,format=yuv420p,{zoom}"
    source = ["-loop", "1", "-i", str(picture), "-vf", video, "-frames:v", str(spec.num_frames)]
    encoder = ["-c:v", "libx264", "-crf", "23", "-bf", "3", "-g", "250", "-pix_fmt", "yuv420p"]
    subprocess.run([executable(), "-v", "error", "-y", *source, *encoder, str(target)], check=True)
    return target


def for_processes(clip: Path, seconds: float) -> dict[str, str]:
    """The environment of a process that loads `fixed_latency`."""
    return {**os.environ, "BENCHMARK_CLIP": str(clip), "BENCHMARK_LATENCY": str(seconds)}


def fixed_latency() -> dg.Definitions:
    """The product's own code location, with a `FixedLatency` alone."""
    clip, seconds = os.environ["BENCHMARK_CLIP"], os.environ["BENCHMARK_LATENCY"]
    generator = FixedLatency(Path(clip), float(seconds))
    asked = os.environ.get("BENCHMARK_ASKED")
    if asked:
        generator.first_asked = Path(asked)
    return build_definitions({generator.name: lambda _context: generator})


class Stopwatch(Listener):
    """Where the chain's thread spends its time from a clip's arrival to the next generate call.

    Each moment counts for the innermost named call. What other threads do is counted beside it.
    """

    def __init__(self) -> None:
        self.beside: dict[str, list[float]] = defaultdict(list)
        self.arrivals: list[float] = []
        self.starts: list[float] = []
        self._inside = ["the chain's own steps"]
        self._since = time.time()
        self._spent: list[tuple[float, float, str]] = []

    def started(self, spec: ChunkSpec) -> None:
        """The generate call."""
        self._charge()
        self.starts.append(self._since)

    def arrived(self) -> None:
        """The clip is there; the generator says so, in its own thread."""
        self.arrivals.append(time.time())

    @property
    def hand_overs(self) -> list[dict[str, float]]:
        """Seconds by name for each clip but the last: until the next one was asked for."""
        counted = []
        for arrival, start in zip(self.arrivals, self.starts[1:], strict=False):
            seconds: dict[str, float] = defaultdict(float)
            for began, ended, name in self._spent:
                seconds[name] += max(0.0, min(ended, start) - max(began, arrival))
            counted.append(seconds)
        return counted

    def _charge(self) -> None:
        now = time.time()
        self._spent.append((self._since, now, self._inside[-1]))
        self._since = now

    @property
    def hand_over_seconds(self) -> list[float]:
        """How long each clip but the last waited for the next one to be asked for."""
        return [b - a for a, b in zip(self.arrivals, self.starts[1:], strict=False)]

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Count what happens inside under `name`."""
        if threading.current_thread().name != "chain":
            began = time.time()
            yield
            self.beside[name].append(time.time() - began)
            return
        self._charge()
        self._inside.append(name)
        yield
        self._charge()
        self._inside.pop()

    def _values(self, name: str, function: Callable[..., Any], use: str) -> Any:
        """Count the making of each value under `name`, what its taker does with it as `use`."""

        def timed(*args: Any, **kwargs: Any) -> Iterator[Any]:
            values = function(*args, **kwargs)
            while True:
                with self.span(name):
                    value = next(values, self)
                if value is self:
                    return
                with self.span(use):
                    yield value

        return timed

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Name the calls that matter, for as long as the block lasts."""
        named = [
            (new_take, "last_frame", "last frame: decode"),
            (stages, "blend_references", "composite: blend"),
            (stages, "save_png", "composite: save as PNG"),
            (files, "pixel_digest", "digests: sha256 of the pixels"),
            (takes, "normalise", "normalise the clip"),
            (finalize, "save_png", "save the stored composite"),
            (takes, "save_png", "save the stored last frame"),
            (takes, "publish", "copy the take to the chosen keys"),
            (ObjectRef, "write_json", "put the spec"),
            (ObjectRef, "write_image", "put the composite and the last frame"),
            (ObjectRef, "write_video", "put the clip"),
            (prefetch.Prefetch, "get", "wait for the look-ahead"),
            (ObjectStore, "head", "S3: heads"),
            (ObjectStore, "download", "S3: the animatic's picture"),
            (chunks, "chunk_events", "events: their tags and previews", "events: Dagster's record"),
        ]
        with ExitStack() as stack:
            for owner, name, label, *use in named:
                function = getattr(owner, name)
                stack.callback(setattr, owner, name, function)
                timed = self._values(label, function, *use) if use else self.span(label)(function)
                setattr(owner, name, timed)
            yield
