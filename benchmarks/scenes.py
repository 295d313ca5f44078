"""Films of five scenes, rendered side by side, beside the longest scene rendered alone.

One is the example, whose beats are of 4 to 8 s, with cuts between them. In the other all five are
of one length, so that their clips always arrive together: the worst case for the processor.
"""

import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg

from benchmarks.table import Row
from benchmarks.workbench import EXAMPLE, QUIET, FixedLatency, model_clip
from chunk_assets.definitions import build_definitions
from chunk_assets.defs.partitions.definitions import range_tags
from chunk_assets.defs.partitions.observations import announce
from chunk_assets.film.plan import FilmPlan, plan_film
from chunk_assets.film.submission import AnimaticDirectory, read_directory, submit
from chunk_assets.render.scenes import split
from chunk_assets.storage.store import ObjectStore

LATENCY = 5.0
SCENES = 5


def measure(store: ObjectStore, instance: dg.DagsterInstance, repeat: int = 1) -> list[Row]:
    """Render both films' longest scenes alone and all scenes side by side; one as one chain."""
    with TemporaryDirectory() as scratch:
        cuts, even = (read_directory(_cut(Path(scratch) / name, name == "even")) for name in NAMES)
        picture = cuts.pictures[cuts.animatic.frames[0]]
        clip = model_clip(cuts.specs("clip")[-1], picture, Path(scratch) / "model.mp4")
        bench = _Bench(store, instance, clip)
        alone, latencies = bench.longest(cuts)
        scenes, chain = bench.all_of(cuts, "scene"), bench.all_of(cuts, "film")
        even_alone, _ = bench.longest(even)
        even_scenes = bench.all_of(even, "scene")
    ratio = scenes / alone
    return [
        Row(f"the example's five beats as scenes, latency {LATENCY:g} s", scenes),
        Row("the same / its longest scene alone", ratio, "×", aim="≤ 1.1 ×", is_met=ratio <= 1.1),
        Row("the same / its longest scene's latencies", scenes / latencies, "×"),
        Row("one chain through it", chain, ratio=chain / scenes),
        Row("five scenes of one length, their clips always together", even_scenes),
        Row("the same / one of them alone", even_scenes / even_alone, "×"),
    ]


NAMES = ("cuts", "even")


class _Bench:
    """Renders films with a clip of fixed latency; gives seconds."""

    def __init__(self, store: ObjectStore, instance: dg.DagsterInstance, clip: Path):
        self._store, self._instance = store, instance
        self._generator = FixedLatency(clip, LATENCY)
        self._films = 0

    def longest(self, animatic: AnimaticDirectory) -> tuple[float, float]:
        """Its longest scene alone; and what its clips take."""
        plan = self._film(animatic, "scene")
        scene = max(split(plan, list(range(len(plan.specs)))), key=len)
        return self._render(plan, scene), len(scene) * LATENCY

    def all_of(self, animatic: AnimaticDirectory, continuity: str) -> float:
        """All of it."""
        plan = self._film(animatic, continuity)
        return self._render(plan, list(range(len(plan.specs))))

    def _film(self, animatic: AnimaticDirectory, continuity: str) -> FilmPlan:
        self._films += 1
        video_id = f"scenes-{self._films}"
        submit(self._store, video_id, animatic.with_choices(continuity=continuity))
        plan = plan_film(self._store, video_id)
        announce(self._instance, self._store, plan)
        return plan

    def _render(self, plan: FilmPlan, numbers: list[int]) -> float:
        generator = self._generator
        definitions = build_definitions({generator.name: lambda _context: generator})
        config = {"generator": generator.name, "max_parallel_scenes": SCENES}
        began = time.time()
        definitions.resolve_job_def("render_chunks").execute_in_process(
            run_config={**QUIET, "ops": {"film_chunks": {"config": config}}},
            instance=self._instance,
            tags=range_tags(plan.video_id, numbers),
        )
        return time.time() - began


def _cut(target: Path, is_even: bool) -> Path:
    """The example with cuts between its beats, as they are or of three chunks each."""
    target.mkdir()
    manifest = json.loads((EXAMPLE / "animatic.json").read_text())
    assert len(manifest["beats"]) == SCENES
    if is_even:
        for number, beat in enumerate(manifest["beats"]):
            beat.update(start=6.0 * number, duration=6.0)
    manifest["transitions"] = [{"type": "cut"}] * (SCENES - 1)
    for source in EXAMPLE.iterdir():
        if source.suffix != ".json":
            (target / source.name).write_bytes(source.read_bytes())
    (target / "animatic.json").write_text(json.dumps(manifest))
    return target
