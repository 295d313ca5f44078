"""`chunk-assets submit`: check an animatic and put it on S3."""

from pathlib import Path

import click

from chunk_assets.cli.options import animatic_argument, read_film, read_settings, video_id_option

PRODUCT_REFERENCE = "product_reference is stored with the film, but no generator uses it yet."


@click.command()
@animatic_argument
@video_id_option
@click.option("--dry-run", is_flag=True, help="Check it, and write nothing.")
def submit(directory: Path, video_id: str | None, dry_run: bool) -> None:
    """Check the animatic in DIRECTORY and put it on S3.

    The manifest, animatic.json, is written last: it commits the pictures. Dagit then shows the
    film's partitions.
    """
    settings = read_settings()
    name, animatic = read_film(directory, video_id)
    length = f"{len(animatic.specs(name))} chunks, {animatic.animatic.duration:g} s"
    if dry_run:
        click.echo(f"{name}: in order; {length}. Nothing was written.")
        _note_unused(animatic.animatic.product_reference)
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
    _note_unused(animatic.animatic.product_reference)


def _note_unused(product_reference: str | None) -> None:
    if product_reference:
        click.echo(PRODUCT_REFERENCE, err=True)
