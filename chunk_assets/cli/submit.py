"""`chunk-assets submit`: check an animatic and upload it to S3."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from chunk_assets.cli.options import animatic_argument, pass_settings, read_film, video_id_option

if TYPE_CHECKING:  # it imports pydantic, which `--help` does not need
    from chunk_assets.schemas import Animatic
    from chunk_assets.settings import Settings


@click.command(short_help="Check an animatic and upload it to S3.")
@animatic_argument
@video_id_option
@click.option("--dry-run", is_flag=True, help="Only check the animatic; write nothing.")
@pass_settings
def submit(settings: "Settings", directory: Path, video_id: str | None, dry_run: bool) -> None:
    """Check the animatic in DIRECTORY and upload it to S3.

    The manifest, animatic.json, is uploaded last, and commits the pictures. Dagit then shows the
    film's partitions.
    """
    name, animatic = read_film(directory, video_id)
    length = f"{len(animatic.specs(name))} chunks, {animatic.animatic.duration:g} s"
    if dry_run:
        click.echo(f"{name}: in order; {length}. Nothing was written.")
        _note_unused(animatic.animatic)
        return

    from chunk_assets.dagster_internals.instance import open_instance
    from chunk_assets.defs.partitions.observations import announce
    from chunk_assets.defs.resources import connect
    from chunk_assets.film import submission as animatics
    from chunk_assets.film.plan import plan_film

    store = connect(settings)
    is_new = animatics.submit(store, name, animatic)
    with open_instance(settings) as instance:
        announce(instance, store, plan_film(store, name))
    done = "submitted" if is_new else "already there, unchanged"
    click.echo(f"{name}: {done}; {length}.")
    _note_unused(animatic.animatic)


def _note_unused(animatic: "Animatic") -> None:
    from chunk_assets.film.references import reference_note

    if note := reference_note(animatic):
        click.echo(note, err=True)
