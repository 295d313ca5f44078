"""The tags for finding a film's runs in Dagit."""

from collections.abc import Mapping, Sequence

import dagster as dg

from chunk_assets.dagster_internals.instance import CHUNKS_TAG, FILM_TAG


def film_tags(video_id: str, numbers: Sequence[int] = ()) -> dict[str, str]:
    """Return the tags of a run over one film, or over these of its chunks."""
    tags = {FILM_TAG: video_id}
    if numbers:
        first, last = min(numbers), max(numbers)
        tags[CHUNKS_TAG] = f"{first:02d}" if first == last else f"{first:02d}-{last:02d}"
    return tags


def tag_run(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext,
    films: Mapping[str, Sequence[int]],
) -> None:
    """Tag a run with its films and chunks, unless it was launched with those tags.

    Runs that Dagit or a backfill launched have only the tags of their partitions.
    """
    if FILM_TAG in context.run.tags or not films:
        return
    if len(films) == 1:
        [(video_id, numbers)] = films.items()
        tags = film_tags(video_id, numbers)
    else:
        count = sum(len(numbers) for numbers in films.values())
        tags = {"films": str(len(films))}
        if count:
            tags[CHUNKS_TAG] = f"{count} of {len(films)} films"
    context.instance.add_run_tags(context.run.run_id, tags)
