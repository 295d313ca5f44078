"""The sensor that finds new and changed animatics and starts rendering their films."""

from collections import defaultdict
from dataclasses import dataclass, field

import dagster as dg

from chunk_assets.defs.partitions import observations
from chunk_assets.defs.partitions.definitions import VIDEO_ID, is_usable
from chunk_assets.defs.partitions.observations import Observation
from chunk_assets.defs.resources import FilmStore
from chunk_assets.defs.runs.jobs import render_chunks, stitch_film
from chunk_assets.defs.sensors.film_handler import FilmHandler
from chunk_assets.defs.sensors.manifest_cursor import (
    BUCKETS,
    ListedManifest,
    ManifestCursor,
    bucket_digest,
    bucket_of,
)
from chunk_assets.defs.sensors.run_requests import TICK_SECONDS, TickTime
from chunk_assets.errors import ChunkAssetsError
from chunk_assets.film.objects import FilmObjects, list_manifests
from chunk_assets.film.plan import find_picture
from chunk_assets.generation.catalog import load_catalog
from chunk_assets.generation.registry import DEFAULT_GENERATOR, Generators
from chunk_assets.settings import Settings, load_settings
from chunk_assets.storage.store import ObjectStore

MAX_SHOWN = 10
"""Limit on the notes of a tick that Dagit shows."""


@dg.sensor(
    name="new_animatics",
    jobs=[render_chunks, stitch_film],
    minimum_interval_seconds=TICK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Renders films whose manifest on S3 is new or has changed: the chunks that are missing or "
        f"out of date. If the manifest names no generator, the free '{DEFAULT_GENERATOR}' is used; "
        "a paid generator starts only within the limits of the settings CHUNK_ASSETS_SENSOR_…. "
        "A manifest that cannot be used, or was deleted, is reported once, here and as an "
        "observation of `animatics`, and fails the check `animatic_is_usable`."
    ),
)
def new_animatics(
    context: dg.SensorEvaluationContext, films: FilmStore, generators: dg.ResourceParam[Generators]
) -> dg.SensorResult:
    """Look for new manifests; on this machine's own server, until there is one or time is up."""
    try:
        settings = load_settings()
        load_catalog(settings.models)  # errors here are the deployment's, not a film's
        store = films.store()
        time_left = TickTime(settings)
        look = _look(context, store, settings, generators, context.cursor)
        # On other servers each poll costs money: a request for each 1000 films.
        while settings.is_local and look.was_idle and time_left.has_another_look():
            look = _look(context, store, settings, generators, look.handler.cursor.written())
    except ChunkAssetsError as error:
        return dg.SensorResult(
            skip_reason=dg.SkipReason(f"Nothing was checked: {error}"), cursor=context.cursor
        )
    requests = look.handler.requests
    skip = None if requests else dg.SkipReason(look.summary())
    return dg.SensorResult(requests, skip_reason=skip, cursor=look.handler.cursor.written())


def _look(
    context: dg.SensorEvaluationContext,
    store: ObjectStore,
    settings: Settings,
    generators: Generators,
    cursor: str | None,
) -> "Look":
    listed = [ListedManifest(each) for each in list_manifests(store)]
    handler = FilmHandler(context, store, settings, generators, ManifestCursor.read(cursor))
    look = Look(handler, listed)
    look.find_changes()
    return look


