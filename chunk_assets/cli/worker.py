"""`chunk-assets worker`: films from the cluster's queue, rendered on this machine."""

import os

import click

from chunk_assets.cli.options import read_settings


@click.command(short_help="Render films of a cluster on this machine.")
@click.option(
    "--slots",
    type=click.IntRange(1, 512),
    metavar="NUMBER",
    default=None,
    help="How many films at a time, a process each. [default: this machine's processors]",
)
def worker(slots: int | None) -> None:
    """Render films of a cluster on this machine, until SIGTERM or Ctrl-C.

    The first signal lets each film finish the chunk that is in flight, and hands it on to another
    worker; a second one hands on at once. See deploy/ for what a cluster consists of.
    """
    settings = read_settings()
    from chunk_assets.cli.working import serve_films

    raise SystemExit(serve_films(settings, slots or os.cpu_count() or 1))
