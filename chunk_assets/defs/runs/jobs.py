"""The jobs: what the terminal and the sensors ask for."""

import dagster as dg

from chunk_assets.dagster_internals.tag_names import MAX_RETRIES, RETRY_FAILURES
from chunk_assets.render.request import STAGES

render_chunks = dg.define_asset_job(
    "render_chunks",
    # The checks are another job's: behind outputs that may be skipped Dagster skips them, too.
    selection=dg.AssetSelection.assets(*STAGES).without_checks(),
    description="Render chunks of a film: a range of the partitions of all four chunk assets.",
)

RETRIED = {MAX_RETRIES: "2", RETRY_FAILURES: "true"}
"""For runs that cost nothing: a machine that had no memory for a moment has it the next time."""

stitch_film = dg.define_asset_job(
    "stitch_film",
    selection=["stitched_videos", "film_pages"],
    description="Stitch a film from its stored chunks, and write its page.",
    tags=RETRIED,
)
