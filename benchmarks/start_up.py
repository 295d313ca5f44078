"""From a command to its first chunk."""

import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg

from benchmarks.table import Row
from benchmarks.workbench import (
    CODE,
    EXAMPLE,
    ROOT,
    FixedLatency,
    for_processes,
    model_clip,
    new_home,
    read_example,
)
from chunk_assets.defs.partitions.definitions import range_tags
from chunk_assets.defs.partitions.observations import announce
from chunk_assets.film.plan import plan_film
from chunk_assets.film.submission import submit
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore

COMMAND = str(Path(sys.executable).with_name("chunk-assets"))
"""The command of this environment."""


def measure(store: ObjectStore, instance: dg.DagsterInstance, repeat: int = 3) -> list[Row]:
    """`--help`, `render` with its S3 server, and a Dagster run in a process of its own."""
    help_seconds = [_help() for _ in range(3 * repeat)][repeat:]
    render = [_render() for _ in range(repeat)]
    run = [_run(store, instance, f"start-{number}") for number in range(repeat)]
    found = [
        ("chunk-assets --help", statistics.median(help_seconds), 0.3),
        ("render → first chunk asked for, S3 server and all", statistics.median(render), 3.0),
        ("a Dagster run's process → first chunk asked for", statistics.median(run), 5.0),
    ]
    return [
        Row(what, value, aim=f"≤ {most:g} s", is_met=value <= most) for what, value, most in found
    ]


def _help() -> float:
    began = time.perf_counter()
    subprocess.run([COMMAND, "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _render() -> float:
    """Until the first clip is rendered, less what its rendering took by the command's own word."""
    with new_home() as home, TemporaryDirectory() as scratch:
        own = {n: v for n, v in os.environ.items() if not re.match("CHUNK_|AWS_|DAGSTER_", n)}
        command = [COMMAND, "render", str(EXAMPLE), "-o", f"{scratch}/film.mp4"]
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            env={**own, "CHUNK_ASSETS_HOME": str(home)},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(r"rendered in ([0-9.]+) s", line):
                seconds = time.perf_counter() - began - float(found[1])
                break
        else:
            raise RuntimeError("render came to no chunk")
        process.send_signal(2)
        process.communicate(timeout=60)
        return seconds


def _run(store: ObjectStore, instance: dg.DagsterInstance, video_id: str) -> float:
    """From the process's start to the first request, which the composite's storing tells."""
    animatic = read_example()
    picture = animatic.pictures[animatic.animatic.frames[0]]
    with TemporaryDirectory() as scratch:
        clip = model_clip(animatic.specs("clip")[-1], picture, Path(scratch) / "model.mp4")
        submit(store, video_id, animatic)
        announce(instance, store, plan_film(store, video_id))
        asked = Path(scratch) / "asked"
        import json

        config = {"ops": {"film_chunks": {"config": {"generator": FixedLatency.name}}}}
        command = [sys.executable, "-m", "dagster", "job", "execute", *CODE, "-j", "render_chunks"]
        (Path(scratch) / "run.json").write_text(json.dumps(config))
        command += ["--tags", json.dumps(range_tags(video_id, [0])), "-c", f"{scratch}/run.json"]
        environment = {**for_processes(clip, 0.5), "BENCHMARK_ASKED": str(asked)}
        began = time.time()
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        assert store.head(keys.chunk_video(video_id, 0)) is not None
        return asked.stat().st_mtime - began
