"""The two external assets: submitted animatics, and the frame a chunk hands to the next."""

import dagster as dg

from chunk_assets.defs.partitions.definitions import OWNERS, chunks, videos

animatics = dg.AssetSpec(
    "animatics",
    partitions_def=videos,
    group_name="films",
    owners=OWNERS,
    kinds={"s3", "json"},
    description=(
        "A film's manifest and pictures, as submitted to S3 (`animatics/{video}.json` and "
        "`animatics/{video}/`)."
    ),
)

previous_last_frames = dg.AssetSpec(
    "previous_last_frames",
    partitions_def=chunks,
    group_name="films",
    owners=OWNERS,
    kinds={"s3", "png"},
    description=(
        "The handoff: the last frame of the previous chunk, in the partition of the chunk that "
        "begins with it. It is recorded by the run that stores the frame. This is how chunk n + 1 "
        "depends on chunk n, since Dagster has no cycles between assets. The first chunk of a "
        "film, or of a scene with its own chain, has none."
    ),
)
