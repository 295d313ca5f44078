"""`chunk-assets choose`: choose another take of a chunk."""

from typing import TYPE_CHECKING

import click

from chunk_assets.cli.interrupts import stopping
from chunk_assets.cli.options import WholeNumber, chunk_argument, film_argument, pass_settings
from chunk_assets.cli.terminal import print_sentence

if TYPE_CHECKING:  # it imports pydantic, which `--help` does not need
    from chunk_assets.film.plan import FilmPlan
    from chunk_assets.film.take_list import ChunkTake
    from chunk_assets.film.take_records import TakeRecord
    from chunk_assets.settings import Settings
    from chunk_assets.storage.store import ObjectStore

STOPPED = "Stopped; the same command finishes an interrupted choice."


@click.command(short_help="Choose another take of a chunk, at no cost.")
@film_argument
@chunk_argument
@click.option(
    "--take",
    type=WholeNumber(min=1),
    required=True,
    metavar="NUMBER",
    help="The take; 'chunk-assets takes' lists them.",
)
@click.option(
    "--dry-run", is_flag=True, help="Only say what would become stale, and what it costs."
)
@pass_settings
def choose(settings: "Settings", film: str, chunk: int, take: int, dry_run: bool) -> None:
    """Choose a take of chunk CHUNK of the film FILM. This renders nothing and costs nothing.

    It first says which chunk becomes stale, and what bringing the film up to date would cost.
    Takes that were rendered before are chosen again at no cost.
    """
    with stopping(STOPPED):
        from chunk_assets.defs.resources import connect
        from chunk_assets.film.objects import FilmObjects
        from chunk_assets.film.plan import plan_film
        from chunk_assets.film.take_list import chunk_takes

        store = connect(settings)
        plan = plan_film(store, film)
        plan.spec(chunk)
        record = _checked(film, chunk, take, chunk_takes(FilmObjects(store, film), chunk)).record
        if dry_run:
            _print_outlook(settings, store, plan, chunk, record)
            click.echo("Nothing was changed.")
            return
        from chunk_assets.cli.chunk_jobs import free_chunk, report_film, run_on_chunk

        with free_chunk(settings, film, chunk) as instance:
            _print_outlook(settings, store, plan, chunk, record)
            run_on_chunk(instance, "choose_take", plan, chunk, take=take)
            status = report_film(instance, store, plan)
        print_sentence(f"Chunk {chunk:02d} is take {take} now. Film {film}: {status.sentence}.")


def _print_outlook(
    settings: "Settings",
    store: "ObjectStore",
    plan: "FilmPlan",
    chunk: int,
    take: "TakeRecord | None",
) -> None:
    """Print what follows from choosing a take; nothing if its record is damaged."""
    from chunk_assets.cli.frontier import chunk_prices
    from chunk_assets.cli.outlook import outlook
    from chunk_assets.film.chunk_states import chunk_states
    from chunk_assets.film.quotes import Quotes

    if take is None:
        return
    states = list(chunk_states(plan, store))
    prices = chunk_prices(states, Quotes(plan.video_id, settings, store))
    for sentence in outlook(states, store, chunk, take, prices).sentences:
        print_sentence(sentence)


def _checked(film: str, chunk: int, take: int, found: "list[ChunkTake]") -> "ChunkTake":
    """Return the take of this number.

    Raises:
        NotStored: There is no such take, or it cannot be chosen.
    """
    from chunk_assets.errors import NotStored

    for one in found:
        if one.take == take and one.state == "complete":
            return one
    state = next((one.state for one in found if one.take == take), "")
    why = f"take {take} of chunk {chunk} of film {film!r} is {state}"
    if not state:
        why = f"chunk {chunk} of film {film!r} has no take {take}"
    numbers = ", ".join(str(one.take) for one in found if one.state == "complete")
    raise NotStored(
        f"{why}: choose one of {numbers or 'none, since nothing is rendered yet'}",
        video_id=film,
        chunk_num=chunk,
    )