@dataclass
class Look:
    """One poll of all manifests: finds those that are new, changed or deleted."""

    handler: FilmHandler
    listed: list[ListedManifest]
    retries: list[tuple[ListedManifest, Observation]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._instance, self._cursor = self.handler.instance, self.handler.cursor

    def find_changes(self) -> None:
        """Handle as many changes as one tick allows; the cursor records how many that is.

        Raises:
            StorageError: S3 cannot be asked whether a missing picture is there now.
        """
        self._cursor.look_under(self.handler.limits_token)
        self._record_requested()
        names = {manifest.name for manifest in self.listed}
        arrived = self._with_arrived_pictures(names)
        buckets: dict[int, list[ListedManifest]] = defaultdict(list)
        for manifest in self.listed:
            buckets[manifest.bucket].append(manifest)
        changed = [
            number
            for number in range(BUCKETS)
            if self._cursor.buckets[number] != bucket_digest(buckets[number])
            or any(manifest.name in arrived for manifest in buckets[number])
        ]
        if not changed:
            return
        missing: dict[int, list[str]] = defaultdict(list)
        for name in self._instance.get_dynamic_partitions(VIDEO_ID):
            if name not in names and is_usable(VIDEO_ID, name):
                missing[bucket_of(name)].append(name)
        for number in changed:
            if self.handler.is_over():
                self.handler.notes.append("more films are new: the next tick continues")
                return
            self._look_into(number, buckets[number], missing[number], arrived)
        self._retry()

    @property
    def was_idle(self) -> bool:
        """Whether nothing had changed."""
        return self.handler.handled == 0 and not self.handler.notes

    def summary(self) -> str:
        """Return the text that Dagit shows for a tick that requests nothing."""
        notes = self.handler.notes
        more = [f"and {len(notes) - MAX_SHOWN} more"] if len(notes) > MAX_SHOWN else []
        return "; ".join(notes[:MAX_SHOWN] + more) or f"{len(self.listed)} animatics, nothing new."

    def _look_into(
        self, number: int, bucket: list[ListedManifest], missing: list[str], arrived: set[str]
    ) -> None:
        names = [manifest.name for manifest in bucket]
        known = observations.latest_observations(self._instance, [*names, *missing])
        self._report_gone({name: known[name] for name in missing if name in known})
        settled = []
        for manifest in bucket:
            before = known.get(manifest.name, Observation())
            is_known = before.stamp == manifest.stamp and manifest.name not in arrived
            is_known = is_known and before.limits in ("", self.handler.limits_token)
            if not is_known and manifest.name in self._cursor.tries:
                self.retries.append((manifest, before))
            elif is_known or (not self.handler.is_over() and self.handler.handle(manifest, before)):
                settled.append(manifest)
        self._cursor.buckets[number] = bucket_digest(settled)

    def _report_gone(self, missing: dict[str, Observation]) -> None:
        store = self.handler.store
        for name, before in missing.items():
            # It may have been written since the listing.
            if not before.is_gone and FilmObjects(store, name).manifest().head() is None:
                self.handler.context.log.warning(f"the manifest of film {name!r} is gone")
                observations.record_gone(self._instance, store, name, before)

    def _retry(self) -> None:
        """Handle films that earlier ticks could not plan, those with the fewest tries first."""
        tries = self._cursor.tries
        for manifest, before in sorted(self.retries, key=lambda film: tries[film[0].name]):
            if self.handler.is_over():
                self.handler.notes.append(f"film {manifest.name!r} waits for a tick with more time")
            elif self.handler.handle(manifest, before):
                self._cursor.buckets[manifest.bucket] ^= bucket_digest([manifest])

    def _record_requested(self) -> None:
        """Record that the films whose runs the last tick requested are settled."""
        asked, store = self._cursor.asked, self.handler.store
        recorded = observations.latest_observations(self._instance, asked)
        for name, (stamp, version) in asked.items():
            if recorded.get(name, Observation()).version == version:  # not submitted again since
                why = "A run of the film was requested."
                observations.record_settled(self._instance, store, name, version, stamp, why)
        asked.clear()

    def _with_arrived_pictures(self, names: set[str]) -> set[str]:
        """Return the films whose missing picture is there now; forget films without a manifest."""
        waiting = self._cursor.waiting
        for remembered in (waiting, self._cursor.tries):
            for name in remembered.keys() - names:
                del remembered[name]
        store = self.handler.store
        return {name for name, key in waiting.items() if find_picture(store, key) is not None}
