"""Finished films leave the partition grid; everything that there is of them stays.

What is retired is written nowhere: it is what Dagster has recorded of films that are in its grid no
more. Objects on S3 and events stay, so `status` and the film's page answer as before, and a film
that is announced again (`observations.announce`) is in the grid again with its history.
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
"""Films that are looked at and then deleted together: between the two, a run may come."""

_AT_ONCE = 8
"""Requests to S3 at a time."""

IN_TERMINAL = "it is being rendered in a terminal"
MEANWHILE = "it was submitted meanwhile"

_ALWAYS = datetime.max.replace(tzinfo=UTC)


@dataclass
class Retirement:
    """What became of the films that were looked at.

    Attributes:
        retired: Taken out of the grid, or what would be.
        at_work: Left alone since somebody is at them: why, by name.
        unfinished: Left since they are not finished: why, by name.
        too_young: Left since something of them is younger than asked for.
        already: Named, and not in the grid any more.
    """

    retired: list[str] = field(default_factory=list)
    at_work: dict[str, str] = field(default_factory=dict)
    unfinished: dict[str, str] = field(default_factory=dict)
    too_young: list[str] = field(default_factory=list)
    already: list[str] = field(default_factory=list)

    @property
    def left(self) -> dict[str, str]:
        """Why each film was left that is not merely too young."""
        return {**self.at_work, **self.unfinished}


def retired_films(instance: dg.DagsterInstance) -> set[str]:
    """The films that Dagster has recorded and that are in its grid no more."""
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
    """Take finished films out of the partition grid: those named, or all, that are old enough.

    A film's age is the time since it was stitched or, if that is later, since its animatic was last
    submitted or looked at. A retirement that is killed has retired whole films, each for good.

    Args:
        instance: Whose grid.
        store: Where the films are.
        settings: Of this machine, on which a `render` may have a film.
        names: Which films; all in the grid without.
        older_than: The age from which on; any without.
        is_dry_run: Only say what would be retired.
        progress: Told how many films are dealt with, of how many.

    Raises:
        SpecError: Dagster knows no such film.
        StorageError: S3 cannot be read.
    """
    in_grid = [key for key in instance.get_dynamic_partitions(VIDEO_ID) if is_usable(VIDEO_ID, key)]
    born_before = datetime.now(UTC) - older_than if older_than is not None else _ALWAYS
    work = _Retiring(instance, store, settings, in_grid, is_dry_run, born_before)
    work.found.already = _already(instance, names, set(in_grid))
    there = dict.fromkeys(name for name in names if name not in work.found.already)
    wanted = list(there if names else in_grid)
    # Of the animatics first: what comes after is noticed by its event.
    work.known = observations.latest_observations(instance, wanted)
    old = [name for name in wanted if work.is_old(work.known.get(name, Observation()).recorded)]
    work.found.too_young += _without(wanted, old)
    work.listed = list_films(store, old)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for start in range(0, len(old), BATCH):
            work.deal_with(old[start : start + BATCH], pool)
            progress(min(start + BATCH, len(old)), len(old))
    return work.found


@dataclass
class _Retiring:
    """One retirement: what it works with, and what it has found."""

    instance: dg.DagsterInstance
    store: ObjectStore
    settings: Settings
    in_grid: Sequence[str]
    is_dry_run: bool
    born_before: datetime
    known: dict[str, Observation] = field(default_factory=dict)
    listed: FilmListing = field(default_factory=FilmListing)
    found: Retirement = field(default_factory=Retirement)

    def is_old(self, moment: float | datetime) -> bool:
        """Whether something that was written then is old enough."""
        if not isinstance(moment, datetime):
            moment = datetime.fromtimestamp(moment, UTC)
        return moment <= self.born_before

    def deal_with(self, batch: Sequence[str], pool: ThreadPoolExecutor) -> None:
        """Retire those of a few films that can be."""
        old = [name for name in batch if self.is_old(self.listed.films.get(name, 0.0))]
        self.found.too_young += _without(batch, old)
        busy = active_films(self.instance, self.in_grid)
        self.found.at_work |= {name: busy[name] for name in old if name in busy}
        free = [name for name in old if name not in busy]
        reasons = dict(zip(free, pool.map(self._why_unfinished, free), strict=True))
        self.found.unfinished |= {name: why for name, why in reasons.items() if why}
        finished = [name for name, why in reasons.items() if not why]
        with ExitStack() as locks:
            mine = [name for name in finished if self._hold(name, locks)]
            self.found.at_work |= dict.fromkeys(_without(finished, mine), IN_TERMINAL)
            if not self.is_dry_run:
                mine = self._delete(mine)
        self.found.retired += mine

    def _why_unfinished(self, name: str) -> str:
        """Why a film is not finished; empty where it is."""
        if name not in self.listed.films:
            return "it is not stitched"
        stored = self.listed.films[name]
        if self.listed.may_be_current(name) and newest_clip(self.store, name) < stored:
            return ""
        try:
            status = film_status(plan_film(self.store, name), self.store)
        except ChunkAssetsError as error:  # of this film, which must not stop the others
            return str(error)
        if status.is_complete:
            return ""
        return "something that it is made from was written after it was stitched"

    def _hold(self, name: str, locks: ExitStack) -> bool:
        """Keep a `render` on this machine away from the film; False if one has it."""
        if not (self.settings.home / "locks" / f"{name}.lock").exists():
            return True  # no `render` was ever at it here
        try:
            locks.enter_context(film_lock(self.settings, name))
        except SpecError:
            return False
        return True

    def _delete(self, names: Sequence[str]) -> list[str]:
        """Delete these films' partitions but those which something came for; gives the deleted."""
        submitted = self._submitted(names)
        self.found.at_work |= submitted
        calm = _without(names, submitted)
        self._take(calm)
        unregister(self.instance, calm)
        # A run that was requested before the deletion needs its partitions, and is only now seen.
        busy = active_films(self.instance, self.in_grid)
        moved = {name: busy[name] for name in calm if name in busy} | self._submitted(calm)
        if moved:
            self.instance.add_dynamic_partitions(VIDEO_ID, list(moved))
            self.found.at_work |= moved
        return _without(calm, moved)

    def _take(self, names: Sequence[str]) -> None:
        """Have it recorded that these manifests were dealt with, where the sensor has not.

        A film that was rendered in the terminal alone would come back at the sensor's first look.
        """
        for name in names:
            manifest = self.listed.manifests.get(name)
            seen = self.known.get(name, Observation())
            if manifest is None or seen.stamp == (stamp := ListedManifest(manifest).stamp):
                continue
            observations.record_retired(self.instance, self.store, name, seen, stamp)
            self.known |= observations.latest_observations(self.instance, [name])

    def _submitted(self, names: Sequence[str]) -> dict[str, str]:
        """Those of the films of whose animatics there has been news since the beginning."""
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
