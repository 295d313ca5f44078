"""`chunk-assets status`: what is stored of films, what is missing or stale, what it cost."""

import click

from chunk_assets.cli.options import json_option, read_settings


@click.command(short_help="Show the films on S3, or the chunks of one.")
@click.argument("video", required=False)
@click.option("--retired", is_flag=True, help="List the films that have left the grid, instead.")
@json_option
def status(video: str | None, retired: bool, as_json: bool) -> None:
    """Show every film on S3 that is not retired, or the chunks of any film VIDEO.

    A chunk is stale if something that it is made from has changed since, and missing if it has
    not been rendered. For a film that is being rendered, the table shows how many chunks are
    done, such as 'rendering 5 of 15'.
    """
    settings = read_settings()
    if video is not None and retired:
        raise click.UsageError("Give a film's name or --retired, not both.")
    if video is not None:
        from chunk_assets.schemas import check_video_id

        check_video_id(video)
    from chunk_assets.cli.status_tables import show_film, show_films, show_retired
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
        show_retired(store, away, as_json=as_json)
    else:
        show_films(store, away, settings, runs, as_json=as_json)
