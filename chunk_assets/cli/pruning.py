"""Prune takes for `takes --prune`, and show what was or would be deleted."""

import json
from collections.abc import Mapping, Sequence

import click

from chunk_assets.cli.terminal import cut, plain, print_sentence, print_table
from chunk_assets.dagster_internals.instance import film_lock, open_instance
from chunk_assets.defs.runs.film_progress import chunk_holder
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.prune import PrunableTake, prune
from chunk_assets.settings import Settings

Kept = Mapping[tuple[int, int], str]
"""Why takes were kept after all, by chunk and take."""


def prune_takes(settings: Settings, objects: FilmObjects, takes: Sequence[PrunableTake]) -> Kept:
    """Prune takes, except of chunks that a run renders; return those that were kept.

    Raises:
        SpecError: Another command renders the film.
        StorageError: S3 refuses it; the same command continues.
    """
    kept: dict[tuple[int, int], str] = {}
    video_id = objects.video_id
    with film_lock(settings, video_id), open_instance(settings) as instance:
        numbers = sorted({take.chunk_num for take in takes})
        holders = {number: chunk_holder(instance, settings, video_id, number) for number in numbers}
        for take in takes:
            name = (take.chunk_num, take.record.take)
            if holder := holders[take.chunk_num]:
                kept[name] = f"{holder} renders the chunk"
            elif not prune(objects, take):
                kept[name] = "it is chosen now"
    return kept


def print_pruning(
    objects: FilmObjects,
    takes: Sequence[PrunableTake],
    kept: Kept,
    *,
    is_done: bool,
    as_json: bool,
) -> None:
    """Print what was pruned, or what would be."""
    pruned = [take for take in takes if (take.chunk_num, take.record.take) not in kept]
    size = sum(take.size for take in pruned)
    if as_json:
        document = {
            "video_id": objects.video_id,
            "dry_run": not is_done,
            "takes": [
                {
                    "chunk_num": take.chunk_num,
                    "take": take.record.take,
                    "bytes": take.size,
                    "kept": kept.get((take.chunk_num, take.record.take)),
                }
                for take in takes
            ],
            "bytes": size,
        }
        click.echo(json.dumps(document, indent=2))
        return
    if takes:
        print_table(
            ["chunk", ">take", "model", ">seed", ">cost", ">bytes", ""],
            [
                [
                    f"{take.chunk_num:02d}",
                    take.record.take,
                    cut(take.record.made_by or take.record.model, 40),
                    take.record.seed,
                    f"${take.record.cost_usd:.2f}",
                    take.size,
                    plain(kept.get((take.chunk_num, take.record.take), "")),
                ]
                for take in takes
            ],
            flexible="model",
        )
    counted = "1 take" if len(pruned) == 1 else f"{len(pruned)} takes"
    if is_done:
        print_sentence(f"{counted} pruned: {size / 1e6:.1f} MB freed.")
    else:
        print_sentence(
            f"{counted} would be pruned: {size / 1e6:.1f} MB. Nothing was deleted; --yes deletes "
            "them for good."
        )
