"""An instance that knows 5,000 films, beside an empty one."""

import statistics
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg

from benchmarks.overhead import BEFORE, RUN, Bench
from benchmarks.table import Row
from benchmarks.workbench import model_clip, read_example
from chunk_assets.dagster_internals.instance import open_instance
from chunk_assets.defs.assets.lineage import observe_animatic
from chunk_assets.defs.partitions.definitions import CHUNK_NUM, VIDEO_ID
from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore

FILMS = 5000
LATENCY = 1.0


def measure(store: ObjectStore, instance: dg.DagsterInstance, repeat: int = 3) -> list[Row]:
    """The same film in either instance by turns: the machine's pace changes over minutes."""
    animatic = read_example()
    picture = animatic.pictures[animatic.animatic.frames[0]]
    with TemporaryDirectory() as scratch, open_instance(Settings(home=Path(scratch))) as full:
        clip = model_clip(animatic.specs("clip")[-1], picture, Path(scratch) / "model.mp4")
        names = [f"old-{number:04d}" for number in range(FILMS)]
        full.add_dynamic_partitions(VIDEO_ID, names)
        full.add_dynamic_partitions(CHUNK_NUM, [f"{n:02d}" for n in range(15)])
        for name in names[:500]:  # events, for the tables to be more than empty
            observe_animatic(full, name, "1", {})
        benches = {
            known: Bench(store, each, clip, LATENCY)
            for known, each in ((0, instance), (FILMS, full))
        }
        for number in range(repeat):
            for known, bench in benches.items():
                bench.pipeline(bench.film(f"film-{known}-{number}", animatic))
        before, own = (
            {known: statistics.median(bench.seconds[what]) for known, bench in benches.items()}
            for what in (BEFORE, RUN)
        )
    start, chunk = before[FILMS] / before[0], own[FILMS] / own[0]
    return [
        Row("run start, empty instance", before[0]),
        Row(f"run start, {FILMS} films", before[FILMS], ratio=start, aim="≤ 1.1 ×",
            is_met=start <= 1.1),
        Row("own time a chunk, empty instance", own[0]),
        Row(f"own time a chunk, {FILMS} films", own[FILMS], ratio=chunk, aim="≤ 1.1 ×",
            is_met=chunk <= 1.1),
    ]  # fmt: skip
