"""What Dagster's events say of each animatic: its version, and which writing of it was dealt with.

A sighting is an observation of `animatics`. It survives a lost cursor, and a person sees it in
Dagit: a manifest that cannot be used is there by name and reason, also when it has no partition.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import dagster as dg

from chunk_assets.chain.film_plan import FilmPlan
from chunk_assets.defs.lineage import DATA_VERSION, USER_PROVIDED, observe_animatic
from chunk_assets.defs.partitions import register
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore

STAMP = "chunk_assets/manifest_stamp"
VERDICT = "chunk_assets/verdict"
REFUSED, TAKEN = "refused", "taken"

ANIMATICS = dg.AssetKey("animatics")
_AT_ONCE = 400
"""Names a query; SQLite allows 999 values in one."""


@dataclass(frozen=True)
class Sighting:
    """What is recorded of one animatic.

    Attributes:
        version: Its data version; None where there has been no usable one.
        stamp: Which writing of the manifest was dealt with; None where somebody else recorded the
            version (`chunk-assets submit`), and nobody has acted on it.
        is_refused: Whether that writing could not be used.
    """

    version: str | None = None
    stamp: str | None = None
    is_refused: bool = False

    def is_settled(self, version: str) -> bool:
        """Whether this version was dealt with already, in whatever writing."""
        return self.stamp is not None and not self.is_refused and self.version == version


def sightings(instance: dg.DagsterInstance, names: Iterable[str]) -> dict[str, Sighting]:
    """What is recorded of each of these animatics; those never seen are left out."""
    wanted = sorted(set(names))
    found = {}
    for start in range(0, len(wanted), _AT_ONCE):
        ids = instance.get_latest_storage_id_by_partition(
            ANIMATICS,
            dg.DagsterEventType.ASSET_OBSERVATION,
            partitions=set(wanted[start : start + _AT_ONCE]),
        )
        if not ids:
            continue
        which = dg.AssetRecordsFilter(asset_key=ANIMATICS, storage_ids=list(ids.values()))
        for record in instance.fetch_observations(which, limit=len(ids)).records:
            tags = record.event_log_entry.tags or {}
            found[str(record.partition_key)] = Sighting(
                tags.get(DATA_VERSION), tags.get(STAMP), tags.get(VERDICT) == REFUSED
            )
    return found


def announce(instance: dg.DagsterInstance, store: ObjectStore, plan: FilmPlan) -> None:
    """Register the film's partitions and record which version of its animatic there is."""
    register(instance, plan.video_id, len(plan.specs))
    metadata = {
        **_where(store, plan.video_id),
        "chunks": dg.MetadataValue.int(len(plan.specs)),
        "beats": dg.MetadataValue.int(len(plan.animatic.beats)),
        "duration_seconds": dg.MetadataValue.float(plan.animatic.duration),
    }
    observe_animatic(instance, plan.video_id, plan.version, metadata)


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
) -> None:
    """Record that this writing of a manifest cannot be used; the version of before stays."""
    _record(instance, store, name, before.version, stamp, REFUSED, why)


def _record(
    instance: dg.DagsterInstance,
    store: ObjectStore,
    name: str,
    version: str | None,
    stamp: str,
    verdict: str,
    why: str,
) -> None:
    tags = {STAMP: stamp, VERDICT: verdict}
    if version is not None:
        # Dagster takes the version from the newest observation: one without would make it unknown.
        tags |= {DATA_VERSION: version, USER_PROVIDED: "true"}
    metadata = {"sensor": dg.MetadataValue.text(why), **_where(store, name)}
    event = dg.AssetObservation(
        ANIMATICS, description=why, partition=name, metadata=metadata, tags=tags
    )
    instance.report_runless_asset_event(event)


def _where(store: ObjectStore, name: str) -> Mapping[str, dg.MetadataValue]:
    manifest = keys.manifest(name)
    return {
        "uri": dg.MetadataValue.text(store.uri(manifest)),
        "link": dg.MetadataValue.url(store.link(manifest)),
    }
