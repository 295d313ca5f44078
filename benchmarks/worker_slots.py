"""Forty films on 1, 2 and 4 slots of a worker: throughput, while a hosted model is waited for."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg

from benchmarks.clusters import Cluster, Desk, cluster
from benchmarks.table import Row
from benchmarks.workbench import model_clip
from chunk_assets.film.submission import AnimaticDirectory, read_directory
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.manifests import small_manifest, write_animatic

FILMS = 40
LATENCY = 30.0
"""Seconds of a clip, as hosted models take, so that the generator is the bottleneck: a run takes a
second of processor, of workers, databases and S3 server together, and all share two cores here."""

SLOTS = (1, 2, 4)
AIM = 0.95


def measure(_store: ObjectStore, _instance: dg.DagsterInstance, repeat: int = 1) -> list[Row]:
    """Films of one chunk of 128×72, all queued at once; the daemon hands them out."""
    with TemporaryDirectory() as scratch:
        document = small_manifest(
            duration=2,
            beats=[{"name": "one", "duration": 2, "prompt_template": "x"}],
            transitions=[],
            frames=["one.png"],
        )
        animatic = read_directory(write_animatic(Path(scratch) / "animatic", document))
        picture = animatic.pictures[animatic.animatic.frames[0]]
        clip = model_clip(animatic.specs("clip")[-1], picture, Path(scratch) / "model.mp4")
        rows: list[Row] = []
        with cluster(clip, LATENCY) as made, made.daemon():
            alone = 0.0
            for slots in SLOTS:
                with made.worker(slots):
                    rate = FILMS / _seconds(made, animatic, slots) * 60
                alone = alone or rate
                share = rate / (alone * slots)
                aim = f"at least {AIM:g} of linear" if slots > 1 else ""
                rows.append(
                    Row(
                        f"{FILMS} films of {LATENCY:g} s on {slots} slots: films a minute, "
                        "and of linear",
                        rate,
                        "",
                        ratio=share,
                        aim=aim,
                        is_met=share >= AIM if aim else None,
                    )
                )
    return rows


def _seconds(made: Cluster, animatic: AnimaticDirectory, slots: int) -> float:
    """From the first run's op to the last one's end: a worker's start is another figure."""
    with Desk(made.instance, made.store) as desk:
        films = [f"film-{slots}-{number:02d}" for number in range(FILMS)]
        for film in films:
            desk.film(film, animatic)
        runs = [desk.run(film, 1) for film in films]
        for run in runs:
            desk.queue(run)
        desk.wait(runs, FILMS * (LATENCY + 10))
    stats = [made.instance.get_run_stats(run) for run in runs]
    began = min(stat.start_time for stat in stats if stat.start_time)
    ended = max(stat.end_time for stat in stats if stat.end_time)
    assert time.time() > ended
    return ended - began
