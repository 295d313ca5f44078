"""The partitions: films by name, and the chunks of films."""

import warnings
from collections.abc import Iterable, Sequence

import dagster as dg
from dagster._core.storage.event_log import (  # for many deletions at once: `unregister`
    DynamicPartitionsTable,
    SqlEventLogStorage,
)

OWNERS = ["team:film"]
"""Whom Dagit names as the owner of every asset; a deployment of several teams changes it here."""

VIDEO_ID = "video_id"
CHUNK_NUM = "chunk_num"

NAMES_A_QUERY = 400
"""SQLite allows 999 values in one."""

videos = dg.DynamicPartitionsDefinition(name=VIDEO_ID)
chunk_nums = dg.DynamicPartitionsDefinition(name=CHUNK_NUM)
chunks = dg.MultiPartitionsDefinition({VIDEO_ID: videos, CHUNK_NUM: chunk_nums})
"""A key is `03|film`: Dagster joins the dimensions in the order of their names."""

with warnings.catch_warnings():
    # Beta in Dagster 1.13, and without an alternative; no news to whoever starts the webserver.
    warnings.simplefilter("ignore", dg.BetaWarning)
    of_film = dg.MultiToSingleDimensionPartitionMapping(VIDEO_ID)
    """Maps a film's chunks to the film, and the film to all of its chunks."""


def chunk_key(video_id: str, chunk_num: int) -> str:
    """The partition key of a chunk, such as `03|film`."""
    return f"{chunk_num:02d}|{video_id}"


def split_chunk_key(key: str) -> tuple[str, int]:
    """The film and the chunk number of a partition key such as `03|film`."""
    number, video_id = key.split("|", 1)
    return video_id, int(number)


def by_film(partition_keys: Iterable[str]) -> dict[str, list[int]]:
    """Chunk numbers in order, by film, in the order in which the films come."""
    films: dict[str, list[int]] = {}
    for key in partition_keys:
        video_id, chunk_num = split_chunk_key(key)
        films.setdefault(video_id, []).append(chunk_num)
    return {film: sorted(numbers) for film, numbers in films.items()}


def register(instance: dg.DagsterInstance, video_id: str, chunks_planned: int) -> None:
    """Make the film and its chunks known to Dagster; known ones stay as they are.

    Chunk numbers are added from 00 on without a gap, so that Dagster's order of them, which is that
    of their coming, is by number: a range of partitions is a range of chunks.
    """
    instance.add_dynamic_partitions(VIDEO_ID, [video_id])
    known = set(instance.get_dynamic_partitions(CHUNK_NUM))
    wanted = [f"{number:02d}" for number in range(chunks_planned)]
    missing = [key for key in wanted if key not in known]
    if missing:
        instance.add_dynamic_partitions(CHUNK_NUM, missing)


def unregister(instance: dg.DagsterInstance, video_ids: Sequence[str]) -> None:
    """Take films out of the partition grid, all of them or none; chunk numbers stay.

    Dagster's public call takes one at a time, and sqlite two new engines and a flush to disk for
    each: 10,000 would take a minute and a half. The same deletion for all is one transaction.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        for video_id in video_ids:
            instance.delete_dynamic_partition(VIDEO_ID, video_id)
        return
    table = DynamicPartitionsTable.c
    with storage.index_transaction() as connection:
        for start in range(0, len(video_ids), NAMES_A_QUERY):
            some = table.partition.in_(video_ids[start : start + NAMES_A_QUERY])
            connection.execute(
                DynamicPartitionsTable.delete().where(table.partitions_def_name == VIDEO_ID, some)
            )


def range_tags(video_id: str, numbers: Sequence[int]) -> dict[str, str]:
    """The tags of a run over a range of one film's chunks."""
    return {
        "dagster/asset_partition_range_start": chunk_key(video_id, min(numbers)),
        "dagster/asset_partition_range_end": chunk_key(video_id, max(numbers)),
    }
