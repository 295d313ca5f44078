"""Many films on one machine: how throughput grows with the films rendered at a time."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg

from benchmarks.memory import megabytes
from benchmarks.table import Row
from benchmarks.workbench import (
    CODE,
    ROOT,
    FixedLatency,
    for_processes,
    model_clip,
    read_example,
)
from chunk_assets.defs.partitions.definitions import range_tags
from chunk_assets.defs.partitions.observations import announce
from chunk_assets.film.plan import plan_film
from chunk_assets.film.submission import submit
from chunk_assets.storage.store import ObjectStore

LATENCY = 10.0
CHUNKS = 4
AT_ONCE = (1, 2, 4, 8)


def measure(store: ObjectStore, instance: dg.DagsterInstance, repeat: int = 1) -> list[Row]:
    """Films of four chunks of 10 s, a run's process each."""
    animatic = read_example()
    picture = animatic.pictures[animatic.animatic.frames[0]]
    rows: list[Row] = []
    with TemporaryDirectory() as scratch:
        clip = model_clip(animatic.specs("clip")[-1], picture, Path(scratch) / "model.mp4")
        config = {"ops": {"film_chunks": {"config": {"generator": FixedLatency.name}}}}
        (Path(scratch) / "run.json").write_text(json.dumps(config))
        alone = 0.0
        for at_once in AT_ONCE:
            processes = []
            for number in range(at_once):
                video_id = f"many-{at_once}-{number}"
                submit(store, video_id, animatic)
                announce(instance, store, plan_film(store, video_id))
                asked = Path(scratch) / f"asked-{video_id}"
                command = [sys.executable, "-m", "dagster", "job", "execute", *CODE]
                command += ["-j", "render_chunks", "-c", f"{scratch}/run.json"]
                command += ["--tags", json.dumps(range_tags(video_id, range(CHUNKS)))]
                environment = {**for_processes(clip, LATENCY), "BENCHMARK_ASKED": str(asked)}
                processes.append(
                    subprocess.Popen(
                        command,
                        cwd=ROOT,
                        env=environment,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                    )
                )
            largest, most = 0.0, 0
            while any(process.poll() is None for process in processes):
                for process in processes:
                    seen = Path(f"/proc/{process.pid}")
                    try:
                        largest = max(largest, megabytes(seen, "VmHWM"))
                        most = max(most, len(list((seen / "fd").iterdir())))
                    except (OSError, KeyError):
                        continue
                time.sleep(0.5)
            ended = time.time()
            marks = Path(scratch).glob(f"asked-many-{at_once}-*")
            began = min(mark.stat().st_mtime for mark in marks)
            rate = at_once * CHUNKS / (ended - began) * 60
            alone = alone or rate
            share = rate / (alone * at_once)
            rows.append(
                Row(f"{at_once} at a time: clips a minute, largest run {largest:.0f} MB, "
                    f"{most} files", rate, "", ratio=share)
            )  # fmt: skip
    knee = max(n for n, row in zip(AT_ONCE, rows, strict=True) if (row.ratio or 0) >= 0.9)
    cores = os.cpu_count()
    rows.append(Row(f"films at a time that still give 0.9 of linear ({cores} cores)", knee, ""))
    return rows
