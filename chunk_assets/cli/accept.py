"""`chunk-assets accept`: accept a stale clip as it is, or take that back."""

from typing import TYPE_CHECKING

import click

from chunk_assets.cli.interrupts import stopping
from chunk_assets.cli.options import chunk_argument, film_argument, pass_settings
from chunk_assets.cli.terminal import plain, print_sentence

if TYPE_CHECKING:  # it imports pydantic, which `--help` does not need
    from chunk_assets.settings import Settings

STOPPED = "Stopped; run the same command again."


@click.command(short_help="Accept a stale chunk as it is, at no cost.")
@film_argument
@chunk_argument
@click.option("--undo", is_flag=True, help="Take the acceptance back: the chunk is stale again.")
@pass_settings
def accept(settings: "Settings", film: str, chunk: int, undo: bool) -> None:
    """Accept the clip of chunk CHUNK of the film FILM, although its inputs have changed.

    The chunk counts as up to date, here and in Dagit, until its inputs change again. Nothing is
    rendered.
    """
    with stopping(STOPPED):
        from chunk_assets.defs.resources import connect
        from chunk_assets.film.choices import change_choices, read_choices
        from chunk_assets.film.chunk_states import chunk_states
        from chunk_assets.film.objects import FilmObjects
        from chunk_assets.film.plan import plan_film

        store = connect(settings)
        plan = plan_film(store, film)
        spec, objects = plan.spec(chunk), FilmObjects(store, film)
        state = list(chunk_states(plan, store))[chunk]
        accepted = read_choices(objects, chunk).accepted
        if undo:
            _check_accepted(film, chunk, is_accepted=accepted is not None)
        else:
            _check_stored(film, chunk, is_stored=state.stored is not None)
            if state.state == "fresh":
                by = f", accepted by {plain(state.accepted.by)}" if state.accepted else ""
                print_sentence(f"Chunk {chunk:02d} is up to date{by}: there is nothing to accept.")
                return
        from chunk_assets.cli.chunk_jobs import free_chunk, report_film, run_on_chunk

        with free_chunk(settings, film, chunk) as instance:
            if not undo:
                run_on_chunk(instance, "render_chunks", plan, chunk, accept=True)
            else:
                # Recorded as chosen again: the events have the versions that the clip was made
                # from. That comes first, so that the command can be repeated.
                is_clip = state.stored and accepted and accepted.clip == state.stored.sha256
                if state.clip and is_clip:
                    run_on_chunk(instance, "choose_take", plan, chunk, take=state.clip.take)
                change_choices(objects, chunk, lambda before: before.without_acceptance())
            status = report_film(instance, store, plan)
        done = "no longer accepted" if undo else f"accepted as it is ({state.reason})"
        print_sentence(f"Chunk {spec.chunk_num:02d} is {done}. Film {film}: {status.sentence}.")


def _check_accepted(film: str, chunk: int, *, is_accepted: bool) -> None:
    from chunk_assets.errors import SpecError

    if not is_accepted:
        raise SpecError(f"chunk {chunk} of film {film!r} is not accepted: there is nothing to undo")


def _check_stored(film: str, chunk: int, *, is_stored: bool) -> None:
    from chunk_assets.errors import NotStored

    if not is_stored:
        raise NotStored(f"chunk {chunk} of film {film!r} has no clip to accept: render it first")
