"""`chunk-assets takes`: list the takes of a film's chunks, or prune them."""

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from chunk_assets.cli.options import WholeNumber, film_argument, json_option, pass_settings

if TYPE_CHECKING:  # it imports pydantic, which `--help` does not need
    from chunk_assets.settings import Settings

_MAX_DAYS = 36500


@click.command(short_help="List the takes of a film's chunks, or prune them.")
@film_argument
@click.argument("chunk", type=WholeNumber(min=0), required=False)
@click.option(
    "--prune",
    is_flag=True,
    help="Show which takes could be deleted to free space, and how much; delete them with --yes.",
)
@click.option(
    "--keep",
    type=WholeNumber(min=0),
    metavar="NUMBER",
    help="With --prune: keep this many takes of each chunk, besides the chosen one. [default: 0]",
)
@click.option(
    "--older-than",
    type=WholeNumber(1, _MAX_DAYS),
    metavar="DAYS",
    help="With --prune: only takes that are at least this many days old.",
)
@click.option("--yes", is_flag=True, help="With --prune: delete them.")
@json_option
@pass_settings
def takes(
    settings: "Settings",
    film: str,
    chunk: int | None,
    prune: bool,
    keep: int | None,
    older_than: int | None,
    yes: bool,
    as_json: bool,
) -> None:
    """List the takes of the film FILM, or of its chunk CHUNK.

    Every clip that was ever rendered is kept as a take. 'chunk-assets choose' chooses another one.

    --prune deletes the files of takes that are not chosen. It keeps takes that are unfinished, or
    that are the only proof of a payment.
    """
    if not prune and (keep is not None or older_than is not None or yes):
        raise click.UsageError("--keep, --older-than and --yes need --prune")
    from chunk_assets.defs.resources import connect
    from chunk_assets.film.objects import FilmObjects
    from chunk_assets.film.plan import plan_film
    from chunk_assets.film.take_list import chunk_numbers, list_takes

    store = connect(settings)
    plan = plan_film(store, film)
    numbers = chunk_numbers(plan, store)
    if chunk is not None and chunk not in numbers:
        plan.spec(chunk)  # raises: the film has no such chunk
    objects = FilmObjects(store, plan.video_id)
    found = list(list_takes(objects, numbers if chunk is None else [chunk]))
    if not prune:
        from chunk_assets.cli.take_table import print_takes, print_takes_json

        (print_takes_json if as_json else print_takes)(objects, found)
        return
    from chunk_assets.cli.pruning import print_pruning, prune_takes
    from chunk_assets.film.prune import prunable_takes

    age = timedelta(days=older_than or 0)
    prunable = list(prunable_takes(objects, found, keep=keep or 0, older_than=age))
    kept = prune_takes(settings, objects, prunable) if yes else {}
    print_pruning(objects, prunable, kept, is_done=yes, as_json=as_json)
