"""New and changed animatics: their films are rendered without anybody asking."""

import time
from collections import defaultdict
from dataclasses import dataclass, field

import dagster as dg

from chunk_assets.defs.assets.animatic_checks import usable_plan
from chunk_assets.defs.assets.check_events import report_completeness
from chunk_assets.defs.partitions import observations
from chunk_assets.defs.partitions.definitions import VIDEO_ID, is_usable
from chunk_assets.defs.partitions.observations import Sighting
from chunk_assets.defs.resources import FilmStore
from chunk_assets.defs.runs import active_films
from chunk_assets.defs.runs.jobs import render_chunks, stitch_film
from chunk_assets.defs.sensors.manifest_cursor import (
    BUCKETS,
    ListedManifest,
    ManifestCursor,
    bucket_digest,
    bucket_of,
)
from chunk_assets.defs.sensors.polling import Patience
from chunk_assets.defs.sensors.run_requests import (
    check_overwritten,
    rendering_request,
    stitching_request,
)
from chunk_assets.defs.sensors.spending_limits import SensorLimits
from chunk_assets.errors import (
    ChunkAssetsError,
    NotAllowed,
    NotStored,
    OutOfTime,
    SpecError,
    StorageError,
)
from chunk_assets.film.objects import FilmObjects, list_manifests
from chunk_assets.film.plan import FilmPlan, find_picture
from chunk_assets.film.status import film_status
from chunk_assets.generation.catalog import load_catalog
from chunk_assets.generation.registry import DEFAULT_GENERATOR, Generators
from chunk_assets.schemas import MAX_MANIFEST_BYTES, check_video_id
from chunk_assets.settings import Settings, load_settings
from chunk_assets.storage.store import ObjectStore

MAX_FILMS = 25
"""Films planned in one tick. Planning one asks S3 for some twenty objects, or eighty where the film
was rendered before: with 20 ms each that is half a minute, and Dagster ends a tick after one."""

MAX_SECONDS = 20.0
"""No other film is begun in a tick after that: S3 may be slower than expected."""

FILM_SECONDS = 5.0
"""A film that takes longer is left to the end of the next ticks, where it has what is left of
`MAX_SECONDS`: one film of an hour must not hold up the others."""

MAX_TRIES = 3
"""Ticks in which planning a film may fail for want of time or by a fault of this program before it
is refused. A shutdown looks like the second (a pool of threads that takes no more work), and is no
fault of the film's."""


@dg.sensor(
    name="new_animatics",
    jobs=[render_chunks, stitch_film],
    minimum_interval_seconds=active_films.EVERY_LOOP,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Renders the films whose manifest on S3 is new or was written anew: the chunks that are "
        "missing or changed. A manifest that names no generator is rendered with the free "
        f"'{DEFAULT_GENERATOR}'; a paid generator starts only within the limits that the settings "
        "CHUNK_ASSETS_SENSOR_… set. What cannot be used is reported once, here and as an "
        "observation of `animatics`, and fails the check `animatic_is_usable`; so does a manifest "
        "that is gone."
    ),
)
def new_animatics(
    context: dg.SensorEvaluationContext, films: FilmStore, generators: dg.ResourceParam[Generators]
) -> dg.SensorResult:
    """Look at the folder of manifests, on this machine's own server until one of them is new."""
    try:
        settings = load_settings()
        load_catalog(settings.models)  # a fault of the deployment is not the films'
        store = films.store()
        patience = Patience(settings)
        look = _look(context, store, settings, generators, context.cursor)
        # A look costs a request for each 1000 films: elsewhere than here, money.
        while settings.is_local and look.was_idle and patience.is_left():
            patience.pause()
            look = _look(context, store, settings, generators, look.cursor.written())
    except ChunkAssetsError as error:
        return dg.SensorResult(
            skip_reason=dg.SkipReason(f"Nothing was looked at: {error}"), cursor=context.cursor
        )
    skip = None if look.requests else dg.SkipReason(look.summary())
    return dg.SensorResult(look.requests, skip_reason=skip, cursor=look.cursor.written())


def _look(
    context: dg.SensorEvaluationContext,
    store: ObjectStore,
    settings: Settings,
    generators: Generators,
    cursor: str | None,
) -> "Look":
    listed = [ListedManifest(each) for each in list_manifests(store)]
    deadline = time.monotonic() + MAX_SECONDS
    look = Look(context, store, settings, generators, ManifestCursor.read(cursor), deadline)
    look.at(listed)
    return look


