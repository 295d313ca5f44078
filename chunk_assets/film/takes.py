"""The takes of a chunk: every clip that was ever made of it, of which one is chosen.

A take's objects are never overwritten while they are intact. The chunk's own clip and last frame,
which the film is made from, are copies of the chosen take's. The frame is copied first, so a frame
of another take than the clip's is a choice that was interrupted; see `interrupted_choice`.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from chunk_assets.errors import Damaged, NotStored, StorageError
from chunk_assets.film.choices import read_choices
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.records import ClipRecord
from chunk_assets.film.take_records import CHECKS, CLIP, FRAME, ORIGINAL, TAKE, Choices, TakeRecord
from chunk_assets.storage.bucket import ListedObject
from chunk_assets.storage.stored import StoredObject


@dataclass(frozen=True)
class StoredTake:
    """A take that can be chosen: its clip, its last frame, and the record of the clip."""

    number: int
    clip: StoredObject
    frame: StoredObject
    record: ClipRecord


@dataclass(frozen=True)
class ListedTake:
    """The objects of one take as S3 lists them, by name."""

    number: int
    objects: dict[str, ListedObject]

    @property
    def is_recorded(self) -> bool:
        """Whether its record, or the original that carries it, is stored.

        Until then its number is free.
        """
        return TAKE in self.objects or self.has_original

    @property
    def is_complete(self) -> bool:
        """Whether its clip and last frame are stored, so that it can be chosen."""
        return {TAKE, CLIP, FRAME} <= set(self.objects)

    @property
    def has_original(self) -> bool:
        """Whether the file that the generator delivered is stored beside the clip."""
        return bool(self.original)

    @property
    def original(self) -> str:
        """The name of the file that the generator delivered; empty if it is not stored."""
        return next((name for name in self.objects if name.startswith(ORIGINAL)), "")

    @property
    def is_pruned(self) -> bool:
        """Whether its files were deleted, so that only records are left."""
        return self.is_recorded and set(self.objects) <= {TAKE, CHECKS}

    @property
    def size(self) -> int:
        """Bytes of all its objects."""
        return sum(listed.size for listed in self.objects.values())

    @property
    def stored_at(self) -> datetime:
        """When its record was stored, or else its first object."""
        first = min(listed.last_modified for listed in self.objects.values())
        return self.objects[TAKE].last_modified if self.is_recorded else first


class Takes:
    """The takes of one chunk, as they were listed when this was made."""

    def __init__(self, objects: FilmObjects, chunk_num: int):
        self._objects, self.chunk_num, self._has_adopted = objects, chunk_num, False
        self.listed = {
            number: ListedTake(number, found)
            for number, found in objects.list_takes(chunk_num).items()
        }

    def record(self, number: int) -> TakeRecord | None:
        """Return a take's record; None if there is none, or it is damaged."""
        try:
            record = self._objects.take(self.chunk_num, number, TAKE).read_json(TakeRecord)[0]
        except (NotStored, Damaged):
            record = self._record_of_original(number)
        return record if record is not None and record.take == number else None

    def _record_of_original(self, number: int) -> TakeRecord | None:
        """Return the record that a take's original carries: the process ended after storing it."""
        listed = self.listed.get(number)
        if listed is None or not listed.has_original:
            return None
        stored = self._objects.take(self.chunk_num, number, listed.original).head()
        with suppress(ValidationError):
            return TakeRecord.of_original(stored) if stored is not None else None
        return None

    def key(self, number: int, name: str) -> str:
        """Return the key of an object of a take; empty if it is not stored."""
        listed = self.listed.get(number)
        if listed is None or name not in listed.objects:
            return ""
        return self._objects.take(self.chunk_num, number, name).key

    def stored(self, number: int) -> StoredTake | None:
        """Return a take that can be chosen; None if it is incomplete or damaged.

        Raises:
            StorageError: S3 does not answer.
        """
        listed = self.listed.get(number)
        if listed is None or not listed.is_complete:
            return None
        store = self._objects.store
        clip, frame = (
            self._objects.take(self.chunk_num, number, name).head() for name in (CLIP, FRAME)
        )
        if clip is None or frame is None or frame.record.get("clip") != clip.sha256:
            return None
        if store.damage(clip) or store.damage(frame):
            return None
        try:
            return StoredTake(number, clip, frame, ClipRecord.of(clip))
        except StorageError:
            return None

    def all(self, is_wanted: Callable[[StoredTake], bool]) -> list[StoredTake]:
        """Return the wanted takes that can be chosen, the newest first.

        Raises:
            StorageError: S3 does not answer.
        """
        numbers = sorted(self.listed, reverse=True)
        takes = [take for number in numbers if (take := self.stored(number)) is not None]
        return [take for take in takes if is_wanted(take)]

    def latest(self, is_wanted: Callable[[StoredTake], bool]) -> StoredTake | None:
        """Return the wanted take that was made or chosen last.

        Raises:
            StorageError: S3 does not answer.
        """
        found = self.all(is_wanted)
        if len(found) < 2:
            return found[0] if found else None
        choices = self.choices()

        def last_used(take: StoredTake) -> tuple[datetime, int]:
            stored_at = self.listed[take.number].stored_at
            return max(stored_at, choices.latest(take.number) or stored_at), take.number

        return max(found, key=last_used)

    def choices(self) -> Choices:
        """Return what people chose among the takes.

        Raises:
            StorageError: S3 does not answer.
        """
        return read_choices(self._objects, self.chunk_num)

    def unfinished(self, *, is_new: bool = False) -> Iterator[TakeRecord]:
        """Yield the takes whose original is stored, without an intact clip made from it.

        Args:
            is_new: Whether to leave out those that had a clip, which is damaged now.

        Raises:
            StorageError: S3 does not answer.
        """
        for number, listed in self.listed.items():
            if not listed.has_original or (is_new and CLIP in listed.objects):
                continue
            if self.stored(number) is None:
                record = self.record(number)
                if record is not None and record.original is not None:
                    yield record

    def new_numbers(self, count: int, chosen: ClipRecord | None) -> list[int]:
        """Return the numbers of the next takes: the lowest that were never used.

        An interrupted take leaves a gap, and is continued with the same number and seed. Takes that
        were made before takes were kept are gone, but their numbers are used.

        Args:
            count: How many numbers.
            chosen: The record of the chunk's clip, if there is one.
        """
        used = {number for number, listed in self.listed.items() if listed.is_recorded}
        number = 1
        if chosen is not None and chosen.take not in used:
            number = chosen.take + 1
        for adopted in sorted(used, reverse=True):
            record = self.record(adopted)
            if record is not None and record.is_adopted:
                number = max(number, adopted + 1)
                break
        numbers = (free for free in itertools.count(number) if free not in used)
        return list(itertools.islice(numbers, count))

    def adopt(self, chosen: StoredObject, record: ClipRecord) -> None:
        """Keep the chunk's clip, which was stored before takes were kept, as a take.

        Its check results are kept, too; its original is unknown. Does nothing if that take is
        stored.

        Raises:
            StorageError: S3 refuses a copy.
        """
        listed = self.listed.get(record.take)
        if self._has_adopted or (listed is not None and listed.is_recorded):
            return
        objects, number = self._objects, record.take
        frame = objects.last_frame(self.chunk_num).head()
        if frame is not None and frame.record.get("clip") == chosen.sha256:
            objects.take(self.chunk_num, number, FRAME).copy_from(frame)
        objects.take(self.chunk_num, number, CLIP).copy_from(chosen)
        results = objects.check_results(self.chunk_num).head()
        if results is not None:
            objects.take(self.chunk_num, number, CHECKS).copy_from(results)
        objects.take(self.chunk_num, number, TAKE).write_json(TakeRecord.adopted(record))
        self._has_adopted = True


