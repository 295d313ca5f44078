"""The jobs that the terminal and the sensors run."""

import dagster as dg

from chunk_assets.dagster_internals.tag_names import MAX_RETRIES, RETRY_FAILURES
from chunk_assets.render.request import STAGES

render_chunks = dg.define_asset_job(
    "render_chunks",
    # Checks are a job of their own: Dagster skips those of outputs that may be skipped.
    selection=dg.AssetSelection.assets(*STAGES).without_checks(),
    description="Render chunks of a film: a range of the partitions of all four chunk assets.",
)

choose_take = dg.define_asset_job(
    "choose_take",
    selection=dg.AssetSelection.assets("chunk_videos", "last_frames").without_checks(),
    config={"ops": {"film_chunks": {"config": {"take": 1}}}},
    description="Choose a stored take of one chunk: set `take` in the launchpad. Costs nothing. "
    "The chunks after it become stale if the take ends on another frame.",
)

RETRIED = {MAX_RETRIES: "2", RETRY_FAILURES: "true"}
"""Retries for runs that cost nothing: a lack of memory, for example, may be temporary."""

stitch_film = dg.define_asset_job(
    "stitch_film",
    selection=["stitched_videos", "film_pages"],
    description="Stitch a film from its stored chunks, and write its film page.",
    tags=RETRIED,
)
