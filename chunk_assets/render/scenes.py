"""The walk over a film's chains (scenes, key pictures): several are walked in parallel."""

import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from queue import SimpleQueue

from chunk_assets.film.abilities import check_abilities
from chunk_assets.film.plan import FilmPlan
from chunk_assets.render.context import RenderContext
from chunk_assets.render.request import ChunkObject
from chunk_assets.render.walk import walk

MAX_PARALLEL_SCENES = 4
"""Each holds one clip and the objects being finished: about 100 MB at 1024×576."""

MAX_PARALLEL_CHUNKS = 16
"""The same for a film with key pictures, whose chains are short: while a hosted model renders, each
waits and holds two pictures."""

_LOOK_SECONDS = 0.1


def walk_scenes(
    context: RenderContext, chunk_nums: Sequence[int], max_parallel: int | None = None
) -> Iterator[ChunkObject]:
    """Make chunks as `walk` does, several scenes of the film in parallel.

    A scene is a chain of chunks here: each begins where a chunk does not continue from the last
    frame of the one before, because it opens a scene of the film or has a key picture.

    The objects of each scene come in order. If a scene fails, the others are completed, since none
    depends on it; then its error is raised.

    Args:
        context: What the walks work with; each scene gets its own directory in `workdir`.
        chunk_nums: The chunks to make.
        max_parallel: How many scenes are walked at a time, at least 1; None for the default, which
            is `MAX_PARALLEL_CHUNKS` for a film with key pictures, unless the generator needs this
            machine's processor, and otherwise `MAX_PARALLEL_SCENES`.

    Raises:
        SpecError, NotStored, MediaError, GenerationError, StorageError, HandedOff: See `walk`; if
            several scenes fail, the error of the first one in the film.
    """
    scenes = split(context.plan, chunk_nums)
    if context.makes("chunk_videos") and context.request.renders:
        for number in chunk_nums:
            check_abilities(context.generator, context.plan.spec(number))
    limit = _default_limit(context) if max_parallel is None else max_parallel
    if len(scenes) <= 1:
        yield from walk(context, chunk_nums)
        return
    contexts = [_scene_context(context, scene) for scene in scenes]
    offers, is_closed = SimpleQueue[_Offer | None](), threading.Event()
    with ThreadPoolExecutor(max(1, limit), thread_name_prefix="scene") as pool:
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


def _default_limit(context: RenderContext) -> int:
    has_keys = any(spec.has_key_picture for spec in context.plan.specs)
    is_remote = not context.generator.runs_here
    return MAX_PARALLEL_CHUNKS if has_keys and is_remote else MAX_PARALLEL_SCENES


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
