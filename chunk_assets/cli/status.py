"""`chunk-assets status`: which parts of films are stored, missing or out of date; costs."""

import json
from typing import TYPE_CHECKING

import click

from chunk_assets.cli.options import json_option, pass_settings
from chunk_assets.cli.terminal import print_table

if TYPE_CHECKING:  # they import pydantic and boto3, which `--help` does not need
    from chunk_assets.settings import Settings
    from chunk_assets.storage.store import ObjectStore


@click.command(short_help="Show the films on S3, or the chunks of one film.")
@click.argument("video", required=False)
@click.option("--retired", is_flag=True, help="List the retired films instead.")
@json_option
@pass_settings
def status(settings: "Settings", video: str | None, retired: bool, as_json: bool) -> None:
    """Show every film on S3 that is not retired, or the chunks of the film VIDEO.

    A chunk is stale if something that it is made from has changed, and missing if it has not been
    rendered. While a film is being rendered, the table shows how many chunks are done, such as
    'rendering 5 of 15'.
    """
    if video is not None and retired:
        raise click.UsageError("VIDEO and --retired cannot be combined.")
    if video is not None:
        from chunk_assets.schemas import check_video_id

        check_video_id(video)
    from chunk_assets.cli.film_status import show_film, show_films
    from chunk_assets.dagster_internals.instance import open_instance
    from chunk_assets.defs.partitions.retirement import retired_films
    from chunk_assets.defs.resources import connect
    from chunk_assets.defs.runs.film_progress import film_runs

    store = connect(settings)
    with open_instance(settings) as instance:
        runs = film_runs(instance, settings)
        away = set() if video is not None else retired_films(instance)
    if video is not None:
        show_film(store, video, settings, runs, as_json=as_json)
    elif retired:
        _show_retired(store, away, as_json=as_json)
    else:
        show_films(store, away, settings, runs, as_json=as_json)


def _show_retired(store: "ObjectStore", retired: set[str], *, as_json: bool) -> None:
    """Show one line per retired film, from listings alone."""
    from chunk_assets.film.listing import list_films

    names = sorted(retired)
    there = list_films(store, names)
    films = [
        {
            "video_id": name,
            "stitched": there.films[name].isoformat() if name in there.films else None,
            "size_bytes": there.sizes.get(name),
        }
        for name in names
    ]
    if as_json:
        click.echo(json.dumps({"retired": films}, indent=2))
    elif not films:
        click.echo("No film is retired.")
    else:
        rows = [
            [film["video_id"], film["stitched"] or "not stored", film["size_bytes"] or ""]
            for film in films
        ]
        print_table(["video", "stitched", ">bytes"], rows, flexible="video")
