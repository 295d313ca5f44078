"""The context of a walk."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from chunk_assets.errors import HandedOff
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import FilmPlan
from chunk_assets.generation.base import GenerationRequest, Generator
from chunk_assets.generation.stopping import StopSignal
from chunk_assets.render.files import ChunkFiles
from chunk_assets.render.hooks import ChunkLocks, Judge, Listener, Shutdown
from chunk_assets.render.request import RenderRequest
from chunk_assets.render.waiting import ClipWaits
from chunk_assets.storage.store import ObjectStore


class WalkStop(StopSignal):
    """Set when a walk is closed, and on its own when its process must stop at once.

    Also if its film has waited too long for this process (`Shutdown.wait_seconds`).
    """

    def __init__(self, video_id: str, shutdown: Shutdown, waits: ClipWaits):
        super().__init__()
        self._film, self._shutdown, self._waits = f"film {video_id!r}", shutdown, waits

    def close(self) -> None:
        """Stop because the walk is closed."""
        if self._shutdown.keeps_predictions:
            self.set(HandedOff(f"{self._film} is handed off unfinished: its run has ended"))
        else:
            self.set()

    def is_set(self) -> bool:
        """Return whether to stop."""
        if not super().is_set() and self._shutdown.is_urgent():
            why = "this worker is stopping, or has lost its run"
            self.set(HandedOff(f"{self._film} is handed off unfinished: {why}"))
        limit = self._shutdown.wait_seconds
        if limit is not None and self._waits.idle_seconds > limit:
            why = f"it has only waited for {limit:g} s, and goes back to the end of the queue"
            self.set(HandedOff(f"{self._film} is handed off unfinished: {why}"))
        return super().is_set()

    def check_begin(self) -> None:
        """Check that new work may begin.

        Raises:
            HandedOff: The process shuts down.
            Stopped: The walk is closed.
        """
        self._shutdown.check_begin(self._film)
        self.raise_if_set()


@dataclass(kw_only=True)
class RenderContext:
    """The inputs and services of one walk.

    Attributes:
        plan: The film.
        store: Where the objects go.
        generator: Renders the clips; called from several threads if scenes run in parallel.
        workdir: An existing directory that belongs to this walk.
        request: What to make, and which stored clips to keep.
        listener: Receives the events.
        locks: Locks the chunks against other runs.
        judge: Judges takes that are rendered side by side.
        shutdown: Whether this process is shutting down: the chunk in flight is then the last.
        waits: The clips that the film waits for, which its scenes share.
        files: The walk's files, in `workdir`.
        objects: The film's objects on S3.
        stop: Stops the walk and its generator.
        clip_slot: Makes a context held while a clip is rendered, to limit concurrent clips.
    """

    plan: FilmPlan
    store: ObjectStore
    generator: Generator
    workdir: Path
    request: RenderRequest = field(default_factory=RenderRequest)
    listener: Listener = field(default_factory=Listener)
    locks: ChunkLocks = field(default_factory=ChunkLocks)
    judge: Judge = field(default_factory=Judge)
    shutdown: Shutdown = field(default_factory=Shutdown)
    waits: ClipWaits = field(default_factory=ClipWaits)
    clip_slot: Callable[[GenerationRequest, StopSignal], AbstractContextManager[object]] = field(
        default=lambda _request, _stop: nullcontext()
    )
    files: ChunkFiles = field(init=False)
    objects: FilmObjects = field(init=False)
    stop: WalkStop = field(init=False)

    def __post_init__(self) -> None:
        self.files = ChunkFiles(self.store, self.workdir)
        self.objects = FilmObjects(self.store, self.plan.video_id)
        self.stop = WalkStop(self.plan.video_id, self.shutdown, self.waits)

    def makes(self, stage: str) -> bool:
        """Return whether a stage is one of those to make."""
        return stage in self.request.stages
