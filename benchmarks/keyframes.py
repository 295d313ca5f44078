"""A film of fifteen key pictures, all of its chunks at once, beside one clip and the chain."""

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
from chunk_assets.film.plan import plan_film
from chunk_assets.film.submission import AnimaticDirectory, read_directory, submit
from chunk_assets.generation.base import (
    Abilities,
    GeneratedClip,
    GenerationRequest,
    ProgressCallback,
    ignore_progress,
)
from chunk_assets.generation.stopping import NEVER, StopSignal
from chunk_assets.storage.store import ObjectStore

LATENCY = 5.0
CHUNKS = 15


class WithEndPictures(FixedLatency):
    """A model that takes an end picture.

    Attributes:
        asked: When each clip was asked for, by the wall clock.
        came: When each clip came.
    """

    def __init__(self, clip: Path, seconds: float):
        super().__init__(clip, seconds, lambda: self.came.append(time.time()))
        self.asked: list[float] = []
        self.came: list[float] = []

    @property
    def abilities(self) -> Abilities:
        return Abilities(end_image=True)

    def generate(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback = ignore_progress,
        stop: StopSignal = NEVER,
    ) -> GeneratedClip:
        """Copy the clip, as `FixedLatency`."""
        self.asked.append(time.time())
        return super().generate(request, workdir, on_progress, stop)


def measure(store: ObjectStore, instance: dg.DagsterInstance, repeat: int = 1) -> list[Row]:
    """Render one clip alone, all clips between their key pictures, and all as one chain."""
    with TemporaryDirectory() as scratch:
        animatic = read_directory(_with_pictures(Path(scratch) / "film"))
        picture = animatic.pictures[animatic.animatic.frames[0]]
        chain = animatic.with_choices(continuity="film")
        clip = model_clip(chain.specs("clip")[-1], picture, Path(scratch) / "model.mp4")
        generator = WithEndPictures(clip, LATENCY)
        bench = _Bench(store, instance, generator)
        one = bench.render(animatic, 1)
        generator.asked.clear()
        generator.came.clear()
        keys = bench.render(animatic, CHUNKS)
        model = max(generator.came) - min(generator.asked)
        chained = bench.render(chain, CHUNKS)
    limit = 1.5 * LATENCY
    return [
        Row(f"one clip alone, latency {LATENCY:g} s", one),
        Row(
            f"{CHUNKS} chunks between key pictures, from the first request to the last clip",
            model,
            aim=f"≤ 1.5 × the latency, {limit:g} s",
            is_met=model <= limit,
        ),
        Row(
            "the same, until all is converted, stored and recorded",
            keys,
            ratio=keys / one,
            aim="≤ 1.5 × one clip alone",
            is_met=keys <= 1.5 * one,
        ),
        Row(f"{CHUNKS} chunks as one chain", chained, ratio=chained / one),
        Row("the chain / key pictures", chained / keys, "×"),
    ]


class _Bench:
    """Renders films with a clip of fixed latency."""

    def __init__(self, store: ObjectStore, instance: dg.DagsterInstance, generator: FixedLatency):
        self._store, self._instance, self._generator = store, instance, generator
        self._films = 0

    def render(self, animatic: AnimaticDirectory, count: int) -> float:
        """Seconds to render the first `count` chunks as a new film, and to record them."""
        self._films += 1
        video_id = f"keyframes-{self._films}"
        submit(self._store, video_id, animatic)
        plan = plan_film(self._store, video_id)
        announce(self._instance, self._store, plan)
        generator = self._generator
        definitions = build_definitions({generator.name: lambda _context: generator})
        config = {"generator": generator.name}
        job = definitions.resolve_job_def("render_chunks")
        began = time.time()
        job.execute_in_process(
            run_config={**QUIET, "ops": {"film_chunks": {"config": config}}},
            instance=self._instance,
            tags=range_tags(video_id, list(range(count))),
        )
        return time.time() - began


def _with_pictures(target: Path) -> Path:
    """The example with a picture for each of its chunks."""
    target.mkdir()
    manifest = json.loads((EXAMPLE / "animatic.json").read_text())
    drawn = manifest["frames"]
    manifest["frames"] = [f"{number:02d}.jpg" for number in range(CHUNKS)]
    manifest |= {"continuity": "keyframes", "transitions": None}
    for number, name in enumerate(manifest["frames"]):
        (target / name).write_bytes((EXAMPLE / drawn[number % len(drawn)]).read_bytes())
    for name in ("style_guide", "product_reference"):
        (target / manifest[name]).write_bytes((EXAMPLE / manifest[name]).read_bytes())
    (target / "animatic.json").write_text(json.dumps(manifest))
    return target
