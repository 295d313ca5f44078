"""The takes of a chunk on the film page, side by side."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from chunk_assets.checks.results import take_results
from chunk_assets.errors import StorageError
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.records import ClipRecord
from chunk_assets.film.take_list import ChunkTake, chunk_takes
from chunk_assets.film.take_records import FRAME, MOVING
from chunk_assets.report.media import Medium, Shares, moving_preview, picture
from chunk_assets.report.words import MAX_SENTENCE, Check, cut, moment, money
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject

_CHECK_SENTENCE = 100
"""Characters of a check's sentence."""


@dataclass(frozen=True)
class TakeView:
    """One take; texts are truncated, but not yet escaped.

    Attributes:
        number: Its number.
        is_chosen: Whether the film is made from it.
        preview: Its moving preview, or its last frame if it has none.
        facts: Seed, cost and so on, by name.
        checks: The results of its checks; None if it has not been checked.
        link: A presigned URL that plays it.
    """

    number: int
    is_chosen: bool
    preview: Medium
    facts: Mapping[str, str]
    checks: Sequence[Check] | None
    link: str

    @property
    def failed(self) -> list[Check]:
        """The checks that failed."""
        return [check for check in self.checks or [] if check.mark == "failed"]

    @property
    def summary(self) -> str:
        """How many checks passed."""
        if self.checks is None:
            return "Not checked yet"
        passed = sum(check.mark == "passed" for check in self.checks)
        return f"{passed} of {len(self.checks)} checks passed"


@dataclass(frozen=True)
class TakesView:
    """The takes of one chunk: nothing if there is only the chosen one.

    Attributes:
        shown: The chosen take and the latest others, in order.
        notes: Sentences about the takes that are not shown.
    """

    shown: Sequence[TakeView] = ()
    notes: Sequence[str] = ()


class TakeViews:
    """Makes the views of takes; safe to use from several threads.

    Args:
        store: The bucket.
        directory: An existing directory for temporary files; no files are left in it.
        shares: The limits of the page.
    """

    def __init__(self, store: ObjectStore, directory: Path, shares: Shares):
        self._store, self._directory, self._shares = store, directory, shares

    def view(
        self, spec: ChunkSpec, chosen: int | None, checks: Sequence[Check] | None
    ) -> TakesView:
        """Return the takes of a chunk.

        Args:
            spec: The chunk.
            chosen: The number of the chosen take; None if no clip of ours is stored.
            checks: The check results of the chunk's clip, which is the chosen take's.
        """
        objects = FilmObjects(self._store, spec.video_id)
        try:
            if set(objects.list_takes(spec.chunk_num)) <= {chosen}:
                return TakesView()
            takes = chunk_takes(objects, spec.chunk_num)
            numbers = self._numbers_shown(takes)
            views = [
                self._take(objects, spec, take, take.clip, len(numbers), checks)
                for take in takes
                if take.take in numbers and take.clip is not None
            ]
        except StorageError as error:
            return TakesView(notes=[cut(str(error), MAX_SENTENCE)])
        return TakesView(views, _notes(spec, takes, numbers))

    def _numbers_shown(self, takes: Sequence[ChunkTake]) -> set[int]:
        """Return the chosen take and the latest others, as many as fit; none if it is alone."""
        complete = [take for take in takes if take.state == "complete"]
        if all(take.is_chosen for take in complete):
            return set()
        complete.sort(key=lambda take: (take.is_chosen, take.take), reverse=True)
        return {take.take for take in complete[: self._shares.takes]}

    def _take(
        self,
        objects: FilmObjects,
        spec: ChunkSpec,
        take: ChunkTake,
        clip: StoredObject,
        count: int,
        checks: Sequence[Check] | None,
    ) -> TakeView:
        """Return the view of a take with this clip, one of `count` that are shown."""
        if not take.is_chosen:
            found = take_results(objects, spec.chunk_num, take.take, clip)
            checks = None if found is None else [Check.of(one, _CHECK_SENTENCE) for one in found]
        return TakeView(
            number=take.take,
            is_chosen=take.is_chosen,
            preview=self._preview(objects, spec, take.take, self._shares.take_bytes(count)),
            facts=_facts(take, ClipRecord.of(clip)),
            checks=checks,
            link=self._store.link(clip.key),
        )

    def _preview(
        self, objects: FilmObjects, spec: ChunkSpec, number: int, max_bytes: int
    ) -> Medium:
        path = self._directory / f"{spec.chunk_num}_take_{number}"
        moving, frame = (objects.take(spec.chunk_num, number, name) for name in (MOVING, FRAME))
        if moving.head() is None:  # a take from before takes were kept
            return picture(frame, path, max_bytes, "no preview is stored")
        seconds = float(spec.fps.seconds(spec.num_frames))
        return moving_preview(moving, path, seconds, max_bytes, "no preview is stored")


def _facts(take: ChunkTake, clip: ClipRecord) -> dict[str, str]:
    record, made = take.record, "unknown"
    if record is not None:
        made = moment(record.made_at) if record.made_at else "before takes were kept"
    return {
        "Model": cut(clip.made_by or clip.model, 100),
        "Seed": str(clip.seed),
        "Cost": money(clip.cost_usd),
        "Made": made,
        "Original": _original(take),
    }


def _original(take: ChunkTake) -> str:
    """Return whether the file that the generator delivered is kept."""
    original = take.record.original if take.record else None
    if original is None:
        return "not kept"
    return f"kept, {original.size / 1e6:.1f} MB" if take.original == "stored" else take.original


def _notes(spec: ChunkSpec, takes: Sequence[ChunkTake], shown: Set[int]) -> list[str]:
    """Return sentences about the takes that are not shown."""
    numbers = {
        state: [take.take for take in takes if take.state == state]
        for state in ("complete", "unfinished", "pruned", "damaged")
    }
    complete = numbers["complete"]
    notes = [
        _more(len(complete) - len(shown), spec, bool(shown)) if len(complete) > 1 else "",
        _note(numbers["damaged"], "damaged"),
        _note(numbers["unfinished"], "not finished"),
        _note(numbers["pruned"], "pruned: only records are left"),
    ]
    return [note for note in notes if note]


def _note(numbers: Sequence[int], what: str) -> str:
    """Return a sentence about takes that are not shown; empty without takes."""
    if not numbers:
        return ""
    if len(numbers) == 1:
        return f"Take {numbers[0]} is {what}."
    named = cut(", ".join(map(str, numbers)), 100)
    return f"Takes {named} are {what}."


def _more(count: int, spec: ChunkSpec, are_others_shown: bool) -> str:
    """Return how many more takes there are than the page shows; empty if there are none."""
    if not count:
        return ""
    command = f"chunk-assets takes {spec.video_id} {spec.chunk_num:02d}"
    many = f"{count} {'more ' if are_others_shown else ''}{'take' if count == 1 else 'takes'}"
    return f"{'and ' if are_others_shown else ''}{many}: “{command}” lists them."
