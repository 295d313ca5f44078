"""The events that record chunks, with the tags that tell Dagster what each was made from.

The walk yields its own events, so it writes the tags that Dagster itself writes beside an output:
the data version (a digest of the content), the code version, and for each input the version that
was used and the storage id of the event that recorded it. Dagster compares by that id: a partition
is stale if its input was recorded with another version after the event that the tag points to.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import dagster as dg

from chunk_assets.dagster_internals.tag_names import BACKFILL
from chunk_assets.defs.assets.metadata import chunk_metadata, stored_metadata
from chunk_assets.defs.partitions.definitions import chunk_key
from chunk_assets.film.fingerprints import COMPOSITING
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import FilmPlan
from chunk_assets.render.request import ChunkObject
from chunk_assets.storage.objects import content_version
from chunk_assets.storage.store import ObjectStore

DATA_VERSION = "dagster/data_version"
USER_PROVIDED = "dagster/data_version_is_user_provided"
CODE_VERSION = "dagster/code_version"
INPUT_VERSION = "dagster/input_data_version"
INPUT_POINTER = "dagster/input_event_pointer"

NO_VERSION = "INITIAL"
"""What Dagster records as the version of an input that has never existed."""
NO_EVENT = "NULL"
"""What Dagster records as the event of an input that was not recorded."""

EXTERNAL = frozenset({"animatics", "previous_last_frames"})
"""Assets that no run makes: Dagster takes their data version from observations."""


CODE_VERSIONS = {
    "chunk_specs": "1",
    "composites": COMPOSITING,
    "chunk_videos": "1",
    "last_frames": "1",
}

Event = dg.AssetMaterialization | dg.AssetObservation


@dataclass(frozen=True)
class Recorded:
    """One recorded event of one partition of an asset."""

    storage_id: int
    tags: Mapping[str, str]

    @property
    def version(self) -> str:
        """The data version it carries."""
        return self.tags.get(DATA_VERSION, NO_VERSION)


def latest(instance: dg.DagsterInstance, asset: str, partition: str) -> Recorded | None:
    """Return the newest event that carries a partition's data version."""
    return next(iter(_events(instance, asset, partition, 1)), None)


_MOST_EVENTS = 200
"""How many earlier events of a partition are searched for a version: more than any director makes
takes."""


def event_of(
    instance: dg.DagsterInstance, asset: str, partition: str, version: str | None
) -> Recorded | None:
    """Return the newest event that recorded a version of a partition; None if there is none."""
    recorded = latest(instance, asset, partition)
    if recorded is None or version is None or recorded.version == version:
        return recorded if recorded is not None and recorded.version == version else None
    return next(
        (
            one
            for one in _events(instance, asset, partition, _MOST_EVENTS)
            if one.version == version
        ),
        None,
    )


def _events(instance: dg.DagsterInstance, asset: str, partition: str, limit: int) -> list[Recorded]:
    """Return the newest events that carry a partition's data version, newest first."""
    fetch = instance.fetch_observations if asset in EXTERNAL else instance.fetch_materializations
    wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), asset_partitions=[partition])
    return [
        Recorded(record.storage_id, record.event_log_entry.tags or {})
        for record in fetch(wanted, limit=limit).records
    ]


def chunk_partition(video_id: str, chunk_num: int) -> dg.MultiPartitionKey:
    """Return the partition of a chunk, as Dagster's events need it."""
    return dg.MultiPartitionKey({"video_id": video_id, "chunk_num": f"{chunk_num:02d}"})


def provenance(
    instance: dg.DagsterInstance,
    *,
    asset: str,
    version: str,
    code_version: str,
    inputs: Mapping[str, str | None],
    video_id: str,
    chunk_num: int,
) -> dict[str, str]:
    """Return the tags of a chunk's materialization.

    Args:
        instance: Where the inputs' events are.
        asset: The asset that is recorded.
        version: The content's digest.
        code_version: The asset's code version.
        inputs: The version that was used of each input; None where there was nothing to use. If
            one is empty, they are as in the event that recorded this content before.
        video_id: The film.
        chunk_num: The chunk.
    """
    tags = {DATA_VERSION: version, USER_PROVIDED: "true", CODE_VERSION: code_version}
    if "" in inputs.values():
        before = event_of(instance, asset, chunk_key(video_id, chunk_num), version)
        known = before.tags if before else {}
        return tags | {
            name: value
            for name, value in known.items()
            if name.startswith((INPUT_VERSION, INPUT_POINTER))
        }
    for source, used in inputs.items():
        partition = video_id if source == "animatics" else chunk_key(video_id, chunk_num)
        # Not the newest event if another version was recorded since, as for an earlier take.
        recorded = event_of(instance, source, partition, used)
        tags[f"{INPUT_VERSION}/{source}"] = NO_VERSION if used is None else used
        tags[f"{INPUT_POINTER}/{source}"] = str(recorded.storage_id) if recorded else NO_EVENT
    return tags


