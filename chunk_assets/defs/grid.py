"""The partition grid: films come into it and leave it."""

from collections.abc import Sequence

import dagster as dg
from dagster._core.storage.event_log import (  # for many deletions at once: `unregister`
    DynamicPartitionsTable,
    SqlEventLogStorage,
)

from chunk_assets.defs.grid_status import carried_over
from chunk_assets.defs.partitions import CHUNK_NUM, NAMES_A_QUERY, VIDEO_ID


def register(instance: dg.DagsterInstance, video_id: str, chunks_planned: int) -> None:
    """Make the film and its chunks known to Dagster; known ones stay as they are.

    Chunk numbers are added from 00 on without a gap, so that Dagster's order of them, which is that
    of their coming, is by number: a range of partitions is a range of chunks.
    """
    known = set(instance.get_dynamic_partitions(CHUNK_NUM))
    wanted = [f"{number:02d}" for number in range(chunks_planned)]
    missing = [key for key in wanted if key not in known]
    if not missing and instance.has_dynamic_partition(VIDEO_ID, video_id):
        return
    with carried_over(instance):
        instance.add_dynamic_partitions(VIDEO_ID, [video_id])
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
