"""`chunk-assets status`: what is stored of films, what is missing or stale, what it cost."""

import click

from chunk_assets.cli.options import json_option


@click.command()
@click.argument("video", required=False)
@json_option
def status(video: str | None, as_json: bool) -> None:
    """Show every film on S3, or the chunks of the film VIDEO.

    A chunk is stale when something that it is made from has changed since, and missing when it
    has not been rendered.
    """
    from chunk_assets.settings import load_settings

    settings = load_settings()
    if video is not None:
        from chunk_assets.schemas import check_video_id

        check_video_id(video)
    from chunk_assets.cli.statuses import show_film, show_films
    from chunk_assets.resources import connect

    store = connect(settings)
    if video is None:
        show_films(store, as_json=as_json)
    else:
        show_film(store, video, as_json=as_json)
