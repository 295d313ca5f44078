"""The walk over a film's scenes: each is its own chain, and several are walked in parallel."""

import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from queue import SimpleQueue

from chunk_assets.film.plan import FilmPlan
from chunk_assets.render.context import RenderContext
from chunk_assets.render.request import ChunkObject
from chunk_assets.render.walk import walk

MAX_PARALLEL_SCENES = 4
"""Each holds one clip and what is being finished: about 100 MB at 1024×576."""

_LOOK_SECONDS = 0.1


def walk_scenes(
    context: RenderContext, chunk_nums: Sequence[int], max_parallel: int = MAX_PARALLEL_SCENES
) -> Iterator[ChunkObject]:
    """Make chunks as `walk` does, several scenes of the film in parallel.

    The objects of each scene come in order. If a scene fails, the others are completed, since
    nothing in them depends on it; then its error is raised.

    Args:
        context: What the walks work with; each scene gets its own directory in `workdir`.
        chunk_nums: The chunks to make.
        max_parallel: How many scenes are walked at a time, at least 1.

    Raises:
        SpecError, NotStored, MediaError, GenerationError, StorageError, HandedOff: See `walk`; if
            several scenes fail, the error of the first one in the film.
    """
    scenes = split(context.plan, chunk_nums)
    if len(scenes) <= 1:
        yield from walk(context, chunk_nums)
        return
    with _ParallelWalks(max_parallel) as walks:
        for scene in scenes:
            directory = context.workdir / f"scene_{scene[0]:02d}"
            directory.mkdir()
            walks.start(replace(context, workdir=directory), scene)
        yield from walks.results()


def split(plan: FilmPlan, chunk_nums: Sequence[int]) -> list[list[int]]:
    """Return the chunks by scene, in order.

    Raises:
        SpecError: The film has no such chunk.
    """
    numbers = set(chunk_nums)
    scenes: dict[int, list[int]] = {}
    for number in sorted(numbers):
        plan.spec(number)
    opening = 0
    for spec in plan.specs:
        if spec.starts_chain:
            opening = spec.chunk_num
        if spec.chunk_num in numbers:
            scenes.setdefault(opening, []).append(spec.chunk_num)
    return list(scenes.values())


@dataclass
class _Offer:
    """An object on its way to the caller; its scene continues once it is recorded."""

    made: ChunkObject
    is_recorded: threading.Event = field(default_factory=threading.Event)


class _ParallelWalks:
    """Runs several walks on threads; the caller's thread reads their objects."""

    def __init__(self, max_parallel: int):
        self._pool = ThreadPoolExecutor(max(1, max_parallel), thread_name_prefix="scene")
        self._offers = SimpleQueue[_Offer | None]()
        self._contexts: list[RenderContext] = []
        self._failed: dict[int, BaseException] = {}
        self._is_closed = threading.Event()

    def __enter__(self) -> "_ParallelWalks":
        return self

    def __exit__(self, *_raised: object) -> None:
        self._is_closed.set()
        for context in self._contexts:
            context.stop.close()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def start(self, context: RenderContext, chunk_nums: Sequence[int]) -> None:
        """Walk a scene as soon as a thread is free."""
        self._contexts.append(context)
        self._pool.submit(self._run, len(self._contexts), walk(context, chunk_nums))

    def results(self) -> Iterator[ChunkObject]:
        """Yield the objects of all walks, each as soon as it is stored.

        Raises:
            BaseException: What the first scene that failed raised, once all walks have ended.
        """
        running = len(self._contexts)
        while running:
            offer = self._offers.get()
            if offer is None:
                running -= 1
                continue
            yield offer.made
            offer.is_recorded.set()
        if self._failed:
            raise self._failed[min(self._failed)]

    def _run(self, number: int, objects: Generator[ChunkObject, None, None]) -> None:
        # One object at a time: its files stay in the walk's directory until it is recorded.
        try:
            with closing(objects):
                for made in objects:
                    offer = _Offer(made)
                    self._offers.put(offer)
                    while not offer.is_recorded.wait(_LOOK_SECONDS):
                        if self._is_closed.is_set():
                            return
        except BaseException as error:
            self._failed[number] = error
        finally:
            self._offers.put(None)