def publish(
    objects: FilmObjects, chunk_num: int, take: StoredTake
) -> tuple[StoredObject, StoredObject]:
    """Make a take the chunk's chosen one; return the chunk's clip and last frame.

    Its check results become the chunk's. The clip is copied last: it commits the choice.

    Raises:
        StorageError: S3 refuses a copy.
    """
    frame = objects.last_frame(chunk_num).copy_from(take.frame)
    results = objects.take(chunk_num, take.number, CHECKS).head()
    if results is not None:
        objects.check_results(chunk_num).copy_from(results)
    return objects.clip(chunk_num).copy_from(take.clip), frame


def interrupted_choice(
    takes: Takes, clip: StoredObject | None, frame: StoredObject | None
) -> StoredTake | None:
    """Return the take whose last frame was copied to the chunk, but not its clip.

    Args:
        takes: The chunk's takes.
        clip: The chunk's clip; one that is not ours is never replaced.
        frame: The chunk's last frame.

    Returns:
        The take; None if frame and clip belong together, or for another reason do not.

    Raises:
        StorageError: S3 does not answer.
    """
    if clip is None or frame is None or not clip.sha256:
        return None
    of_clip = frame.record.get("clip")
    if of_clip == clip.sha256:
        return None
    if clip.last_modified and frame.last_modified and clip.last_modified > frame.last_modified:
        return None  # a person has put an earlier clip back
    return takes.latest(lambda take: take.clip.sha256 == of_clip)
