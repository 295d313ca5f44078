"""Observations of `animatics`: the version of each, and which write of its manifest was handled.

They outlive a lost sensor cursor, and people see them in Dagit. An animatic that cannot be used, or
whose manifest is gone, also fails the check `animatic_is_usable` until it can be used again.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import dagster as dg

from chunk_assets.checks.results import USABLE, CheckResult
from chunk_assets.dagster_internals.partition_rows import KEYS_A_QUERY
from chunk_assets.defs.assets.check_events import report
from chunk_assets.defs.assets.lineage import DATA_VERSION, USER_PROVIDED, observe_animatic
from chunk_assets.defs.assets.metadata import link, seconds
from chunk_assets.defs.partitions.definitions import VIDEO_ID, is_usable
from chunk_assets.defs.partitions.registry import register
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import FilmPlan
from chunk_assets.storage.store import ObjectStore

STAMP = "chunk_assets/manifest_stamp"
OUTCOME = "chunk_assets/verdict"
LIMITS = "chunk_assets/sensor_limits"
REFUSED, SETTLED, RETIRED, GONE = "refused", "taken", "retired", "gone"

ANIMATICS = dg.AssetKey("animatics")


@dataclass(frozen=True)
class Observation:
    """The newest observation of one animatic.

    Attributes:
        version: The data version; None if no usable version was ever recorded.
        stamp: Which write of the manifest the sensor has handled; None if the version was
            recorded by something else (`chunk-assets submit`) and is yet to be handled.
        is_refused: Whether that write could not be used, or the manifest was gone.
        is_gone: Whether the manifest was gone.
        storage_id: The event's id; a later one has a higher id.
        recorded: When it was recorded, in seconds since 1970; 0 if the film was retired then, which
            does not count as a use.
        limits: The deployment's limits, if they did not allow the film; otherwise "".
    """

    version: str | None = None
    stamp: str | None = None
    is_refused: bool = False
    is_gone: bool = False
    storage_id: int = field(default=0, compare=False)
    recorded: float = field(default=0.0, compare=False)
    limits: str = field(default="", compare=False)

    def is_settled(self, version: str) -> bool:
        """Return whether this version was handled, possibly in another write."""
        return self.stamp is not None and not self.is_refused and self.version == version


def latest_observations(
    instance: dg.DagsterInstance, names: Iterable[str]
) -> dict[str, Observation]:
    """Return the newest observation of each of these animatics that has one."""
    found = {}
    for ids in _latest(instance, names):
        which = dg.AssetRecordsFilter(asset_key=ANIMATICS, storage_ids=list(ids.values()))
        for record in instance.fetch_observations(which, limit=len(ids)).records:
            tags = record.event_log_entry.tags or {}
            outcome = tags.get(OUTCOME)
            found[str(record.partition_key)] = Observation(
                tags.get(DATA_VERSION),
                tags.get(STAMP),
                outcome in (REFUSED, GONE),
                outcome == GONE,
                record.storage_id,
                0.0 if outcome == RETIRED else record.timestamp,
                tags.get(LIMITS, ""),
            )
    return found


def latest_ids(instance: dg.DagsterInstance, names: Iterable[str]) -> dict[str, int]:
    """Return the storage id of each animatic's newest observation."""
    return {name: latest for ids in _latest(instance, names) for name, latest in ids.items()}


def _latest(instance: dg.DagsterInstance, names: Iterable[str]) -> Iterator[Mapping[str, int]]:
    wanted = sorted(set(names))
    for start in range(0, len(wanted), KEYS_A_QUERY):
        ids = instance.get_latest_storage_id_by_partition(
            ANIMATICS,
            dg.DagsterEventType.ASSET_OBSERVATION,
            partitions=set(wanted[start : start + KEYS_A_QUERY]),
        )
        if ids:
            yield ids


