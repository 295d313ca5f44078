"""The pipeline's own time per chunk, beside a plain script and one Dagster run per chunk.

Run by hand: `python -m benchmarks.overhead`. Measured on two cores, latency 1 s, 15 chunks of
1024×576 at 24 fps, a clip that has to be normalised, two repetitions of three runs of (b), other
work on the machine at times:

===============================================  ==========  ==========
own time a chunk                                    seconds  times ours
===============================================  ==========  ==========
pipeline, the walk inside a run                       0.211         0.8
pipeline, the whole run                               0.263         1.0
(a) plain script of the task list's steps             0.473         1.8
(b) one Dagster run per chunk, from a terminal        4.163        15.8
(b) one Dagster run per chunk, from Dagit             7.858        29.9
===============================================  ==========  ==========

Both aims are met: 0.4 s a chunk, and 1/15 of (b). From a clip's arrival to the next call 150 ms:
decoding its last frame 93, saving the composite as PNG 47, the rest 7. Once a run 0.75 s before the
first call and 1.03 s behind the last clip.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import dagster as dg
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.workbench import (
    CODE,
    EXAMPLE,
    QUIET,
    ROOT,
    FixedLatency,
    Stopwatch,
    dagit,
    deployment,
    for_processes,
    model_clip,
)
from chunk_assets.dagster_internals.instance import open_instance
from chunk_assets.definitions import build_definitions
from chunk_assets.defs.partitions.definitions import chunk_key, range_tags
from chunk_assets.defs.partitions.observations import announce
from chunk_assets.defs.resources import connect
from chunk_assets.film.plan import FilmPlan, plan_film
from chunk_assets.film.submission import AnimaticDirectory, read_directory, submit
from chunk_assets.media.ffmpeg import executable
from chunk_assets.render.request import STAGES
from chunk_assets.settings import load_settings
from chunk_assets.storage.store import ObjectStore

CONFIG = {"ops": {"film_chunks": {"config": {"generator": FixedLatency.name}}}}

WALK, RUN = "pipeline: the walk", "pipeline: the whole run"
SCRIPT = "(a) plain script"
TERMINAL, DAGIT = "(b) one run per chunk, from a terminal", "(b) one run per chunk, from Dagit"
BEFORE, TAIL, AFTER = "before the first call", "behind the last clip", "behind the walk"


class Bench:
    """One deployment, one clip, one latency; each measurement takes a film of its own."""

    def __init__(
        self,
        store: ObjectStore,
        instance: dg.DagsterInstance,
        clip: Path,
        latency: float,
        kind: type[FixedLatency] = FixedLatency,
    ):
        self.store, self.instance, self.clip, self.latency = store, instance, clip, latency
        self._kind = kind
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.watches: list[Stopwatch] = []

    def film(self, video_id: str, animatic: AnimaticDirectory) -> FilmPlan:
        """A film, submitted and announced."""
        submit(self.store, video_id, animatic)
        plan = plan_film(self.store, video_id)
        announce(self.instance, self.store, plan)
        return plan

    def pipeline(self, plan: FilmPlan) -> None:
        """All chunks in one run in this process, as `chunk-assets render` does it."""
        count, watch = len(plan.specs), Stopwatch()
        generator = self._kind(self.clip, self.latency, watch.arrived)
        definitions = build_definitions({generator.name: lambda _context: generator}, watch)
        job = definitions.resolve_job_def("render_chunks")
        tags = range_tags(plan.video_id, range(count))
        with watch.watching():
            began = time.time()
            result = job.execute_in_process(
                run_config={**QUIET, **CONFIG}, instance=self.instance, tags=tags
            )
            ended = time.time()
        done = self.instance.all_logs(result.run_id, of_type=dg.DagsterEventType.STEP_SUCCESS)
        walked = done[0].timestamp
        self._count(WALK, walked - watch.starts[0], count)
        self._count(RUN, ended - began, count)
        self.seconds[BEFORE].append(watch.starts[0] - began)
        self.seconds[TAIL].append(walked - watch.arrivals[-1])
        self.seconds[AFTER].append(ended - walked)
        self.watches.append(watch)

    def plain_script(self, plan: FilmPlan, workdir: Path) -> None:
        """The task list's steps, one after the other, with as little as they need."""
        s3, bucket, root = self.store.client, self.store.bucket, self.store.uri("")
        prefix, last = f"plain/{plan.video_id}", ""
        clip, frame = workdir / "clip.mp4", workdir / "last_frame.png"
        select = ["-vf", r"select=eq(n\,47)", "-vframes", "1"]
        extract = [executable(), "-v", "error", "-y", "-i", str(clip), *select, str(frame)]

        def fetched(uri: str | None, size: tuple[int, int]) -> Image.Image:
            path = workdir / "picture"
            s3.download_file(bucket, str(uri).removeprefix(root), str(path))
            return Image.open(path).convert("RGB").resize(size, Image.Resampling.LANCZOS)

        began = time.time()
        for spec in plan.specs:
            animatic = fetched(spec.animatic_frame_url, spec.size)
            other = fetched(last if spec.chunk_num else spec.style_guide_url, spec.size)
            composite = Image.blend(animatic, other, 0.7 if spec.chunk_num else 0.3)
            composite.save(workdir / "composite.png")
            time.sleep(self.latency)
            shutil.copyfile(self.clip, clip)
            s3.upload_file(str(clip), bucket, f"{prefix}/chunk_{spec.chunk_num:02d}.mp4")
            subprocess.run(extract, check=True)
            last = f"{prefix}/frames/chunk_{spec.chunk_num}_last_frame.png"
            s3.upload_file(str(frame), bucket, last)
        self._count(SCRIPT, time.time() - began, len(plan.specs))

    def run_per_chunk(self, plan: FilmPlan, runs: int) -> None:
        """The first chunks, each materialized by a `dagster` process that does nothing else."""
        program = [sys.executable, "-m", "dagster", "asset", "materialize", *CODE]
        program += ["--select", ",".join(STAGES), "--config-json", json.dumps(CONFIG)]
        environment = for_processes(self.clip, self.latency)
        for number in range(runs):
            command = [*program, "--partition", chunk_key(plan.video_id, number)]
            began = time.time()
            run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
            self._count(TERMINAL, time.time() - began, 1)
            if run.returncode:
                raise click.ClickException(run.stderr[-2000:])

    def run_per_chunk_in_dagit(self, plan: FilmPlan, runs: int) -> None:
        """The first chunks, each launched and awaited as Dagit's page does it."""
        with dagit(self.clip, self.latency) as client:
            for number in range(runs):
                tags = range_tags(plan.video_id, [number])
                began = time.time()
                run = client.submit_job_execution("render_chunks", run_config=CONFIG, tags=tags)
                while (status := client.get_run_status(run).value) not in ("SUCCESS", "FAILURE"):
                    time.sleep(0.05)
                self._count(DAGIT, time.time() - began, 1)
                if status == "FAILURE":
                    raise click.ClickException(f"Dagit's run {run} of chunk {number} failed")

    def _count(self, row: str, seconds: float, chunks: int) -> None:
        self.seconds[row].append((seconds - self.latency * chunks) / chunks)


