"""Retiring finished films: they leave the partition grid, and everything else stays.

A film is retired if Dagster has recorded it and it is not in the grid; nothing else is written.
Objects on S3 and events stay, so that `status` and the film page work as before, and a film that is
announced again (`observations.announce`) returns to the grid with its history.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg

from chunk_assets.dagster_internals.instance import film_lock
from chunk_assets.defs.partitions import observations
from chunk_assets.defs.partitions.definitions import VIDEO_ID, is_usable
from chunk_assets.defs.partitions.observations import ANIMATICS, Observation
from chunk_assets.defs.partitions.registry import unregister
from chunk_assets.defs.runs.active_runs import active_films
from chunk_assets.defs.sensors.manifest_cursor import ListedManifest
from chunk_assets.errors import ChunkAssetsError, SpecError
from chunk_assets.film.listing import FilmListing, list_films, newest_clip
from chunk_assets.film.plan import plan_film
from chunk_assets.film.status import film_status
from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore

BATCH = 250
"""Films per batch, checked first and then deleted; a run may start between the two."""

_AT_ONCE = 8
"""Concurrent requests to S3."""

IN_TERMINAL = "it is being rendered in a terminal"
MEANWHILE = "it was submitted meanwhile"

_ALWAYS = datetime.max.replace(tzinfo=UTC)


@dataclass
class Retirement:
    """The outcome of a retirement.

    Attributes:
        retired: Films removed from the grid, or that would be.
        in_use: Films kept because a run or a person uses them: why, by name.
        unfinished: Films kept because they are not finished: why, by name.
        too_recent: Films kept because they changed more recently than the given age.
        already: Films that were named but already retired.
    """

    retired: list[str] = field(default_factory=list)
    in_use: dict[str, str] = field(default_factory=dict)
    unfinished: dict[str, str] = field(default_factory=dict)
    too_recent: list[str] = field(default_factory=list)
    already: list[str] = field(default_factory=list)

    @property
    def left(self) -> dict[str, str]:
        """Why each film was kept, of those that are old enough."""
        return {**self.in_use, **self.unfinished}


def retired_films(instance: dg.DagsterInstance) -> set[str]:
    """Return the films that Dagster has recorded and that are not in its grid."""
    recorded = instance.get_materialized_partitions(ANIMATICS)
    return {name for name in recorded if is_usable(VIDEO_ID, name)} - set(
        instance.get_dynamic_partitions(VIDEO_ID)
    )


def retire(
    instance: dg.DagsterInstance,
    store: ObjectStore,
    settings: Settings,
    *,
    names: Sequence[str] = (),
    older_than: timedelta | None = None,
    is_dry_run: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Retirement:
    """Remove finished films that are old enough from the partition grid.

    A film's age is the time since it was stitched or, if that is later, since its animatic was last
    submitted or handled by the sensor. A killed retirement has retired some films completely.

    Args:
        instance: The instance whose grid it is.
        store: Where the films are.
        settings: This machine's settings, for the films that a `render` has locked.
        names: The films to retire; by default all in the grid.
        older_than: The minimum age of the films; by default any.
        is_dry_run: Only return what would be retired.
        progress: Called with how many films are done, of how many.

    Raises:
        SpecError: Dagster knows no such film.
        StorageError: S3 cannot be read.
    """
    in_grid = [key for key in instance.get_dynamic_partitions(VIDEO_ID) if is_usable(VIDEO_ID, key)]
    written_before = datetime.now(UTC) - older_than if older_than is not None else _ALWAYS
    work = _Retiring(instance, store, settings, in_grid, is_dry_run, written_before)
    work.found.already = _already(instance, names, set(in_grid))
    there = dict.fromkeys(name for name in names if name not in work.found.already)
    wanted = list(there if names else in_grid)
    # Animatics come first, so that anything that happens later leaves an event that is noticed.
    work.known = observations.latest_observations(instance, wanted)
    old = [name for name in wanted if work.is_old(work.known.get(name, Observation()).recorded)]
    work.found.too_recent += _without(wanted, old)
    work.listed = list_films(store, old)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for start in range(0, len(old), BATCH):
            work.retire_batch(old[start : start + BATCH], pool)
            progress(min(start + BATCH, len(old)), len(old))
    return work.found


@dataclass
class _Retiring:
    """A retirement in progress."""

    instance: dg.DagsterInstance
    store: ObjectStore
    settings: Settings
    in_grid: Sequence[str]
    is_dry_run: bool
    written_before: datetime
    known: dict[str, Observation] = field(default_factory=dict)
    listed: FilmListing = field(default_factory=FilmListing)
    found: Retirement = field(default_factory=Retirement)

    def is_old(self, moment: float | datetime) -> bool:
        """Return whether something written at that moment is old enough."""
        if not isinstance(moment, datetime):
            moment = datetime.fromtimestamp(moment, UTC)
        return moment <= self.written_before

    def retire_batch(self, batch: Sequence[str], pool: ThreadPoolExecutor) -> None:
        """Retire the films of a batch that can be."""
        old = [name for name in batch if self.is_old(self.listed.films.get(name, 0.0))]
        self.found.too_recent += _without(batch, old)
        busy = active_films(self.instance, self.in_grid)
        self.found.in_use |= {name: busy[name] for name in old if name in busy}
        free = [name for name in old if name not in busy]
        reasons = dict(zip(free, pool.map(self._why_unfinished, free), strict=True))
        self.found.unfinished |= {name: why for name, why in reasons.items() if why}
        finished = [name for name, why in reasons.items() if not why]
        with ExitStack() as locks:
            mine = [name for name in finished if self._hold(name, locks)]
            self.found.in_use |= dict.fromkeys(_without(finished, mine), IN_TERMINAL)
            if not self.is_dry_run:
                mine = self._delete(mine)
        self.found.retired += mine

    def _why_unfinished(self, name: str) -> str:
        """Return why a film is not finished; empty if it is."""
        if name not in self.listed.films:
            return "it is not stitched"
        stored = self.listed.films[name]
        if self.listed.may_be_current(name) and newest_clip(self.store, name) < stored:
            return ""
        try:
            status = film_status(plan_film(self.store, name), self.store)
        except ChunkAssetsError as error:  # one film must not stop the others
            return str(error)
        if status.is_complete:
            return ""
        return "something that it is made from was written after it was stitched"

    def _hold(self, name: str, locks: ExitStack) -> bool:
        """Lock a film against a `render` on this machine; return false if one has it."""
        if not (self.settings.home / "locks" / f"{name}.lock").exists():
            return True  # no `render` ever had it here
        try:
            locks.enter_context(film_lock(self.settings, name))
        except SpecError:
            return False
        return True

    def _delete(self, names: Sequence[str]) -> list[str]:
        """Delete films from the grid unless they came into use; return the deleted ones."""
        submitted = self._submitted(names)
        self.found.in_use |= submitted
        idle = _without(names, submitted)
        self._record(idle)
        unregister(self.instance, idle)
        # A run that was requested before the deletion may appear only now, and needs its partition.
        busy = active_films(self.instance, self.in_grid)
        returning = {name: busy[name] for name in idle if name in busy} | self._submitted(idle)
        if returning:
            self.instance.add_dynamic_partitions(VIDEO_ID, list(returning))
            self.found.in_use |= returning
        return _without(idle, returning)

    def _record(self, names: Sequence[str]) -> None:
        """Record as handled the manifests that the sensor has not handled.

        Otherwise a film that was only rendered in a terminal would return at its next tick.
        """
        for name in names:
            manifest = self.listed.manifests.get(name)
            seen = self.known.get(name, Observation())
            if manifest is None or seen.stamp == (stamp := ListedManifest(manifest).stamp):
                continue
            observations.record_retired(self.instance, self.store, name, seen, stamp)
            self.known |= observations.latest_observations(self.instance, [name])

    def _submitted(self, names: Sequence[str]) -> dict[str, str]:
        """Return the films whose animatics have new events since the beginning."""
        latest = observations.latest_ids(self.instance, names)
        before = {name: self.known.get(name, Observation()).storage_id for name in names}
        return {name: MEANWHILE for name in names if latest.get(name, 0) != before[name]}


def _already(instance: dg.DagsterInstance, names: Sequence[str], in_grid: set[str]) -> list[str]:
    away = [name for name in names if name not in in_grid]
    if not away:
        return []
    retired = retired_films(instance)
    for name in away:
        if name not in retired:
            message = f"there is no film {name!r} in the partition grid: see chunk-assets status"
            raise SpecError(message, video_id=name)
    return away


def _without(names: Iterable[str], others: Iterable[str]) -> list[str]:
    gone = set(others)
    return [name for name in names if name not in gone]
