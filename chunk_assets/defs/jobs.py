"""The jobs: what the terminal and the sensors ask for."""

import dagster as dg

render_chunks = dg.define_asset_job(
    "render_chunks",
    selection=["chunk_specs", "composites", "chunk_videos", "last_frames"],
    description="Render chunks of a film: a range of the partitions of all four chunk assets.",
)

stitch_film = dg.define_asset_job(
    "stitch_film",
    selection=["stitched_videos"],
    description="Stitch a film from its stored chunks.",
)
