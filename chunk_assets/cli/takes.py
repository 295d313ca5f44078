"""`chunk-assets takes`: the takes of a film's chunks."""

from typing import TYPE_CHECKING

import click

from chunk_assets.cli.options import film_argument, json_option, pass_settings

if TYPE_CHECKING:  # it imports pydantic, which `--help` does not need
    from chunk_assets.settings import Settings


@click.command(short_help="List the takes of a film's chunks.")
@film_argument
@click.argument("chunk", type=click.IntRange(min=0), required=False)
@json_option
@pass_settings
def takes(settings: "Settings", film: str, chunk: int | None, as_json: bool) -> None:
    """List the takes of the film FILM, or of its chunk CHUNK.

    Every clip that was ever rendered is kept as a take. 'chunk-assets choose' chooses another one.
    """
    from chunk_assets.cli.take_table import print_takes, print_takes_json
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
    (print_takes_json if as_json else print_takes)(objects, found)
