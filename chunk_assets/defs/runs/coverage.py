"""The films and chunks that a run covers, read from the tags that Dagster gives it."""

from collections.abc import Iterator, Sequence

import dagster as dg

from chunk_assets.dagster_internals.instance import FILM_TAG
from chunk_assets.dagster_internals.tag_names import PARTITION, RANGE_END, RANGE_START
from chunk_assets.defs.partitions.definitions import chunks, film_part, read_chunk_key

CLIPS = dg.AssetKey("chunk_videos")


def range_ends(run: dg.DagsterRun) -> tuple[str, str] | None:
    """Return the first and the last partition of a run, which may be one; None if it has none."""
    if PARTITION in run.tags:
        return run.tags[PARTITION], run.tags[PARTITION]
    start, end = run.tags.get(RANGE_START), run.tags.get(RANGE_END)
    return None if start is None or end is None else (start, end)


def only_film(run: dg.DagsterRun) -> str | None:
    """Return the film of a run's partitions; None if they are of several films, or of none."""
    films = set(map(film_part, range_ends(run) or ()))
    return films.pop() if len(films) == 1 else None


def films(run: dg.DagsterRun, in_grid: Sequence[str]) -> Iterator[str]:
    """Yield the films of a run.

    Args:
        run: The run.
        in_grid: All films in the order of their partitions, for runs over ranges of films.
    """
    if FILM_TAG in run.tags:
        yield run.tags[FILM_TAG]
    first, last = map(film_part, range_ends(run) or ("", ""))
    yield from {first, last} - {""}
    if first != last and {first, last} <= set(in_grid):
        start, end = sorted(map(list(in_grid).index, (first, last)))
        yield from in_grid[start : end + 1]


def renders_clips(run: dg.DagsterRun) -> bool:
    """Return whether a run renders clips."""
    if run.asset_selection:  # empty, or None, where nothing but the job was chosen
        return CLIPS in run.asset_selection
    return run.job_name == "render_chunks"


def chunk_keys(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Sequence[str]:
    """Return the partition keys of a run's chunks.

    Returns:
        An empty list if an end of the run's range is not a chunk, or has left the grid.
    """
    ends = range_ends(run)
    if ends is None or not all(map(read_chunk_key, ends)):
        return []
    if PARTITION in run.tags:
        return ends[:1]
    try:
        return chunks.get_partition_keys_in_range(
            dg.PartitionKeyRange(*ends), dynamic_partitions_store=instance
        )
    except dg.DagsterError:
        return []
