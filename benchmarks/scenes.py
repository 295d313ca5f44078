"""A film of five scenes, rendered side by side, beside the longest of them rendered alone.

All five are of one length, and their clips arrive together: the worst case for the processor.
"""

import copy
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg

from benchmarks.table import Row
from benchmarks.workbench import EXAMPLE, QUIET, FixedLatency, model_clip
from chunk_assets.chain.animatic_directory import read_directory, submit
from chunk_assets.chain.film_plan import plan_film
from chunk_assets.chain.scenes import split
from chunk_assets.definitions import build_definitions
from chunk_assets.defs.partitions import range_tags
from chunk_assets.defs.sightings import announce
from chunk_assets.storage.store import ObjectStore

LATENCY = 5.0
SCENES = 5


def measure(store: ObjectStore, instance: dg.DagsterInstance, repeat: int = 1) -> list[Row]:
    """Render one scene, all scenes side by side, and one chain through the film."""
    seconds = {}
    with TemporaryDirectory() as scratch:
        directory = _cut(Path(scratch) / "cuts")
        animatic = read_directory(directory)
        picture = animatic.pictures[animatic.animatic.frames[0]]
        clip = model_clip(animatic.specs("clip")[-1], picture, Path(scratch) / "model.mp4")
        longest: list[int] = []
        for what, continuity in (("one", "scene"), ("scenes", "scene"), ("film", "film")):
            video_id = f"continuity-{what}"
            submit(store, video_id, animatic.with_choices(continuity=continuity))
            plan = plan_film(store, video_id)
            announce(instance, store, plan)
            numbers = list(range(len(plan.specs)))
            if what == "one":
                numbers = longest = max(split(plan, numbers), key=len)
            generator = FixedLatency(clip, LATENCY)
            definitions = build_definitions({generator.name: lambda _c, g=generator: g})
            config = {"generator": generator.name, "max_parallel_scenes": SCENES}
            began = time.time()
            definitions.resolve_job_def("render_chunks").execute_in_process(
                run_config={**QUIET, "ops": {"film_chunks": {"config": config}}},
                instance=instance,
                tags=range_tags(video_id, numbers),
            )
            seconds[what] = time.time() - began
    ratio = seconds["scenes"] / seconds["one"]
    return [
        Row(f"five scenes side by side, latency {LATENCY:g} s", seconds["scenes"]),
        Row("the same / the longest scene alone", ratio, "×", aim="≤ 1.1 ×", is_met=ratio <= 1.1),
        Row("the same / the longest scene's latencies",
            seconds["scenes"] / (len(longest) * LATENCY), "×"),
        Row("one chain through the film", seconds["film"],
            ratio=seconds["film"] / seconds["scenes"]),
    ]  # fmt: skip


def _cut(target: Path) -> Path:
    """The example with five beats of three chunks and cuts between them."""
    target.mkdir()
    manifest = json.loads((EXAMPLE / "animatic.json").read_text())
    beats, frames = [], []
    for number in range(SCENES):
        beat = copy.deepcopy(manifest["beats"][number % len(manifest["beats"])])
        beats.append({**beat, "name": f"scene {number}", "start": 6.0 * number, "duration": 6.0})
        frames.append(manifest["frames"][number % len(manifest["frames"])])
    document = {**manifest, "duration": 30.0, "beats": beats, "frames": frames}
    document["transitions"] = [{"type": "cut"}] * (SCENES - 1)
    for source in EXAMPLE.iterdir():
        if source.suffix != ".json":
            (target / source.name).write_bytes(source.read_bytes())
    (target / "animatic.json").write_text(json.dumps(document))
    return target