@dataclass
class Look:
    """One look at the manifests: what it works with, and what it has found."""

    context: dg.SensorEvaluationContext
    store: ObjectStore
    settings: Settings
    generators: Generators
    cursor: ManifestCursor
    deadline: float
    requests: list[dg.RunRequest] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    listed: int = 0
    looked_at: int = 0
    planned: int = 0
    slow: list[tuple[ListedManifest, Sighting]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._limits = SensorLimits(self.settings, self.store, self._instance, self.generators)
        self._limits_token = self._limits.token()

    def at(self, listed: list[ListedManifest]) -> None:
        """Deal with what is new, as far as one tick goes; the cursor says how far that was.

        Raises:
            StorageError: S3 cannot be asked whether a missing picture has come.
        """
        self.listed = len(listed)
        self.cursor.look_under(self._limits_token)
        self._settle()
        arrived = self._arrived({manifest.name for manifest in listed})
        buckets: dict[int, list[ListedManifest]] = defaultdict(list)
        for manifest in listed:
            buckets[manifest.bucket].append(manifest)
        changed = [
            number
            for number in range(BUCKETS)
            if self.cursor.buckets[number] != bucket_digest(buckets[number])
            or any(manifest.name in arrived for manifest in buckets[number])
        ]
        if not changed:
            return
        there = {manifest.name for manifest in listed}
        missing: dict[int, list[str]] = defaultdict(list)
        for name in self._instance.get_dynamic_partitions(VIDEO_ID):
            if name not in there and is_usable(VIDEO_ID, name):
                missing[bucket_of(name)].append(name)
        for number in changed:
            if self._is_over():
                self.said.append("more films are new: the next tick goes on")
                return
            self._look_into(number, buckets[number], missing[number], arrived)
        self._try_again()

    @property
    def was_idle(self) -> bool:
        """Whether there was nothing to deal with."""
        return self.looked_at == 0 and not self.said

    def summary(self) -> str:
        """What a person reads of a tick that requests nothing."""
        more = [f"and {len(self.said) - 10} more"] if len(self.said) > 10 else []
        return "; ".join(self.said[:10] + more) or f"{self.listed} animatics, nothing new."

    def _look_into(
        self, number: int, bucket: list[ListedManifest], missing: list[str], arrived: set[str]
    ) -> None:
        names = [manifest.name for manifest in bucket]
        known = observations.sightings(self._instance, [*names, *missing])
        for name in missing:
            before = known.get(name)
            if before is None or before.is_gone:  # added by hand; or known to be gone
                continue
            # It may have been written since the listing.
            if FilmObjects(self.store, name).manifest().head() is None:
                self.context.log.warning(f"the manifest of film {name!r} is gone")
                observations.lose(self._instance, self.store, name, before)
        done = []
        for manifest in bucket:
            before = known.get(manifest.name, Sighting())
            is_known = before.stamp == manifest.stamp and manifest.name not in arrived
            is_known = is_known and before.limits in ("", self._limits_token)
            if not is_known and manifest.name in self.cursor.tries:
                self.slow.append((manifest, before))
            elif is_known or (not self._is_over() and self._deal_with(manifest, before)):
                done.append(manifest)
        self.cursor.buckets[number] = bucket_digest(done)

    def _try_again(self) -> None:
        """Deal with the films that were not planned in earlier ticks, the newest of them first."""
        for manifest, before in sorted(self.slow, key=lambda film: self.cursor.tries[film[0].name]):
            if self._is_over():
                self.said.append(f"film {manifest.name!r} waits for a tick with more time")
            elif self._deal_with(manifest, before):
                self.cursor.buckets[manifest.bucket] ^= bucket_digest([manifest])

    def _settle(self) -> None:
        """Record that the films which the last tick requested are dealt with."""
        recorded = observations.sightings(self._instance, self.cursor.asked)
        for name, (stamp, version) in self.cursor.asked.items():
            if recorded.get(name, Sighting()).version == version:  # not submitted anew meanwhile
                why = "A run of the film was requested."
                observations.take(self._instance, self.store, name, version, stamp, why)
        self.cursor.asked.clear()

    def _arrived(self, there: set[str]) -> set[str]:
        """The films whose missing picture has come; those whose manifest is gone are let go."""
        waiting = self.cursor.waiting
        for remembered in (waiting, self.cursor.tries):
            for name in [name for name in remembered if name not in there]:
                del remembered[name]
        return {name for name, key in waiting.items() if find_picture(self.store, key) is not None}

    def _deal_with(self, manifest: ListedManifest, before: Sighting) -> bool:
        """Plan one film and request what it needs; False has it looked at again in the next tick.

        Whatever is wrong with one film must not stop the others.
        """
        name = manifest.name
        self.looked_at += 1
        try:
            check_video_id(name)
            if active_films.is_in_terminal(self.settings, name):
                return self._later(f"film {name!r} is being rendered in a terminal")
            if active_films.has_run(self._instance, name):
                return self._later(f"film {name!r} waits for its run that is going on")
            self.planned += 1
            self.cursor.waiting.pop(name, None)
            is_done = self._plan(manifest, before, self.store.until(self._deadline_of(name)))
            self.cursor.tries.pop(name, None)
            return is_done
        except NotStored as error:
            picture = str(error.data.get("uri", ""))
            if picture:
                self.cursor.wait(name, picture.removeprefix(self.store.uri("")))
                self._refuse(manifest, before, error)
            return bool(picture)  # without one the manifest itself has gone meanwhile
        except StorageError as error:
            return self._later(str(error))
        except OutOfTime as error:
            return self._failed(manifest, before, error)
        except ChunkAssetsError as error:
            self._refuse(manifest, before, error)
        except Exception as error:  # a fault in planning one film, which must be seen
            self.context.log.exception(f"film {name!r} cannot be planned")
            return self._failed(manifest, before, error)
        return True

    def _deadline_of(self, name: str) -> float:
        soon = time.monotonic() + FILM_SECONDS
        return max(soon, self.deadline) if name in self.cursor.tries else soon

    def _failed(self, manifest: ListedManifest, before: Sighting, error: Exception) -> bool:
        name = manifest.name
        tries = self.cursor.tries.get(name, 0) + 1
        why = f"it takes too long ({error})" if isinstance(error, OutOfTime) else repr(error)
        if tries < MAX_TRIES:
            self.cursor.note_try(name, tries)
            return self._later(f"film {name!r} was not planned: {why}; it is tried again")
        refused = SpecError(
            f"planning failed in {tries} ticks: {why}; render it with `chunk-assets render`, or "
            "write the manifest again to have it tried again"
        )
        self._refuse(manifest, before, refused)
        return True

    def _plan(self, manifest: ListedManifest, before: Sighting, store: ObjectStore) -> bool:
        name = manifest.name
        if manifest.listed.size > MAX_MANIFEST_BYTES:
            raise SpecError(
                f"{FilmObjects(self.store, name).manifest().uri} has {manifest.listed.size} bytes: "
                f"at most {MAX_MANIFEST_BYTES} are allowed"
            )
        plan = usable_plan(store, name, self.generators)
        observations.announce(self._instance, self.store, plan)
        if before.is_settled(plan.version):
            return self._take(manifest, plan, "The same was written again.")
        written = manifest.listed.last_modified
        if active_films.was_in_terminal_since(self._instance, name, written):
            return self._take(manifest, plan, "Left to the terminal, where it was rendered.")
        status = film_status(plan, store)
        report_completeness(self._instance, name, status)
        if status.is_complete:
            return self._take(manifest, plan, "Its film is stored already.")
        if status.fingerprint is not None:
            request = stitching_request(self._instance, name, status.fingerprint)
        else:
            check_overwritten(plan, status.generators)
            request = rendering_request(plan, manifest.stamp, self._limits)
        self.requests.append(request)
        self.cursor.asked[name] = (manifest.stamp, plan.version)
        self.context.log.info(f"film {name!r}: {request.job_name} is requested")
        return True

    def _take(self, manifest: ListedManifest, plan: FilmPlan, why: str) -> bool:
        name = manifest.name
        observations.take(self._instance, self.store, name, plan.version, manifest.stamp, why)
        self.context.log.info(f"film {name!r}: {why}")
        return True

    def _refuse(self, manifest: ListedManifest, before: Sighting, error: Exception) -> None:
        self.cursor.tries.pop(manifest.name, None)
        why = f"Film {manifest.name!r} is not rendered: {error}"
        self.context.log.warning(why)
        self.said.append(why)
        limits = self._limits_token if isinstance(error, NotAllowed) else ""
        observations.refuse(
            self._instance, self.store, manifest.name, before, manifest.stamp, why, limits
        )

    def _later(self, why: str) -> bool:
        self.said.append(why)
        return False

    def _is_over(self) -> bool:
        # However slow S3 is, one film a tick comes through.
        is_late = self.looked_at > 0 and time.monotonic() >= self.deadline
        return self.planned >= MAX_FILMS or is_late

    @property
    def _instance(self) -> dg.DagsterInstance:
        return self.context.instance
