"""A film of ten minutes beside one of thirty seconds: memory and own time a chunk.

Own time is all that the renders take beside their clips. What lies between two clips is compared
within the long film, since each of its five runs has a start and an end as well.
"""

import gc
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg

from benchmarks.memory import megabytes, repeated
from benchmarks.table import Row
from benchmarks.workbench import EXAMPLE, QUIET, FixedLatency, Stopwatch, model_clip
from chunk_assets.cli.run_ranges import CHUNKS_A_RUN
from chunk_assets.definitions import build_definitions
from chunk_assets.defs.partitions.definitions import range_tags
from chunk_assets.defs.partitions.observations import announce
from chunk_assets.film.plan import plan_film
from chunk_assets.film.submission import read_directory, submit
from chunk_assets.storage.store import ObjectStore

CHUNKS = 15
LATENCY = 1.0
"""Seconds a clip takes: longer than what is done beside it (0.8 to 0.9 s here), which would pile up
else: a short film's few chunks are ahead of it, a long film's are not."""


def measure(store: ObjectStore, instance: dg.DagsterInstance, repeat: int = 1) -> list[Row]:
    """Render both in this process, as `chunk-assets render` does, a run each 60 chunks."""
    peaks, own = {}, {}
    waits: list[float] = []
    with TemporaryDirectory() as scratch:
        for seconds in (30, 600):
            directory = repeated(EXAMPLE, seconds, Path(scratch) / f"film-{seconds}")
            animatic = read_directory(directory)
            picture = animatic.pictures[animatic.animatic.frames[0]]
            clip = model_clip(animatic.specs("clip")[-1], picture, Path(scratch) / "model.mp4")
            video_id = f"long-{seconds}"
            submit(store, video_id, animatic)
            plan = plan_film(store, video_id)
            announce(instance, store, plan)
            watch = Stopwatch()
            generator = FixedLatency(clip, LATENCY, watch.arrived)
            definitions = build_definitions({generator.name: lambda _c, g=generator: g}, watch)
            config = {"ops": {"film_chunks": {"config": {"generator": generator.name}}}}
            Path("/proc/self/clear_refs").write_text("5")  # reset the peak
            count, began = len(plan.specs), time.time()
            for start in range(0, count, CHUNKS_A_RUN):
                definitions.resolve_job_def("render_chunks").execute_in_process(
                    run_config={**QUIET, **config},
                    instance=instance,
                    tags=range_tags(video_id, range(count)[start : start + CHUNKS_A_RUN]),
                )
            own[seconds] = (time.time() - began) / count - LATENCY
            gc.collect()
            peaks[seconds] = megabytes(Path("/proc/self"), "VmHWM")
            waits = watch.hand_over_seconds
    more, slower = peaks[600] - peaks[30], own[600] / own[30]
    early, late = statistics.median(waits[:CHUNKS]), statistics.median(waits[-CHUNKS:])
    return [
        Row("peak memory, 15 chunks", peaks[30], "MB"),
        Row("peak memory, 300 chunks", peaks[600], "MB", aim="within 50 MB", is_met=more <= 50),
        Row("own time a chunk, 15 chunks", own[30]),
        Row("own time a chunk, 300 chunks", own[600], ratio=slower, aim="≤ 1.2 ×",
            is_met=slower <= 1.2),
        Row("from a clip to the next request, its first 15 chunks", early),
        Row("from a clip to the next request, its last 15 chunks", late, ratio=late / early,
            aim="≤ 1.2 ×", is_met=late / early <= 1.2),
    ]  # fmt: skip
