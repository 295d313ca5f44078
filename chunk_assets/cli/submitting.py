"""Making a submitted film known to Dagster."""

import dagster as dg

from chunk_assets.chain.film_plan import FilmPlan
from chunk_assets.defs.lineage import observe_animatic
from chunk_assets.defs.partitions import register
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore


def announce(instance: dg.DagsterInstance, store: ObjectStore, plan: FilmPlan) -> None:
    """Register the film's partitions and record which version of its animatic there is."""
    register(instance, plan.video_id, len(plan.specs))
    manifest = keys.manifest(plan.video_id)
    metadata = {
        "uri": dg.MetadataValue.text(store.uri(manifest)),
        "link": dg.MetadataValue.url(store.link(manifest)),
        "chunks": dg.MetadataValue.int(len(plan.specs)),
        "beats": dg.MetadataValue.int(len(plan.animatic.beats)),
        "duration_seconds": dg.MetadataValue.float(plan.animatic.duration),
    }
    observe_animatic(instance, plan.video_id, plan.version, metadata)
