"""The takes of a film's chunks as people see them: which is chosen, and what is left of each."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import FilmPlan
from chunk_assets.film.records import clip_record
from chunk_assets.film.take_records import CLIP, TakeRecord
from chunk_assets.film.takes import ListedTake, Takes
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject

_AT_ONCE = 8
"""Concurrent requests to S3."""

TakeState = Literal["complete", "unfinished", "pruned", "damaged"]
"""A complete take can be chosen; an unfinished one was never normalised to a clip."""

OriginalState = Literal["stored", "unknown", "damaged", "pruned"]
"""The original of a take from before takes were kept is unknown."""


@dataclass(frozen=True)
class ChunkTake:
    """One take of one chunk.

    Attributes:
        chunk_num: The chunk.
        take: Its number.
        state: Whether it can be chosen, and if not, why.
        is_chosen: Whether the film is made from it.
        record: What it was made from; None if that is not stored or damaged.
        original: What is left of the delivered file.
        clip: Its stored clip; None if it has none that can be used.
        size: Bytes of all its objects.
    """

    chunk_num: int
    take: int
    state: TakeState
    is_chosen: bool
    record: TakeRecord | None
    original: OriginalState
    clip: StoredObject | None
    size: int


def chunk_numbers(plan: FilmPlan, store: ObjectStore) -> list[int]:
    """Return the film's planned chunks, and those that have a clip but are no longer planned.

    Raises:
        StorageError: S3 does not answer.
    """
    stored = FilmObjects(store, plan.video_id).stored_clips()
    return sorted({spec.chunk_num for spec in plan.specs} | stored)


def list_takes(objects: FilmObjects, chunk_nums: Iterable[int]) -> Iterator[ChunkTake]:
    """Yield the takes of these chunks, in order.

    A clip that was stored before takes were kept is listed as the take that its record names.

    Raises:
        StorageError: S3 does not answer.
    """
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="takes") as pool:
        for takes in pool.map(lambda number: chunk_takes(objects, number), chunk_nums):
            yield from takes


def chunk_takes(objects: FilmObjects, chunk_num: int) -> list[ChunkTake]:
    """Return the takes of one chunk, in order; see `list_takes`.

    Raises:
        StorageError: S3 does not answer.
    """
    takes = Takes(objects, chunk_num)
    clip = objects.clip(chunk_num).head()
    chosen = clip_record(clip)
    found = {
        number: _listed(objects, takes, listed, is_chosen=bool(chosen and chosen.take == number))
        for number, listed in takes.listed.items()
    }
    if clip is not None and chosen is not None:
        listed = takes.listed.get(chosen.take)
        if listed is None or not listed.is_recorded:
            found[chosen.take] = ChunkTake(
                chunk_num,
                chosen.take,
                state="damaged" if objects.store.damage(clip) else "complete",
                is_chosen=True,
                record=TakeRecord.adopted(chosen),
                original="unknown",
                clip=clip,
                size=clip.size,
            )
    return [found[number] for number in sorted(found)]


def _listed(
    objects: FilmObjects, takes: Takes, listed: ListedTake, *, is_chosen: bool
) -> ChunkTake:
    number = listed.number
    record = takes.record(number) if listed.is_recorded else None
    stored = takes.stored(number)
    return ChunkTake(
        takes.chunk_num,
        number,
        state="complete" if stored is not None else _state(listed, record),
        is_chosen=is_chosen,
        record=record,
        original=_original_state(objects, takes.chunk_num, record),
        clip=stored.clip if stored is not None else None,
        size=listed.size,
    )


def _state(listed: ListedTake, record: TakeRecord | None) -> TakeState:
    """Return the state of a take that cannot be chosen."""
    if record is not None and record.pruned_at is not None:
        return "pruned"
    is_unfinished = not listed.is_recorded or (listed.has_original and CLIP not in listed.objects)
    return "unfinished" if is_unfinished else "damaged"


def _original_state(
    objects: FilmObjects, chunk_num: int, record: TakeRecord | None
) -> OriginalState:
    if record is None or record.original is None:
        return "unknown"
    stored = objects.take(chunk_num, record.take, record.original.name).head()
    if stored is None:
        return "pruned" if record.pruned_at is not None else "damaged"
    return "damaged" if objects.store.damage(stored) else "stored"
