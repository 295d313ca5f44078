"""The partitions: films by name, and the chunks of films."""

import warnings
from collections.abc import Iterable, Sequence

import dagster as dg

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


def range_tags(video_id: str, numbers: Sequence[int]) -> dict[str, str]:
    """The tags of a run over a range of one film's chunks."""
    return {
        "dagster/asset_partition_range_start": chunk_key(video_id, min(numbers)),
        "dagster/asset_partition_range_end": chunk_key(video_id, max(numbers)),
    }
