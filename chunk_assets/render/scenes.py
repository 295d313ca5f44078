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
"""Each holds one clip and the objects being finished: about 100 MB at 1024×576."""

_LOOK_SECONDS = 0.1


def walk_scenes(
    context: RenderContext, chunk_nums: Sequence[int], max_parallel: int = MAX_PARALLEL_SCENES
) -> Iterator[ChunkObject]:
    """Make chunks as `walk` does, several scenes of the film in parallel.

    The objects of each scene come in order. If a scene fails, the others are completed, since none
    depends on it; then its error is raised.

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
    contexts = [_scene_context(context, scene) for scene in scenes]
    offers, is_closed = SimpleQueue[_Offer | None](), threading.Event()
    with ThreadPoolExecutor(max(1, max_parallel), thread_name_prefix="scene") as pool:
        walks = map(walk, contexts, scenes)
        ends = [pool.submit(_offer_objects, objects, offers, is_closed) for objects in walks]
        try:
            for _ in scenes:
                while (offer := offers.get()) is not None:
                    yield offer.made
                    offer.is_recorded.set()
        finally:
            is_closed.set()
            for each in contexts:
                each.stop.close()
            pool.shutdown(cancel_futures=True)
    for end in ends:
        end.result()


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


def _scene_context(context: RenderContext, scene: list[int]) -> RenderContext:
    directory = context.workdir / f"scene_{scene[0]:02d}"
    directory.mkdir()
    return replace(context, workdir=directory)


@dataclass
class _Offer:
    """An object on its way to the caller; its scene continues once it is recorded."""

    made: ChunkObject
    is_recorded: threading.Event = field(default_factory=threading.Event)


def _offer_objects(
    objects: Generator[ChunkObject, None, None],
    offers: SimpleQueue[_Offer | None],
    is_closed: threading.Event,
) -> None:
    """Offer one object at a time: its files stay in the walk's directory until it is recorded.

    None marks the end of the scene.
    """
    try:
        with closing(objects):
            for made in objects:
                offer = _Offer(made)
                offers.put(offer)
                while not offer.is_recorded.wait(_LOOK_SECONDS):
                    if is_closed.is_set():
                        return
    finally:
        offers.put(None)
