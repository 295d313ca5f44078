"""The two assets that no run makes: what a person hands in, and what one chunk hands the next."""

import dagster as dg

from chunk_assets.defs.partitions.definitions import OWNERS, chunks, videos

animatics = dg.AssetSpec(
    "animatics",
    partitions_def=videos,
    group_name="films",
    owners=OWNERS,
    kinds={"s3", "json"},
    description=(
        "A film's manifest and pictures, as a person put them on S3 "
        "(`animatics/{video}.json` and `animatics/{video}/`)."
    ),
)

previous_last_frames = dg.AssetSpec(
    "previous_last_frames",
    partitions_def=chunks,
    group_name="films",
    owners=OWNERS,
    kinds={"s3", "png"},
    description=(
        "The hand-over: the last frame of the chunk before, filed under the chunk that begins "
        "with it. Recorded by the run that stored that frame; this is how chunk n + 1 depends on "
        "chunk n, since Dagster has no cycles between assets. A film's first chunk, and one that "
        "opens a scene, begin with none."
    ),
)
