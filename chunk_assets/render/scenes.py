"""The walk over a film's scenes: each is a chain of its own, and several are walked at a time."""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from chunk_assets.film.plan import FilmPlan
from chunk_assets.generation.base import Generator as ClipGenerator
from chunk_assets.render.hooks import ChunkLocks, Listener, Shutdown
from chunk_assets.render.request import ChunkObject, RenderRequest
from chunk_assets.render.walk import walk
from chunk_assets.storage.store import ObjectStore

MAX_PARALLEL_SCENES = 4
"""Each holds one clip and what is finished beside it: some 100 MB at 1024×576."""

_A_WHILE = 0.1
"""Seconds after which a thread looks whether anyone still wants what it holds."""


def walk_scenes(
    plan: FilmPlan,
    chunk_nums: Sequence[int],
    *,
    store: ObjectStore,
    generator: ClipGenerator,
    order: RenderRequest,
    workdir: Path,
    listener: Listener,
    claims: Callable[[], ChunkLocks] = ChunkLocks,
    max_parallel: int = MAX_PARALLEL_SCENES,
    shutdown: Shutdown | None = None,
) -> Iterator[ChunkObject]:
    """Make the chunks as `walk` does, the scenes of the film side by side.

    Of each scene the objects come in order. When one scene fails, the others go on to their end,
    since nothing of theirs depends on it; then its error is raised.

    Args:
        plan: The film.
        chunk_nums: Which of its chunks.
        store: Where the objects go.
        generator: Renders the clips; asked from several threads when there are several scenes.
        order: What is asked.
        workdir: An existing directory; each scene works in one of its own in it.
        listener: Told what happens; likewise from several threads.
        claims: Makes each scene's claims on its chunks.
        max_parallel: How many scenes are walked at a time, at least 1.
        shutdown: Says when this process is to end: each scene then ends behind its chunk in flight.

    Raises:
        SpecError, NotStored, MediaError, GenerationError, StorageError, HandedOn: See `walk`; of
            several scenes that fail, the first one's.
    """
    halt = threading.Event()

    def chain(numbers: Sequence[int], directory: Path) -> Generator[ChunkObject, None, None]:
        return walk(
            plan,
            numbers,
            store=store,
            generator=generator,
            order=order,
            workdir=directory,
            listener=listener,
            claims=claims(),
            halt=halt,
            shutdown=shutdown,
        )

    scenes = split(plan, chunk_nums)
    if len(scenes) <= 1:
        yield from chain(chunk_nums, workdir)
        return
    with _SideBySide(max_parallel, halt) as running:
        for scene in scenes:
            directory = workdir / f"scene_{scene[0]:02d}"
            directory.mkdir()
            running.add(chain(scene, directory))
        yield from running.results()


def split(plan: FilmPlan, chunk_nums: Sequence[int]) -> list[list[int]]:
    """The chunks by scene, in order.

    Raises:
        SpecError: The film has no such chunk.
    """
    scenes: list[list[int]] = []
    last_opening = None
    opening = 0
    numbers = set(chunk_nums)
    for number in sorted(numbers):
        plan.spec(number)
    for spec in plan.specs:
        if spec.begins_anew:
            opening = spec.chunk_num
        if spec.chunk_num in numbers:
            if opening != last_opening:
                scenes.append([])
                last_opening = opening
            scenes[-1].append(spec.chunk_num)
    return scenes


@dataclass
class _Handed:
    """One object on its way; the scene goes on when it has been taken."""

    made: ChunkObject
    is_taken: threading.Event = field(default_factory=threading.Event)


class _SideBySide:
    """Runs several walks on threads; what they give is handed over on the caller's."""

    def __init__(self, at_once: int, halt: threading.Event):
        self._pool = ThreadPoolExecutor(max(1, at_once), thread_name_prefix="scene")
        self._handed = SimpleQueue[_Handed | None]()
        self._halt = halt
        self._failed: dict[int, BaseException] = {}
        self._count = 0

    def __enter__(self) -> "_SideBySide":
        return self

    def __exit__(self, *_raised: object) -> None:
        self._halt.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def add(self, chain: Generator[ChunkObject, None, None]) -> None:
        """Begin a walk as soon as there is room."""
        self._pool.submit(self._pump, self._count, chain)
        self._count += 1

    def results(self) -> Iterator[ChunkObject]:
        """What the walks give, each as soon as it is there.

        Raises:
            BaseException: What the first of those that failed raised, when all are over.
        """
        left = self._count
        while left:
            handed = self._handed.get()
            if handed is None:
                left -= 1
                continue
            yield handed.made
            handed.is_taken.set()
        if self._failed:
            raise self._failed[min(self._failed)]

    def _pump(self, number: int, chain: Generator[ChunkObject, None, None]) -> None:
        # One object at a time: its files lie in the walk's directory until it is recorded.
        try:
            with closing(chain):
                for made in chain:
                    handed = _Handed(made)
                    self._handed.put(handed)
                    while not handed.is_taken.wait(_A_WHILE):
                        if self._halt.is_set():
                            return
        except BaseException as error:
            self._failed[number] = error
        finally:
            self._handed.put(None)
