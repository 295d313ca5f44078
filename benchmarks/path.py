"""The critical path: what lies between a clip and the next request, and a whole render."""

import statistics
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg

from benchmarks.overhead import RUN, SCRIPT, TERMINAL, Bench
from benchmarks.table import Row
from benchmarks.workbench import ReadyMade, model_clip, read_example
from chunk_assets.film.submission import AnimaticDirectory
from chunk_assets.storage.store import ObjectStore

CHUNKS = 15


def measure(store: ObjectStore, instance: dg.DagsterInstance, repeat: int = 2) -> list[Row]:
    """Fifteen chunks with latencies of 1 s and 5 s, the plain script, one run per chunk."""
    animatic = read_example()
    picture = animatic.pictures[animatic.animatic.frames[0]]
    rows: list[Row] = []
    with TemporaryDirectory() as scratch:
        workdir = Path(scratch)
        clip = model_clip(animatic.specs("clip")[-1], picture, workdir / "model.mp4")
        for latency in (1.0, 5.0):
            bench = Bench(store, instance, clip, latency)
            for number in range(repeat):
                bench.pipeline(bench.film(f"path-{latency:g}-{number}", animatic))
                if latency == 1.0:
                    bench.plain_script(bench.film(f"script-{number}", animatic), workdir)
            if latency == 1.0:
                bench.run_per_chunk(bench.film("runs", animatic), 2)
            windows = [s for watch in bench.watches for s in watch.hand_over_seconds]
            path, own = statistics.median(windows), min(bench.seconds[RUN])
            whole = 1 + own / latency
            title = f"latency {latency:g} s"
            rows += [
                Row(f"{title}: from a clip to the next request", path, aim="≤ 0.12 s",
                    is_met=path <= 0.12),
                Row(f"{title}: pipeline's own time a chunk, whole run", own),
                Row(f"{title}: whole render / sum of latencies", whole, "×",
                    aim="≤ 1.02 ×" if latency == 5 else "",
                    is_met=whole <= 1.02 if latency == 5 else None),
            ]  # fmt: skip
            for what, row, least in (
                ("plain script", SCRIPT, 3),
                ("a run per chunk", TERMINAL, 40),
            ):
                if bench.seconds[row]:
                    seconds = min(bench.seconds[row])
                    rows += [
                        Row(f"{title}: {what}, own time a chunk", seconds, ratio=seconds / own),
                        Row(f"{title}: {what} / the pipeline's path", seconds / path, "×",
                            aim=f"≥ {least} ×", is_met=seconds / path >= least),
                    ]  # fmt: skip
        rows += _ready_made(store, instance, clip, animatic, repeat)
    return rows


def _ready_made(
    store: ObjectStore,
    instance: dg.DagsterInstance,
    clip: Path,
    animatic: AnimaticDirectory,
    repeat: int,
) -> list[Row]:
    """Clips that need not be normalised: what is left when FFmpeg has nothing to do."""
    bench = Bench(store, instance, clip, 5.0, ReadyMade)
    for number in range(repeat + 1):  # the first makes the clips
        bench.pipeline(bench.film(f"ready-{number}", animatic))
    windows = [s for watch in bench.watches[1:] for s in watch.hand_over_seconds]
    title = "latency 5 s, clips in the film's format"
    return [
        Row(f"{title}: from a clip to the next request", statistics.median(windows)),
        Row(f"{title}: whole render / sum of latencies", 1 + min(bench.seconds[RUN]) / 5.0, "×"),
    ]
