"""The walk along a film's chain: specs + generator + store → objects on S3, one chunk at a time.

A chunk's clip ends in the frame that conditions the next, so chunks are rendered in order. Three
threads share the work, so that the chain waits for nothing but its generator:

- the chain takes a clip's last frame, blends the next composite and asks for the next clip;
- beside it clips are normalised and objects stored, in order;
- the caller is handed each object once it is on S3, and records it. Knows no Dagster.
"""

import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

from chunk_assets.errors import Stopped, StorageError
from chunk_assets.film.plan import FilmPlan
from chunk_assets.generation.base import Generator as ClipGenerator
from chunk_assets.render.background import Background
from chunk_assets.render.files import ChunkFiles
from chunk_assets.render.hooks import ChunkLocks, Listener, Shutdown
from chunk_assets.render.request import ChunkObject, RenderRequest
from chunk_assets.render.stages import Steps
from chunk_assets.storage.store import ObjectStore

_A_WHILE = 0.25  # seconds

CHUNKS_AT_ONCE = 3
"""How many chunks may be begun and not yet recorded: bounds memory and disk."""


def walk(
    plan: FilmPlan,
    chunk_nums: Sequence[int],
    *,
    store: ObjectStore,
    generator: ClipGenerator,
    order: RenderRequest,
    workdir: Path,
    listener: Listener,
    claims: ChunkLocks | None = None,
    halt: threading.Event | None = None,
    shutdown: Shutdown | None = None,
) -> Generator[ChunkObject, None, None]:
    """Make chunks in the order of their numbers, and hand over each object once it is on S3.

    When a chunk fails, what was made before is finished and handed over first. When the caller
    stops (closes the iterator or is interrupted), the generator is told so and what is being
    uploaded is completed. A chunk that another walk is at, by what `claims` knows, is waited for,
    and so is the chunk before the first while somebody renders it. `halt` stops the walk from
    another thread. When this process is `shutdown`, the chunk in flight is the last.

    Raises:
        SpecError: The film has no such chunk.
        NotStored: Something that the chosen stages are made from is not stored; says what to do.
        MediaError, GenerationError, StorageError: A chunk could not be made.
        HandedOn: This process is to end; what was made is stored.
    """
    files = ChunkFiles(store, workdir)
    beside = Background[list[ChunkObject] | _Done]("finishing")
    claims = claims or ChunkLocks()
    steps = Steps(
        plan, store, generator, order, files, listener, claims, beside.start, halt, shutdown
    )
    chain = _Chain(steps, sorted(set(chunk_nums)), beside)
    try:
        chain.start()
        for result in beside.results():
            if isinstance(result, _Done):
                files.forget_before(result.chunk_num)
                claims.release(result.chunk_num)
                chain.go_on()
            else:
                yield from result
    except OSError as error:
        message = f"this machine's disk refused a file in {str(workdir)!r}: {error}"
        raise StorageError(message, path=str(workdir)) from error
    finally:
        chain.close()
        claims.close()


@dataclass(frozen=True)
class _Done:
    """Stands behind the last object of a chunk."""

    chunk_num: int


class _Chain:
    """The thread that makes one chunk after another, a little ahead of what is recorded."""

    def __init__(self, steps: Steps, chunk_nums: list[int], beside: Background[Any]):
        self._steps, self._chunk_nums, self._beside = steps, chunk_nums, beside
        self._room = threading.Semaphore(CHUNKS_AT_ONCE)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chain")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def go_on(self) -> None:
        """A chunk is recorded: there is room for another."""
        self._room.release()

    def close(self) -> None:
        """End the thread, and complete what it has queued."""
        self._is_over.set()
        self._steps.stop()
        if self._thread.ident is not None:
            self._thread.join()
        self._steps.close()
        self._beside.close()

    def _wait_for_room(self) -> None:
        # An interrupt may hit even the tidying up: a chain that nobody reads must not live on.
        while not self._room.acquire(timeout=_A_WHILE):
            if self._is_over.is_set() or not threading.main_thread().is_alive():
                raise Stopped

    def _run(self) -> None:
        error = None
        try:
            for number, following in zip_longest(self._chunk_nums, self._chunk_nums[1:]):
                self._wait_for_room()
                self._steps.chunk(number, following)
                self._beside.start(partial(_Done, number))
        except BaseException as raised:  # it is raised where the results are read
            error = raised
        self._beside.end(error)
