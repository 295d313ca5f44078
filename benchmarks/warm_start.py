"""From a run's launch to its op: on a warm worker, and by Dagster's default launcher."""

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import dagster as dg

from benchmarks.clusters import Desk, cluster
from benchmarks.table import Row
from benchmarks.workbench import for_processes, model_clip
from chunk_assets.film.submission import read_directory
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.manifests import small_manifest, write_animatic

TIMES = 9
AIM = 1.0


def measure(store: ObjectStore, instance: dg.DagsterInstance, repeat: int = TIMES) -> list[Row]:
    """The same film of one chunk, launched in turns; its clip comes at once.

    The default launcher works as it does on one machine, with its storage on disk; the worker with
    PostgreSQL and Redis. A first run of each is not counted.
    """
    import os

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
        alone = for_processes(clip, 0.0)
        os.environ.update({name: alone[name] for name in ("BENCHMARK_CLIP", "BENCHMARK_LATENCY")})
        usual: list[float] = []
        warm: list[float] = []
        with Desk(instance, store) as desk_here:
            desk_here.film("start", animatic)
            with (
                cluster(clip, 0.0) as there,
                there.worker(1),
                Desk(there.instance, there.store) as desk_there,
            ):
                desk_there.film("start", animatic)
                for _ in range(repeat + 1):
                    usual.append(_seconds(desk_here, instance))
                    warm.append(_seconds(desk_there, there.instance))
    usual, warm = usual[1:], warm[1:]
    base, found = median(usual), median(warm)
    return [
        Row(f"launch to op, the default launcher, median of {repeat}", base),
        Row(
            f"launch to op, a warm worker, median of {repeat}",
            found,
            ratio=found / base,
            aim=f"at most {AIM:g} s",
            is_met=found <= AIM,
        ),
        Row("the slowest of these", max(warm), ratio=max(warm) / base),
    ]


def _seconds(desk: Desk, instance: dg.DagsterInstance) -> float:
    run_id = desk.run("start", 1)
    desk.launch(run_id)
    desk.wait([run_id], 120)
    began = _moment(instance, run_id, dg.DagsterEventType.PIPELINE_STARTING)
    return _moment(instance, run_id, dg.DagsterEventType.STEP_START) - began


def _moment(instance: dg.DagsterInstance, run_id: str, kind: dg.DagsterEventType) -> float:
    return instance.all_logs(run_id, of_type=kind)[0].timestamp
