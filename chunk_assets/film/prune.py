"""Prune takes: delete the files of takes that are not chosen, and keep their records.

The record keeps a take's number, so that no later take gets the same number and seed. A take whose
prediction is not in the ledger is never pruned: it is the only proof of a payment.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.records import clip_record
from chunk_assets.film.take_list import ChunkTake
from chunk_assets.film.take_records import CHECKS, CLIP, FRAME, TAKE, TakeRecord
from chunk_assets.generation.ledger import DamagedLedger
from chunk_assets.generation.ledger_entries import Attempt


@dataclass(frozen=True)
class PrunableTake:
    """A take that can be pruned.

    Attributes:
        chunk_num: The chunk.
        record: The take's record, which stays.
        files: The names of its files, in the order in which they are deleted: the clip and the last
            frame go last, so that a take is complete until then.
        size: Bytes of these files.
    """

    chunk_num: int
    record: TakeRecord
    files: tuple[str, ...]
    size: int


def prunable_takes(
    objects: FilmObjects,
    takes: Iterable[ChunkTake],
    *,
    keep: int = 0,
    older_than: timedelta = timedelta(0),
) -> Iterator[PrunableTake]:
    """Yield the takes that can be pruned, in order.

    Args:
        objects: The film's objects.
        takes: The film's takes, in order.
        keep: How many takes of each chunk to keep besides the chosen one, the newest ones.
        older_than: The minimum age. Takes from before takes were kept have no known age, and are
            kept if it is not zero.

    Raises:
        StorageError: S3 does not answer.
    """
    for chunk_num, group in groupby(takes, lambda take: take.chunk_num):
        members = list(group)
        if not any(take.is_chosen for take in members):
            continue  # its clip is missing or not ours: any of them may be wanted
        others = [take for take in members if not take.is_chosen]
        complete = [take for take in others if take.state == "complete"]
        half_pruned = [take for take in others if take.state == "pruned"]
        unkept = complete[: max(len(complete) - keep, 0)]
        old = [take for take in unkept if _is_old(take, older_than)]
        wanted = {take.take: take for take in [*half_pruned, *old]}
        if wanted:
            yield from _prunable(objects, chunk_num, [wanted[number] for number in sorted(wanted)])


def prune(objects: FilmObjects, take: PrunableTake) -> bool:
    """Delete a take's files; its record stays and says when. Return whether it was pruned.

    The caller has made sure that no run renders the chunk. Does nothing if the take was chosen
    meanwhile.

    Raises:
        StorageError: S3 refuses it; the same call continues.
    """
    number = take.record.take
    chosen = clip_record(objects.clip(take.chunk_num).head())
    if chosen is None or chosen.take == number:
        return False
    pruned = take.record.model_copy(update={"pruned_at": datetime.now(UTC)})
    objects.take(take.chunk_num, number, TAKE).write_json(pruned)
    for name in take.files:
        objects.store.delete(objects.take(take.chunk_num, number, name).key)
    return True


def _prunable(
    objects: FilmObjects, chunk_num: int, takes: list[ChunkTake]
) -> Iterator[PrunableTake]:
    listed = objects.list_takes(chunk_num)
    frame = objects.last_frame(chunk_num).head()
    attempts = _attempts(objects, chunk_num)
    for take in takes:
        record = take.record
        if record is None or not _is_paid_for_in(attempts, record):
            continue
        if take.clip and frame and frame.record.get("clip") == take.clip.sha256:
            continue  # an interrupted choice of this take
        files = {
            name: found
            for name, found in listed.get(take.take, {}).items()
            if name not in (TAKE, CHECKS)
        }
        if files:
            names = sorted(files, key=lambda name: (name == FRAME, name == CLIP, name))
            size = sum(found.size for found in files.values())
            yield PrunableTake(chunk_num, record, tuple(names), size)


def _attempts(objects: FilmObjects, chunk_num: int) -> tuple[Attempt, ...]:
    """Return the attempts in a chunk's ledger; none if the ledger is damaged."""
    try:
        return objects.ledger().chunk(chunk_num).attempts
    except DamagedLedger:
        return ()


def _is_paid_for_in(attempts: tuple[Attempt, ...], record: TakeRecord) -> bool:
    """Return whether the ledger has what a take cost, or it cost nothing."""
    if record.prediction_id:
        return any(one.prediction_id == record.prediction_id for one in attempts)
    is_known = any(one.seed == record.seed and one.cost_usd > 0 for one in attempts)
    return record.cost_usd == 0 or is_known


def _is_old(take: ChunkTake, older_than: timedelta) -> bool:
    if not older_than:
        return True
    made_at = take.record.made_at if take.record else None
    return made_at is not None and datetime.now(UTC) - made_at >= older_than
