"""Stitch a film from its stored clips."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from chunk_assets.errors import MediaError, NotStored
from chunk_assets.film.clip_damage import check_clip
from chunk_assets.film.plan import FilmPlan
from chunk_assets.film.seams import Seams
from chunk_assets.media.frames import probe
from chunk_assets.media.stitching import PreparedSeam, Segment, stitch
from chunk_assets.media.stream_signature import StreamSignature
from chunk_assets.planning.timeline import plan_joins
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.objects import read_video
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject

_AT_ONCE = 4
"""Clips fetched and measured concurrently."""


def stitch_film(
    plan: FilmPlan, clips: Mapping[int, StoredObject], store: ObjectStore, workdir: Path
) -> Path:
    """Stitch a film from its chunks' clips.

    Args:
        plan: The film; its manifest says how one beat becomes the next.
        clips: The stored clips by chunk number; those beyond the plan are ignored.
        store: The bucket; seams that are not stored yet are stored there.
        workdir: An existing directory for the clips and the film.

    Returns:
        The film's path: an MP4 of exactly the planned frames.

    Raises:
        NotStored: A planned chunk's clip is not stored.
        Damaged: A clip cannot be decoded, or is not what its record says.
        MediaError: A clip does not fit the plan, or the film could not be made.
    """
    missing = [spec.chunk_num for spec in plan.specs if spec.chunk_num not in clips]
    if missing:
        listed = ", ".join(map(str, missing))
        raise NotStored(
            f"film {plan.video_id!r} cannot be stitched: of its {len(plan.specs)} chunks, "
            f"{listed} {'is' if len(missing) == 1 else 'are'} not stored; materialize "
            f"{'it' if len(missing) == 1 else 'them'} first",
            missing=missing,
        )
    stored = [clips[spec.chunk_num] for spec in plan.specs]
    try:
        return _stitch(plan, stored, store, workdir)
    except MediaError:
        for clip, spec in zip(stored, plan.specs, strict=True):
            path = _path(workdir, spec)
            if not path.exists():
                read_video(store, clip, path)
            check_clip(store, clip, path, spec)
        raise


def _stitch(plan: FilmPlan, clips: list[StoredObject], store: ObjectStore, workdir: Path) -> Path:
    seams = Seams(plan, store)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fetching") as pool:
        prepared = pool.submit(seams.fetch, clips, workdir)
        segments = list(pool.map(partial(_segment, store, workdir), clips, plan.specs))
    film = workdir / "stitched.mp4"

    def stitch_with(stored_seams: Mapping[int, PreparedSeam]) -> None:
        stitch(
            segments,
            plan_joins(plan.animatic, plan.specs),
            film,
            fps=plan.animatic.fps,
            size=plan.animatic.resolution,
            workdir=workdir,
            seams=stored_seams,
            on_seam=lambda number, seam: seams.put(number, seam, clips[number - 1], clips[number]),
        )

    stored_seams = prepared.result()
    try:
        stitch_with(stored_seams)
    except MediaError:
        if not stored_seams:
            raise
        stitch_with({})  # a stored seam is damaged: all are made again
    return film


def _segment(store: ObjectStore, workdir: Path, clip: StoredObject, spec: ChunkSpec) -> Segment:
    """Fetch a clip. Its format is in its record; older clips are measured."""
    path = _path(workdir, spec)
    read_video(store, clip, path)
    signature = StreamSignature.read(clip.record.get("form", "")) or StreamSignature.of(probe(path))
    measured = (signature.frames, signature.fps, *signature.size)
    planned = (spec.num_frames, spec.fps, *spec.size)
    if measured != planned:
        raise MediaError(
            f"the clip of chunk {spec.chunk_num} of film {spec.video_id!r} has "
            f"{_shape(*measured)}, its plan {_shape(*planned)}: materialize it again",
            measured=_shape(*measured),
            planned=_shape(*planned),
        )
    return Segment(path, spec.overlap_frames, spec.num_frames, signature)


def _path(workdir: Path, spec: ChunkSpec) -> Path:
    return workdir / f"clip_{spec.chunk_num:02d}.mp4"


def _shape(frames: object, fps: object, width: object, height: object) -> str:
    return f"{frames} frames at {fps} fps of {width}x{height}"
