"""The code location: all assets, jobs, sensors and resources."""

import dagster as dg

from chunk_assets.defs.assets.animatic_checks import animatic_checks
from chunk_assets.defs.assets.animatics import animatics, previous_last_frames
from chunk_assets.defs.assets.checks import check_chunks, clip_checks, film_checks
from chunk_assets.defs.assets.chunks import film_chunks
from chunk_assets.defs.assets.io_managers import ImageIOManager, JsonIOManager, VideoIOManager
from chunk_assets.defs.assets.pages import film_pages
from chunk_assets.defs.assets.videos import stitched_videos
from chunk_assets.defs.partitions.retire_job import retire_films, retire_nightly
from chunk_assets.defs.resources import FilmStore
from chunk_assets.defs.runs.jobs import choose_take, render_chunks, stitch_film
from chunk_assets.defs.sensors.finished_films import finished_films
from chunk_assets.defs.sensors.new_animatics import new_animatics
from chunk_assets.defs.sensors.rendered_chunks import rendered_chunks
from chunk_assets.deployment import configure
from chunk_assets.generation.registry import GENERATORS, Generators
from chunk_assets.render.hooks import Listener
from chunk_assets.settings import load_settings


def build_definitions(
    generators: Generators = GENERATORS, listener: Listener | None = None
) -> dg.Definitions:
    """Return the code location, with these generators and this listener for chunks."""
    films = FilmStore()
    return dg.Definitions(
        assets=[animatics, previous_last_frames, film_chunks, stitched_videos, film_pages],
        asset_checks=[animatic_checks, clip_checks, film_checks],
        jobs=[render_chunks, choose_take, stitch_film, check_chunks, retire_films],
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


configure(load_settings().deployment)
defs = build_definitions()
