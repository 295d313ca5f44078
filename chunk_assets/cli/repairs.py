"""Report what is damaged on S3, with the price of the repair, and have `render` repair it."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from chunk_assets.errors import Damaged, MediaError
from chunk_assets.files.digests import file_digest
from chunk_assets.film.chunk_states import chunk_states
from chunk_assets.film.clip_damage import check_clip
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import FilmPlan
from chunk_assets.film.records import ClipRecord
from chunk_assets.film.takes import Takes, publish
from chunk_assets.media.frames import probe
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject


class Repairs:
    """Finds a film's damaged objects.

    Args:
        plan: The film.
        store: The bucket of its objects.
        prices: The price of each chunk's clip.
        say: Prints a line for a person.
    """

    def __init__(
        self,
        plan: FilmPlan,
        store: ObjectStore,
        prices: Sequence[float],
        say: Callable[[str], None],
    ):
        self._plan, self._store, self._prices, self._say = plan, store, prices, say
        self._said: set[str] = set()
        self._objects = FilmObjects(store, plan.video_id)

    def announce(self, numbers: Collection[int]) -> list[int]:
        """Print which of these chunks are damaged, with the price, before anything is paid.

        Returns:
            The chunks whose clip has lost its record, and is that of no take. They must be rendered
            as new takes: a clip without a record may be a user's own file, which is not
            overwritten.

        Raises:
            StorageError: A clip without a record was not made by chunk_assets.
        """
        if not any(self._objects.list_clips()):
            return []
        replaced = []
        for state in chunk_states(self._plan, self._store):
            number = state.spec.chunk_num
            if not state.is_damaged or number not in numbers:
                continue
            reason = state.reason
            if state.clip is None and state.stored is not None:
                self._check_lost(state.stored, number)
                reason = "its clip is damaged: its record is missing or unreadable"
                if take := self._restored(number):
                    self._say(f"chunk {number:02d}: {reason}; take {take} is copied in its place")
                    continue
                replaced.append(number)
            self._tell(number, reason, keeps_clip=state.keeps_clip)
        return replaced

    def report(self, error: Damaged) -> int | None:
        """Print which object was found damaged when it was read.

        Returns:
            Its chunk, -1 if it belongs to no single chunk, None if it was printed before or cannot
            be made again.
        """
        key = str(error.data.get("key", ""))
        if key in self._said or not self._objects.can_be_made_again(key):
            return None
        self._said.add(key)
        chunk_num = self._objects.chunk_of(key)
        number = -1 if chunk_num is None else chunk_num
        if 0 <= number < len(self._prices):
            is_clip, reason = key == self._objects.clip(number).key, _first_part(error)
            if is_clip and (found_out := error.data.get("reason")):
                reason = f"its clip is damaged: {found_out}"
            keeps_clip = not is_clip or self._has_intact_take(number)
            self._tell(number, reason, keeps_clip=keeps_clip)
        else:
            self._say(f"{_first_part(error)}; it will be made again at no cost")
        return number

    def _tell(self, number: int, reason: str, *, keeps_clip: bool) -> None:
        if keeps_clip:
            self._say(f"chunk {number:02d}: {reason}; it will be made again at no cost")
            return
        price, later = self._prices[number], self._later_price(number)
        cost = f"for up to ${price:.2f}" if price else "at no cost"
        if price and later:
            cost += f", or ${price + later:.2f} if later chunks change too"
        self._say(f"chunk {number:02d}: {reason}; it will be rendered again {cost}")

    def _restored(self, number: int) -> int:
        """Copy the take that the last frame is from over a clip without a record.

        Returns:
            The take; 0 if none of the chunk's takes is known to be the clip's.
        """
        frame = self._objects.last_frame(number).head()
        of_clip = frame.record.get("clip") if frame is not None else None
        take = Takes(self._objects, number).latest(lambda one: one.clip.sha256 == of_clip)
        if take is None:
            return 0
        publish(self._objects, number, take)
        return take.number

    def _has_intact_take(self, number: int) -> bool:
        """Return whether a clip that cannot be decoded is intact as a take."""
        stored = self._objects.clip(number).head()
        sha256 = stored.sha256 if stored is not None else None
        take = Takes(self._objects, number).latest(lambda one: one.clip.sha256 == sha256)
        if take is None:
            return False
        with TemporaryDirectory() as scratch:
            path = Path(scratch) / "clip.mp4"
            try:
                self._store.download(take.clip.key, path)
                check_clip(self._store, take.clip, path, self._plan.spec(number))
            except Damaged:
                return False
        return True

    def _later_price(self, number: int) -> float:
        """Return the price of the chunks that depend on a chunk's last frame."""
        total = 0.0
        for spec in self._plan.specs[number + 1 :]:
            if spec.starts_chain:
                break
            total += self._prices[spec.chunk_num]
        return total

    def _check_lost(self, stored: StoredObject, number: int) -> None:
        """Check that a clip without a record is ours, or not a clip at all."""
        if stored.size == 0:
            return
        frame = self._objects.last_frame(number).head()
        with TemporaryDirectory() as scratch:
            path = Path(scratch) / "clip.mp4"
            try:
                self._store.download(stored.key, path)
                if frame is not None and frame.record.get("clip") == file_digest(path):
                    return
                probe(path)
            except (Damaged, MediaError):
                return
        ClipRecord.of(stored)  # raises: the clip is foreign


def _first_part(error: Damaged) -> str:
    """Return what is damaged, without the advice, which `render` is about to follow."""
    return str(error).rpartition(";")[0] or str(error)
