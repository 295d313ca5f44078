"""`chunk-assets dev`: S3, Dagit and Dagster's daemon on this machine."""

import click

from chunk_assets.cli.interrupts import stopping
from chunk_assets.cli.options import read_settings


@click.command(short_help="Start S3, Dagit and Dagster's daemon on this machine.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    metavar="NUMBER",
    default=3000,
    show_default=True,
    help="Where Dagit listens, on this machine only.",
)
def dev(port: int) -> None:
    """Start S3, Dagit and Dagster's daemon on this machine, until Ctrl-C.

    Films that are rendered in the terminal meanwhile show up in Dagit at once: both use the same
    storage.
    """
    settings = read_settings()
    with stopping("Stopped."):
        from chunk_assets.cli.serving import serve

        serve(settings, port)