def announce(instance: dg.DagsterInstance, store: ObjectStore, plan: FilmPlan) -> None:
    """Register the film's partitions and record which version of its animatic there is.

    The events come first: `retirement` looks for new events after it has deleted a partition.
    """
    before = latest_observations(instance, [plan.video_id]).get(plan.video_id, Observation())
    was_retired = not instance.has_dynamic_partition(VIDEO_ID, plan.video_id)
    metadata = {
        "chunks": dg.MetadataValue.int(len(plan.specs)),
        "beats": dg.MetadataValue.int(len(plan.animatic.beats)),
        "duration_seconds": seconds(plan.animatic.duration),
        **_where(store, plan.video_id),
    }
    is_new = observe_animatic(instance, plan.video_id, plan.version, metadata)
    if was_retired and not is_new:
        _record_return(instance, store, plan.video_id, before)
    register(instance, plan.video_id, len(plan.specs))
    if is_new or before.is_refused:
        sentence = f"{len(plan.specs)} chunks are planned from it"
        report(instance, ANIMATICS, plan.video_id, CheckResult(USABLE, True, sentence))


def record_settled(
    instance: dg.DagsterInstance, store: ObjectStore, name: str, version: str, stamp: str, why: str
) -> None:
    """Record that this write of a manifest was handled, and how."""
    _observe(instance, store, name, version, {STAMP: stamp, OUTCOME: SETTLED}, why)


def record_refused(
    instance: dg.DagsterInstance,
    store: ObjectStore,
    name: str,
    before: Observation,
    stamp: str,
    why: str,
    limits: str = "",
) -> None:
    """Record that this write of a manifest cannot be used; the last usable version stays.

    Args:
        instance: Where to record it.
        store: Where the manifest is.
        name: The film.
        before: The newest observation so far.
        stamp: The write.
        why: A sentence for people.
        limits: The deployment's limits, if they are the reason.
    """
    tags = {STAMP: stamp, OUTCOME: REFUSED} | ({LIMITS: limits} if limits else {})
    _observe(instance, store, name, before.version, tags, why)
    _report_unusable(instance, name, why)


def record_gone(
    instance: dg.DagsterInstance, store: ObjectStore, name: str, before: Observation
) -> None:
    """Record that a manifest is gone; the last usable version stays."""
    uri = FilmObjects(store, name).manifest().uri
    why = f"The manifest of film {name!r} is gone: {uri} is not stored."
    _observe(instance, store, name, before.version, {OUTCOME: GONE}, why)
    _report_unusable(instance, name, why)


def _report_unusable(instance: dg.DagsterInstance, name: str, why: str) -> None:
    """Fail the check of an animatic, and register its film so that people see it in Dagit."""
    if is_usable(VIDEO_ID, name):
        register(instance, name, 0)
        report(instance, ANIMATICS, name, CheckResult(USABLE, False, why))


def record_retired(
    instance: dg.DagsterInstance, store: ObjectStore, name: str, before: Observation, stamp: str
) -> None:
    """Record that this write needs no run: its film is finished, and leaves the grid."""
    why = "Retired: its film is finished."
    _observe(instance, store, name, before.version, {STAMP: stamp, OUTCOME: RETIRED}, why)


def _record_return(
    instance: dg.DagsterInstance, store: ObjectStore, name: str, before: Observation
) -> None:
    """Record that a retired film is back, although nothing in it has changed: its age restarts."""
    tags = {OUTCOME: REFUSED if before.is_refused else SETTLED} | (
        {STAMP: before.stamp} if before.stamp else {}
    )
    _observe(instance, store, name, before.version, tags, "The film is in the grid again.")


def _observe(
    instance: dg.DagsterInstance,
    store: ObjectStore,
    name: str,
    version: str | None,
    tags: dict[str, str],
    why: str,
) -> None:
    if version is not None:
        # Dagster takes the version from the newest observation: one without would make it unknown.
        tags = {**tags, DATA_VERSION: version, USER_PROVIDED: "true"}
    metadata = {"sensor": dg.MetadataValue.text(why), **_where(store, name)}
    event = dg.AssetObservation(
        ANIMATICS, description=why, partition=name, metadata=metadata, tags=tags
    )
    instance.report_runless_asset_event(event)


def _where(store: ObjectStore, name: str) -> Mapping[str, dg.MetadataValue]:
    manifest = FilmObjects(store, name).manifest()
    return {
        "open": link(store, manifest.key, "open"),
        "uri": dg.MetadataValue.text(manifest.uri),
    }
