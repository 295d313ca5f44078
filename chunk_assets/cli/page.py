"""`chunk-assets page`: a film's page, with all there is of it, as one file."""

from pathlib import Path

import click

from chunk_assets.cli.options import read_settings


@click.command()
@click.argument("video")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where to save the page; by default VIDEO.html in the current directory.",
)
def page(video: str, output: Path | None) -> None:
    """Write the page of the film VIDEO, on S3 and here.

    It shows the film, and of each chunk the pictures, the clip, the prompt, the seed, the cost and
    the checks, and it needs no network to be read.
    """
    from chunk_assets.cli.film_file import check_ffmpeg, make_shareable, writable_target
    from chunk_assets.cli.terminal import plain
    from chunk_assets.schemas import check_video_id

    check_video_id(video)
    settings = read_settings()
    check_ffmpeg()
    path = output or Path(f"{video}.html")
    target = writable_target(path, [])
    from chunk_assets.defs.resources import connect
    from chunk_assets.film.plan import plan_film
    from chunk_assets.report.page import write_page

    store = connect(settings)
    stored = write_page(settings.home, store, plan_film(store, video))
    store.download(stored.key, target)
    make_shareable(target)
    click.echo(f"{plain(path)}: {stored.size / 1e6:.1f} MB, also at {stored.uri}")
