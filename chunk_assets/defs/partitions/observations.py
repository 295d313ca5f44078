"""What Dagster's events say of each animatic: its version, and which writing of it was dealt with.

A sighting is an observation of `animatics`. It survives a lost cursor, and a person sees it in
Dagit. An animatic that cannot be used, or whose manifest is gone, also fails the check
`animatic_is_usable` of its partition until it can be used again.
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
VERDICT = "chunk_assets/verdict"
LIMITS = "chunk_assets/sensor_limits"
REFUSED, TAKEN, RETIRED, GONE = "refused", "taken", "retired", "gone"

ANIMATICS = dg.AssetKey("animatics")


@dataclass(frozen=True)
class Sighting:
    """What is recorded of one animatic.

    Attributes:
        version: Its data version; None where there has been no usable one.
        stamp: Which writing of the manifest was dealt with; None where somebody else recorded the
            version (`chunk-assets submit`), and nobody has acted on it.
        is_refused: Whether that writing could not be used, or the manifest was gone.
        is_gone: Whether the manifest was gone.
        storage_id: Of the event that says so; a later one has a higher.
        recorded: When somebody last did something with it, in seconds since 1970; to retire its
            film does not count.
        limits: Under which limits of the deployment it was refused for them; "" otherwise.
    """

    version: str | None = None
    stamp: str | None = None
    is_refused: bool = False
    is_gone: bool = False
    storage_id: int = field(default=0, compare=False)
    recorded: float = field(default=0.0, compare=False)
    limits: str = field(default="", compare=False)

    def is_settled(self, version: str) -> bool:
        """Whether this version was dealt with already, in whatever writing."""
        return self.stamp is not None and not self.is_refused and self.version == version


def sightings(instance: dg.DagsterInstance, names: Iterable[str]) -> dict[str, Sighting]:
    """What is recorded of each of these animatics; those never seen are left out."""
    found = {}
    for ids in _latest(instance, names):
        which = dg.AssetRecordsFilter(asset_key=ANIMATICS, storage_ids=list(ids.values()))
        for record in instance.fetch_observations(which, limit=len(ids)).records:
            tags = record.event_log_entry.tags or {}
            verdict = tags.get(VERDICT)
            found[str(record.partition_key)] = Sighting(
                tags.get(DATA_VERSION),
                tags.get(STAMP),
                verdict in (REFUSED, GONE),
                verdict == GONE,
                record.storage_id,
                0.0 if verdict == RETIRED else record.timestamp,
                tags.get(LIMITS, ""),
            )
    return found


def latest_ids(instance: dg.DagsterInstance, names: Iterable[str]) -> dict[str, int]:
    """The storage id of each animatic's last sighting: another one as soon as there is news."""
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

    The events come first: `retiring` looks for news of a film behind its partition's deletion.
    """
    before = sightings(instance, [plan.video_id]).get(plan.video_id, Sighting())
    is_away = not instance.has_dynamic_partition(VIDEO_ID, plan.video_id)
    metadata = {
        "chunks": dg.MetadataValue.int(len(plan.specs)),
        "beats": dg.MetadataValue.int(len(plan.animatic.beats)),
        "duration_seconds": seconds(plan.animatic.duration),
        **_where(store, plan.video_id),
    }
    is_news = observe_animatic(instance, plan.video_id, plan.version, metadata)
    if is_away and not is_news:
        _record_return(instance, store, plan.video_id, before)
    register(instance, plan.video_id, len(plan.specs))
    if is_news or before.is_refused:
        sentence = f"{len(plan.specs)} chunks are planned from it"
        report(instance, ANIMATICS, plan.video_id, CheckResult(USABLE, True, sentence))


def take(
    instance: dg.DagsterInstance, store: ObjectStore, name: str, version: str, stamp: str, why: str
) -> None:
    """Record that this writing of a manifest was dealt with, and how."""
    _record(instance, store, name, version, stamp, TAKEN, why)


def refuse(
    instance: dg.DagsterInstance,
    store: ObjectStore,
    name: str,
    before: Sighting,
    stamp: str,
    why: str,
    limits: str = "",
) -> None:
    """Record that this writing of a manifest cannot be used; the version of before stays.

    With `limits`, it is the deployment's limits that do not allow it: others may.
    """
    tags = {STAMP: stamp, VERDICT: REFUSED} | ({LIMITS: limits} if limits else {})
    _observe(instance, store, name, before.version, tags, why)
    _report_unusable(instance, name, why)


def lose(instance: dg.DagsterInstance, store: ObjectStore, name: str, before: Sighting) -> None:
    """Record that a manifest is gone; the version of before stays."""
    uri = FilmObjects(store, name).manifest().uri
    why = f"The manifest of film {name!r} is gone: {uri} is not stored."
    _observe(instance, store, name, before.version, {VERDICT: GONE}, why)
    _report_unusable(instance, name, why)


def _report_unusable(instance: dg.DagsterInstance, name: str, why: str) -> None:
    """Fail the check of an animatic, whose film is then in the grid for a person to see it."""
    if is_usable(VIDEO_ID, name):
        register(instance, name, 0)
        report(instance, ANIMATICS, name, CheckResult(USABLE, False, why))


def retire(
    instance: dg.DagsterInstance, store: ObjectStore, name: str, before: Sighting, stamp: str
) -> None:
    """Record that this writing needs nothing: its film is finished, and leaves the grid."""
    why = "Retired: its film is finished."
    _record(instance, store, name, before.version, stamp, RETIRED, why)


def _record_return(
    instance: dg.DagsterInstance, store: ObjectStore, name: str, before: Sighting
) -> None:
    """Record that a retired film is back, of which nothing else is new: its age begins anew."""
    tags = {VERDICT: REFUSED if before.is_refused else TAKEN} | (
        {STAMP: before.stamp} if before.stamp else {}
    )
    _observe(instance, store, name, before.version, tags, "The film is in the grid again.")


def _record(
    instance: dg.DagsterInstance,
    store: ObjectStore,
    name: str,
    version: str | None,
    stamp: str,
    verdict: str,
    why: str,
) -> None:
    _observe(instance, store, name, version, {STAMP: stamp, VERDICT: verdict}, why)


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
