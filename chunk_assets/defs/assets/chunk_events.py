"""What is recorded of a chunk's objects, and how its end becomes the next one's beginning."""

from collections.abc import Iterator

import dagster as dg

from chunk_assets.dagster_internals.tag_names import BACKFILL
from chunk_assets.defs.assets import lineage
from chunk_assets.defs.assets.metadata import chunk_metadata, stored_metadata
from chunk_assets.defs.partitions.definitions import chunk_key
from chunk_assets.film.fingerprints import COMPOSITING
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import FilmPlan
from chunk_assets.render.request import ChunkObject
from chunk_assets.storage.objects import content_version
from chunk_assets.storage.store import ObjectStore

CODE_VERSIONS = {
    "chunk_specs": "1",
    "composites": COMPOSITING,
    "chunk_videos": "1",
    "last_frames": "1",
}

Event = dg.AssetMaterialization | dg.AssetObservation


def chunk_events(
    context: dg.AssetExecutionContext,
    store: ObjectStore,
    plan: FilmPlan,
    made: ChunkObject,
    *,
    is_quiet: bool,
    asked: frozenset[str],
) -> Iterator[Event]:
    """The events of one object: its materialization, and the hand-over behind a last frame.

    What is kept and recorded is recorded again only where a person asked for it: by a click, or in
    a backfill, whose partition Dagit counts as failed unless its run recorded it.
    """
    spec = made.spec
    partition = lineage.chunk_partition(spec.video_id, spec.chunk_num)
    yield from _used_frame(context.instance, store, made)
    tags = lineage.provenance(
        context.instance,
        version=made.version,
        code_version=CODE_VERSIONS[made.stage],
        inputs=made.inputs,
        video_id=spec.video_id,
        chunk_num=spec.chunk_num,
    )
    recorded = lineage.latest(context.instance, made.stage, str(partition))
    is_in_backfill = BACKFILL in context.run.tags
    is_asked_for = str(partition) in asked if is_in_backfill else not is_quiet
    metadata = None
    if made.is_kept and not is_asked_for and lineage.is_recorded(recorded, tags):
        context.log.info(f"{made.stage} {partition}: kept, {made.stored.uri} is up to date")
    else:
        metadata = chunk_metadata(store, made)
        yield dg.AssetMaterialization(made.stage, partition=partition, metadata=metadata, tags=tags)
    following = plan.specs[spec.chunk_num + 1 : spec.chunk_num + 2]
    if made.stage == "last_frames" and following and not following[0].starts_chain:
        yield from lineage.hand_over(
            context.instance,
            video_id=spec.video_id,
            chunk_num=spec.chunk_num + 1,
            version=made.version,
            metadata=metadata or {},
        )


def _used_frame(
    instance: dg.DagsterInstance, store: ObjectStore, made: ChunkObject
) -> Iterator[Event]:
    """The hand-over of the frame that a composite was made from, where nobody has recorded it.

    That frame was stored by a run that was not asked for last frames, or when the film ended
    there. An input that Dagster does not know of would never make the composite stale.
    """
    film, number = made.spec.video_id, made.spec.chunk_num
    used = made.inputs.get("previous_last_frames")
    recorded = lineage.latest(instance, "previous_last_frames", chunk_key(film, number))
    if used is None or (recorded is not None and recorded.version == used):
        return
    stored = FilmObjects(store, film).last_frame(number - 1).head()
    if stored is not None and content_version(stored) == used:
        yield from lineage.hand_over(
            instance,
            video_id=film,
            chunk_num=number,
            version=used,
            metadata=stored_metadata(store, stored),
        )
