"""The wiring: which assets there are and what they work with."""

import dagster as dg

from chunk_assets.chain.listener import Listener
from chunk_assets.defs.animatic_checks import animatic_checks
from chunk_assets.defs.animatic_sensor import new_animatics
from chunk_assets.defs.animatics import animatics, previous_last_frames
from chunk_assets.defs.checking_sensor import rendered_chunks
from chunk_assets.defs.checks import check_chunks, clip_checks, film_checks
from chunk_assets.defs.chunks import film_chunks
from chunk_assets.defs.jobs import render_chunks, stitch_film
from chunk_assets.defs.pages import film_pages
from chunk_assets.defs.retire_job import retire_films, retire_nightly
from chunk_assets.defs.stitching_sensor import finished_films
from chunk_assets.defs.videos import stitched_videos
from chunk_assets.generation.registry import GENERATORS, Generators
from chunk_assets.io_managers import ImageIOManager, JsonIOManager, VideoIOManager
from chunk_assets.resources import FilmStore


def build_definitions(
    generators: Generators = GENERATORS, listener: Listener | None = None
) -> dg.Definitions:
    """The code location, with these generators to choose from and this listener to the chunks."""
    films = FilmStore()
    return dg.Definitions(
        assets=[animatics, previous_last_frames, film_chunks, stitched_videos, film_pages],
        asset_checks=[animatic_checks, clip_checks, film_checks],
        jobs=[render_chunks, stitch_film, check_chunks, retire_films],
        schedules=[retire_nightly],
        sensors=[new_animatics, finished_films, rendered_chunks],
        executor=dg.in_process_executor,
        resources={
            "films": films,
            "generators": generators,
            "listener": listener or Listener(),
            "json_io": JsonIOManager(films=films),
            "image_io": ImageIOManager(films=films),
            "video_io": VideoIOManager(films=films),
        },
    )


defs = build_definitions()