def median(values: Sequence[float]) -> float:
    """Of no values, 0."""
    return statistics.median(values) if values else 0.0


def print_comparison(bench: Bench) -> None:
    """Seconds a chunk, beside what the pipeline's own are to be."""
    console, ours = Console(), median(bench.seconds[RUN])
    table = Table("own time a chunk", "median", "from", "to", "times ours", box=None)
    measured = [row for row in (WALK, RUN, SCRIPT, TERMINAL, DAGIT) if bench.seconds[row]]
    for row in measured:
        seconds = bench.seconds[row]
        figures = (median(seconds), min(seconds), max(seconds))
        table.add_row(row, *(f"{s:.3f} s" for s in figures), f"{figures[0] / ours:.1f}")
    console.print(table, f"aim: at most 0.4 s a chunk: {ours:.3f} s, {_met(ours <= 0.4)}")
    for row in set(measured) & {TERMINAL, DAGIT}:
        share = median(bench.seconds[row]) / ours
        console.print(f"aim: at most 1/15 of {row}: 1/{share:.1f}, {_met(share >= 15)}")


def _met(is_met: bool) -> str:
    return "met" if is_met else "MISSED"


def print_breakdown(bench: Bench) -> None:
    """What the chain waits for between two generate calls, and what is done beside it."""
    windows = [window for watch in bench.watches for window in watch.hand_overs]
    waited = Table("from a clip's arrival to the next generate call", "median, ms", box=None)
    names = {name for window in windows for name in window}
    medians = {name: median([window.get(name, 0.0) for window in windows]) for name in names}
    for name in sorted(names, key=lambda name: -medians[name]):
        waited.add_row(name, f"{medians[name] * 1000:.1f}")
    waited.add_row("all of it", f"{median([sum(w.values()) for w in windows]) * 1000:.1f}")
    once = Table("once a run", "median, s", box=None)
    for name in (BEFORE, TAIL, AFTER):
        once.add_row(name, f"{median(bench.seconds[name]):.2f}")
    beside = Table("beside the chain, while a clip is rendered", "median, ms", "calls", box=None)
    for name in bench.watches[0].beside:
        calls = [seconds for watch in bench.watches for seconds in watch.beside[name]]
        beside.add_row(name, f"{median(calls) * 1000:.0f}", str(len(calls)))
    Console().print("", waited, "", once, "", beside)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), default=EXAMPLE)
@click.option("--latency", default=1.0, show_default=True, help="Seconds a clip takes.")
@click.option("--repeat", default=3, show_default=True, help="How often each is measured.")
@click.option(
    "--runs", default=3, show_default=True, help="Runs of (b) in each repetition; 0 leaves it."
)
def main(directory: Path, latency: float, repeat: int, runs: int) -> None:
    """Measure the animatic in DIRECTORY, each way in turn."""
    animatic = read_directory(directory).with_choices(continuity="film")
    last, picture = animatic.specs("clip")[-1], animatic.pictures[animatic.animatic.frames[0]]
    with deployment(), open_instance(load_settings()) as instance, TemporaryDirectory() as scratch:
        workdir = Path(scratch)
        clip = model_clip(last, picture, workdir / "model.mp4")
        bench = Bench(connect(load_settings()), instance, clip, latency)
        for number in range(repeat):
            bench.pipeline(bench.film(f"walk-{number}", animatic))
            bench.plain_script(bench.film(f"script-{number}", animatic), workdir)
            if runs:
                bench.run_per_chunk(bench.film(f"runs-{number}", animatic), runs)
                bench.run_per_chunk_in_dagit(bench.film(f"dagit-{number}", animatic), runs)
            load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
            click.echo(f"repetition {number + 1} of {repeat}: {load}", err=True)
    print_comparison(bench)
    print_breakdown(bench)


if __name__ == "__main__":
    main()
