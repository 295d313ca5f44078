"""The asset of stitched films."""

import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import dagster as dg

from chunk_assets.defs.assets.io_managers import StoredVideo
from chunk_assets.defs.assets.metadata import Metadata, link, preview, seconds
from chunk_assets.defs.partitions.definitions import OWNERS, of_film, read_chunk_key, videos
from chunk_assets.defs.resources import FilmStore
from chunk_assets.defs.runs import tags
from chunk_assets.defs.runs.failures import as_failures
from chunk_assets.files.workdirs import film_workdir
from chunk_assets.film.assembly import stitch_film
from chunk_assets.film.bill import film_bill
from chunk_assets.film.chunk_states import chunk_states
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import FilmPlan, plan_film
from chunk_assets.film.records import ClipRecord
from chunk_assets.film.status import FilmStatus, film_fingerprint
from chunk_assets.media.frames import probe
from chunk_assets.media.images import contact_sheet
from chunk_assets.media.sampling import frames_at
from chunk_assets.schemas import ChunkGenerationOutput
from chunk_assets.storage.store import ObjectStore

SHEET_WIDTH = 320
"""Width of a picture on the contact sheet, in pixels."""


@dg.asset(
    partitions_def=videos,
    ins={"chunk_videos": dg.AssetIn(partition_mapping=of_film)},
    deps=["animatics"],
    io_manager_key="video_io",
    group_name="films",
    owners=OWNERS,
    kinds={"s3", "mp4"},
    code_version="1",
    description="The film, stitched from its chunks with the manifest's transitions.",
)
def stitched_videos(
    context: dg.AssetExecutionContext, chunk_videos: dict[str, StoredVideo], films: FilmStore
) -> Iterator[dg.Output[StoredVideo]]:
    """Stitch one film, and record what it is made of and what it cost."""
    with as_failures(), film_workdir(films.home()) as workdir:
        tags.tag_run(context, {context.partition_key: []})
        store = films.store()
        plan = plan_film(store, context.partition_key)
        objects = FilmObjects(store, plan.video_id)
        clips = {
            read[1]: video.stored
            for partition, video in chunk_videos.items()
            if (read := read_chunk_key(partition))
        }
        began = time.monotonic()
        film = stitch_film(plan, clips, store, workdir)
        # Stored before it is probed, so that the film is available sooner.
        stored = objects.film().write_video(film)
        output = ChunkGenerationOutput(
            stitched_video_url=stored.uri,
            chunk_urls=[clips[spec.chunk_num].uri for spec in plan.specs],
            total_cost=film_bill(
                store,
                plan.video_id,
                {number: ClipRecord.of(clip) for number, clip in clips.items()},
            ).total_usd,
            made_from=film_fingerprint(plan, [clips[s.chunk_num] for s in plan.specs]),
        )
        metadata = _film_metadata(store, plan, film, output)
        metadata["seconds"] = seconds(time.monotonic() - began)
        yield dg.Output(StoredVideo(store, stored), metadata=metadata)
        # Last, as it names only what is stored.
        objects.output().write_json(output)


def _film_metadata(
    store: ObjectStore, plan: FilmPlan, film: Path, output: ChunkGenerationOutput
) -> Metadata:
    info = probe(film)
    sheet = contact_sheet(frames_at(film, _middles(plan), SHEET_WIDTH, are_keyframes=True))
    objects = FilmObjects(store, plan.video_id)
    found = FilmStatus.of(plan, list(chunk_states(plan, store)), store)
    metadata = {
        "preview": preview(sheet),
        "watch": link(store, objects.film().key, "watch"),
        "page": link(store, objects.page().key, "page"),
        "chunks": dg.MetadataValue.text(found.chunks),
        "duration_seconds": seconds(float(info.duration)),
        "cost_usd": dg.MetadataValue.float(output.total_cost),
        "frames": dg.MetadataValue.int(info.frames),
        "fps": dg.MetadataValue.int(int(plan.animatic.fps)),
        "size": dg.MetadataValue.text(f"{info.width}x{info.height}"),
        "size_bytes": dg.MetadataValue.int(film.stat().st_size),
    }
    if found.stale:
        metadata["out_of_date"] = dg.MetadataValue.text(found.reasons)
    return metadata


def _middles(plan: FilmPlan, at_most: int = 30) -> list[Fraction]:
    """Return the middle of each chunk's slot in seconds, for at most this many chunks."""
    step = -(-len(plan.specs) // at_most)
    return [
        Fraction(spec.start_time + spec.duration / 2).limit_denominator(1000)
        for spec in plan.specs[::step]
    ]
