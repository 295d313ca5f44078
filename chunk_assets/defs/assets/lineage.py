"""Provenance: the tags by which Dagster knows what each chunk was made from.

The walk yields its own events, so it writes the tags that Dagster itself writes beside an output:
the data version (a digest of the content), the code version, and for each input the version that
was used and the storage id of the event that recorded it. Dagster compares by that id: a partition
is stale when, after the event it points to, its input was recorded with another version.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import dagster as dg

from chunk_assets.defs.partitions.definitions import chunk_key

DATA_VERSION = "dagster/data_version"
USER_PROVIDED = "dagster/data_version_is_user_provided"
CODE_VERSION = "dagster/code_version"
INPUT_VERSION = "dagster/input_data_version"
INPUT_POINTER = "dagster/input_event_pointer"

NO_VERSION = "INITIAL"
"""What Dagster records for an input that has never been there."""
NO_EVENT = "NULL"

EXTERNAL = frozenset({"animatics", "previous_last_frames"})
"""Assets whose data version Dagster takes from observations: no run makes them."""


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
    """The newest event that says which version of a partition there is."""
    fetch = instance.fetch_observations if asset in EXTERNAL else instance.fetch_materializations
    wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), asset_partitions=[partition])
    records = fetch(wanted, limit=1).records
    if not records:
        return None
    return Recorded(records[0].storage_id, records[0].event_log_entry.tags or {})


def chunk_partition(video_id: str, chunk_num: int) -> dg.MultiPartitionKey:
    """The partition of a chunk, as Dagster's events want it."""
    return dg.MultiPartitionKey({"video_id": video_id, "chunk_num": f"{chunk_num:02d}"})


def input_partition(asset: str, video_id: str, chunk_num: int) -> str:
    """Which partition of an input a chunk uses."""
    return video_id if asset == "animatics" else chunk_key(video_id, chunk_num)


def provenance(
    instance: dg.DagsterInstance,
    *,
    version: str,
    code_version: str,
    inputs: Mapping[str, str | None],
    video_id: str,
    chunk_num: int,
) -> dict[str, str]:
    """The tags of a chunk's materialization.

    Args:
        instance: Where the inputs' events are.
        version: The content's digest.
        code_version: The asset's code version.
        inputs: The version that was used of each input; None where there was nothing to use.
        video_id: The film.
        chunk_num: The chunk.
    """
    tags = {DATA_VERSION: version, USER_PROVIDED: "true", CODE_VERSION: code_version}
    for asset, used in inputs.items():
        recorded = latest(instance, asset, input_partition(asset, video_id, chunk_num))
        # An event of another version was recorded by someone else: it must not count as used.
        is_used = recorded is not None and recorded.version == used
        tags[f"{INPUT_VERSION}/{asset}"] = NO_VERSION if used is None else used
        tags[f"{INPUT_POINTER}/{asset}"] = (
            str(recorded.storage_id) if recorded is not None and is_used else NO_EVENT
        )
    return tags


def is_recorded(recorded: Recorded | None, tags: Mapping[str, str]) -> bool:
    """Whether an event already says all of this, so that it need not be recorded again.

    The pointers may differ: an input recorded twice with one version is one input. But one that
    points nowhere, as the input was not recorded then, hides from Dagster that it changes.
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


def hand_over(
    instance: dg.DagsterInstance,
    *,
    video_id: str,
    chunk_num: int,
    version: str,
    metadata: Mapping[str, dg.MetadataValue],
) -> Iterator[dg.AssetObservation | dg.AssetMaterialization]:
    """The events of `previous_last_frames` for the chunk that begins with a frame.

    The observation carries the version by which Dagster calls the next composite stale; the
    materialization, which alone has the preview, fills the partition in Dagit's grid. Nothing when
    that version is recorded.
    """
    partition = chunk_partition(video_id, chunk_num)
    recorded = latest(instance, "previous_last_frames", str(partition))
    if recorded is not None and recorded.version == version:
        return
    tags = {DATA_VERSION: version, USER_PROVIDED: "true"}
    words = {name: value for name, value in metadata.items() if name != "preview"}
    for event, said in ((dg.AssetObservation, words), (dg.AssetMaterialization, metadata)):
        yield event("previous_last_frames", partition=partition, metadata=said, tags=tags)


def observe_animatic(
    instance: dg.DagsterInstance,
    video_id: str,
    version: str,
    metadata: Mapping[str, dg.MetadataValue],
) -> bool:
    """Record that a film's animatic is there in this version, unless it is recorded.

    Returns:
        Whether it was news.
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