def is_recorded(recorded: Recorded | None, tags: Mapping[str, str]) -> bool:
    """Return whether an event carries these tags, so that it need not be recorded again.

    Pointers may differ: an input recorded twice with one version is one input. But an event whose
    input was not recorded then, and is now, must be recorded again: without a pointer Dagster does
    not see that the input changes.
    """
    if recorded is None:
        return False
    for name, value in tags.items():
        said = recorded.tags.get(name)
        if name.startswith(INPUT_POINTER):
            if said == NO_EVENT and value != NO_EVENT:
                return False
        elif said != value:
            return False
    return True


def handoff_events(
    instance: dg.DagsterInstance,
    *,
    video_id: str,
    chunk_num: int,
    version: str,
    metadata: Mapping[str, dg.MetadataValue],
) -> Iterator[Event]:
    """Yield the events of `previous_last_frames` for the chunk that begins with a frame.

    The observation carries the version by which Dagster calls the next composite stale; the
    materialization, which alone has the preview, fills the partition in Dagit's grid. Yields
    nothing if that version is recorded.
    """
    partition = chunk_partition(video_id, chunk_num)
    recorded = latest(instance, "previous_last_frames", str(partition))
    if recorded is not None and recorded.version == version:
        return
    tags = {DATA_VERSION: version, USER_PROVIDED: "true"}
    words = {name: value for name, value in metadata.items() if name != "preview"}
    for event, said in ((dg.AssetObservation, words), (dg.AssetMaterialization, metadata)):
        yield event("previous_last_frames", partition=partition, metadata=said, tags=tags)


def chunk_events(
    context: dg.AssetExecutionContext,
    store: ObjectStore,
    plan: FilmPlan,
    made: ChunkObject,
    *,
    is_quiet: bool,
    asked: frozenset[str],
) -> Iterator[Event]:
    """Yield the events of one object: its materialization, and the handoff of a last frame.

    An object that is kept is recorded again only if a person asked for it, by a click or in a
    backfill: Dagit counts a backfill's partition as failed unless its run recorded it.

    Args:
        context: The context of the run that made the object.
        store: Where the object is.
        plan: The film's plan.
        made: The object.
        is_quiet: Whether the run keeps what is up to date, without recording it again.
        asked: The partitions that the run was launched for.
    """
    spec = made.spec
    partition = chunk_partition(spec.video_id, spec.chunk_num)
    yield from _handoff_of_used_frame(context.instance, store, made)
    tags = provenance(
        context.instance,
        asset=made.stage,
        version=made.version,
        code_version=CODE_VERSIONS[made.stage],
        inputs=made.inputs,
        video_id=spec.video_id,
        chunk_num=spec.chunk_num,
    )
    recorded = latest(context.instance, made.stage, str(partition))
    is_in_backfill = BACKFILL in context.run.tags
    is_asked_for = str(partition) in asked if is_in_backfill else not is_quiet
    metadata = None
    if made.is_kept and not is_asked_for and is_recorded(recorded, tags):
        context.log.info(f"{made.stage} {partition}: kept, {made.stored.uri} is up to date")
    else:
        metadata = chunk_metadata(store, made)
        yield dg.AssetMaterialization(made.stage, partition=partition, metadata=metadata, tags=tags)
    following = plan.specs[spec.chunk_num + 1 : spec.chunk_num + 2]
    if made.stage == "last_frames" and following and not following[0].starts_chain:
        yield from handoff_events(
            context.instance,
            video_id=spec.video_id,
            chunk_num=spec.chunk_num + 1,
            version=made.version,
            metadata=metadata or {},
        )


def _handoff_of_used_frame(
    instance: dg.DagsterInstance, store: ObjectStore, made: ChunkObject
) -> Iterator[Event]:
    """Yield the handoff of the frame that a composite was made from, unless it is recorded.

    It is unrecorded if the frame was stored by a run without last frames, or while the film ended
    there. A composite never becomes stale through an input that Dagster does not know about.
    """
    film, number = made.spec.video_id, made.spec.chunk_num
    used = made.inputs.get("previous_last_frames")
    recorded = latest(instance, "previous_last_frames", chunk_key(film, number))
    if used is None or (recorded is not None and recorded.version == used):
        return
    stored = FilmObjects(store, film).last_frame(number - 1).head()
    if stored is not None and content_version(stored) == used:
        yield from handoff_events(
            instance,
            video_id=film,
            chunk_num=number,
            version=used,
            metadata=stored_metadata(store, stored),
        )


def observe_animatic(
    instance: dg.DagsterInstance,
    video_id: str,
    version: str,
    metadata: Mapping[str, dg.MetadataValue],
) -> bool:
    """Record the version of a film's animatic, unless it is recorded.

    Returns:
        Whether it was new.
    """
    recorded = latest(instance, "animatics", video_id)
    if recorded is not None and recorded.version == version:
        return False
    tags = {DATA_VERSION: version, USER_PROVIDED: "true"}
    for event in (dg.AssetObservation, dg.AssetMaterialization):
        instance.report_runless_asset_event(
            event("animatics", partition=video_id, metadata=metadata, tags=tags)
        )
    return True
