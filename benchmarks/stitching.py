"""From the last stored chunk to the film on S3, beside one `xfade` encode of the same clips."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
import numpy as np

from benchmarks.table import Row
from benchmarks.workbench import EXAMPLE, QUIET, FixedLatency, model_clip
from chunk_assets.definitions import build_definitions
from chunk_assets.defs.partitions.definitions import range_tags
from chunk_assets.defs.partitions.observations import announce
from chunk_assets.film.plan import FilmPlan, plan_film
from chunk_assets.film.submission import read_directory, submit
from chunk_assets.media.encoding import as_bt709, encoder_options
from chunk_assets.media.ffmpeg import Graph, combine, read, run, write
from chunk_assets.media.frames import probe, read_frames
from chunk_assets.planning.timeline import plan_joins
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject

FILM = [dg.AssetKey("stitched_videos")]

LATENCY = 3.0
"""Seconds a clip takes: long enough for seams to be prepared in the meantime."""


def xfade_graph(clips: list[Path], plan: FilmPlan, target: Path) -> Graph:
    """The film in one encode: every clip read whole, each cross-faded with the film so far."""
    fps = plan.animatic.fps
    graph, length = None, 0
    for spec, clip in zip(plan.specs, clips, strict=True):
        frames = read(clip).filter("setpts", f"N/{fps}/TB").filter("fps", fps)
        if graph is None:
            graph, length = frames, spec.num_frames
            continue
        join = plan_joins(plan.animatic, plan.specs)[spec.chunk_num - 1]
        unused = spec.overlap_frames - join.frames
        frames = frames.filter("trim", start_frame=unused).filter("setpts", f"N/{fps}/TB")
        graph = combine(
            graph,
            frames.filter("fps", fps),
            "xfade",
            transition="fade",
            duration=float(fps.seconds(join.frames)),
            offset=float(fps.seconds(length - join.frames)),
        )
        length += spec.slot_frames
    assert graph is not None
    return write(as_bt709(graph), target, **encoder_options(fps))


def ssim(one: Path, other: Path) -> float:
    """The mean structural similarity of two films' luma, every twelfth frame, in 8×8 blocks."""
    values = []
    for number, (a, b) in enumerate(zip(read_frames(one), read_frames(other), strict=True)):
        if number % 12 == 0:
            values.append(_ssim(a @ _LUMA, b @ _LUMA))
    return float(np.mean(values))


_LUMA = np.array([0.2126, 0.7152, 0.0722])


def _ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Wang et al. 2004, equation 13, over blocks instead of a sliding window."""
    blocks = [
        x[: x.shape[0] // 8 * 8, : x.shape[1] // 8 * 8]
        .reshape(x.shape[0] // 8, 8, x.shape[1] // 8, 8)
        .swapaxes(1, 2)
        .reshape(-1, 64)
        for x in (a, b)
    ]
    (ma, mb), (va, vb) = ([x.mean(1) for x in blocks], [x.var(1) for x in blocks])
    covariance = (blocks[0] * blocks[1]).mean(1) - ma * mb
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * ma * mb + c1) * (2 * covariance + c2)
    return float((top / ((ma**2 + mb**2 + c1) * (va + vb + c2))).mean())


def measure(store: ObjectStore, instance: dg.DagsterInstance, repeat: int = 1) -> list[Row]:
    """Render the example with a fixed clip, then stitch it both ways."""
    ours, whole, theirs, frames, likeness = [], [], [], 0, 0.0
    with TemporaryDirectory() as scratch, put_times() as puts:
        workdir = Path(scratch)
        animatic = read_directory(_dissolving(workdir / "film"))
        film, one = workdir / "film.mp4", workdir / "one.mp4"
        picture = animatic.pictures[animatic.animatic.frames[0]]
        clip = model_clip(animatic.specs("clip")[-1], picture, workdir / "model.mp4")
        for number in range(repeat):
            video_id = f"stitching-{number}"
            submit(store, video_id, animatic)
            plan = plan_film(store, video_id)
            announce(instance, store, plan)
            generator = FixedLatency(clip, LATENCY)
            definitions = build_definitions({generator.name: lambda _c, g=generator: g})
            config = {"ops": {"film_chunks": {"config": {"generator": generator.name}}}}
            definitions.resolve_job_def("render_chunks").execute_in_process(
                run_config={**QUIET, **config},
                instance=instance,
                tags=range_tags(video_id, range(len(plan.specs))),
            )
            began = time.time()
            job = definitions.resolve_job_def("stitch_film")
            job.execute_in_process(
                run_config=QUIET, instance=instance, partition_key=video_id, asset_selection=FILM
            )
            whole.append(time.time() - began)
            ours.append(puts[keys.stitched_video(video_id)] - puts[keys.chunk_video(video_id, 14)])
            store.download(keys.stitched_video(video_id), film)
            clips = []
            for spec in plan.specs:
                path = workdir / f"clip_{spec.chunk_num}.mp4"
                store.download(keys.chunk_video(video_id, spec.chunk_num), path)
                clips.append(path)
            began = time.time()
            run(xfade_graph(clips, plan, one), one)
            theirs.append(time.time() - began)
        frames, likeness = probe(film).frames, ssim(film, one)
    best = min(ours)
    return [
        Row("last chunk stored → film on S3, 30 s", best, "s", aim="≤ 1.0", is_met=best <= 1.0),
        Row("the whole Dagster run of stitching", min(whole), "s"),
        Row("one xfade encode, same settings", min(theirs), "s", ratio=min(theirs) / best,
            aim="≥ 6 ×", is_met=min(theirs) / best >= 6),
        Row("SSIM against that encode", likeness, "", aim="≥ 0.99", is_met=likeness >= 0.99),
        Row("frames of the film", frames, "", aim="720", is_met=frames == 720),
    ]  # fmt: skip


def _dissolving(target: Path) -> Path:
    """The example with a dissolve between all of its beats: one `xfade` chain can make it."""
    shutil.copytree(EXAMPLE, target)
    manifest = json.loads((EXAMPLE / "animatic.json").read_text())
    manifest["continuity"] = "film"
    manifest["transitions"] = [{"type": "dissolve", "duration": 0.5}] * (len(manifest["beats"]) - 1)
    (target / "animatic.json").write_text(json.dumps(manifest))
    return target


@contextmanager
def put_times() -> Iterator[dict[str, float]]:
    """When each object was on S3, by its key; S3's own times are whole seconds."""
    times: dict[str, float] = {}
    put_file, copy = ObjectStore.put_file, ObjectStore.copy

    def put(store: ObjectStore, key: str, *args: Any, **kwargs: Any) -> StoredObject:
        stored = put_file(store, key, *args, **kwargs)
        times[key] = time.time()
        return stored

    def copied(store: ObjectStore, stored: StoredObject, key: str, *args: Any) -> StoredObject:
        stored = copy(store, stored, key, *args)
        times[key] = time.time()
        return stored

    ObjectStore.put_file = put  # type: ignore[method-assign]  # for as long as the block lasts
    ObjectStore.copy = copied  # type: ignore[method-assign]
    try:
        yield times
    finally:
        ObjectStore.put_file, ObjectStore.copy = put_file, copy  # type: ignore[method-assign]
