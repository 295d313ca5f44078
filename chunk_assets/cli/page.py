"""`chunk-assets page`: write a film's page, a single HTML file."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from chunk_assets.cli.options import UMASK, pass_settings

if TYPE_CHECKING:  # it imports pydantic, which `--help` does not need
    from chunk_assets.settings import Settings


@click.command(short_help="Write a film's page, an HTML file.")
@click.argument("video")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where to save the page. [default: VIDEO.html]",
)
@pass_settings
def page(settings: "Settings", video: str, output: Path | None) -> None:
    """Write the page of the film VIDEO, to S3 and to a file.

    The page shows the film and, for each chunk, its pictures, clip, prompt, seed, cost and check
    results. It can be read without a network.
    """
    from chunk_assets.cli.output_file import check_ffmpeg, make_shareable, writable_target
    from chunk_assets.cli.terminal import plain
    from chunk_assets.schemas import check_video_id

    check_video_id(video)
    check_ffmpeg()
    path = output or Path(f"{video}.html")
    target = writable_target(path, [])
    from chunk_assets.defs.resources import connect
    from chunk_assets.film.plan import plan_film
    from chunk_assets.report.page import write_page

    store = connect(settings)
    stored = write_page(settings.home, store, plan_film(store, video))
    store.download(stored.key, target)
    make_shareable(target, click.get_current_context().meta[UMASK])
    click.echo(f"{plain(path)}: {stored.size / 1e6:.1f} MB, also at {stored.uri}")
