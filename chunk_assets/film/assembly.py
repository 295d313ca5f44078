"""The film: a film's stored clips, stitched."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from chunk_assets.errors import MediaError, NotStored
from chunk_assets.film.clip_damage import check_clip
from chunk_assets.film.plan import FilmPlan
from chunk_assets.film.seams import Seams
from chunk_assets.media.frames import probe
from chunk_assets.media.stitching import PreparedSeam, Segment, stitch
from chunk_assets.media.stream_signature import Form
from chunk_assets.planning.timeline import plan_joins
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject

Fetch = Callable[[Path], Path]

_AT_ONCE = 4
"""Clips that are fetched and measured at a time."""


@dataclass(frozen=True)
class StoredClip:
    """One chunk's clip on S3, and how to get it onto disk."""

    stored: StoredObject
    fetch: Fetch


def stitch_film(
    plan: FilmPlan, clips: Mapping[int, StoredClip], store: ObjectStore, workdir: Path
) -> Path:
    """Stitch a film from its chunks' clips.

    Args:
        plan: The film; its manifest says how one beat becomes the next.
        clips: The stored clips by chunk number; those beyond the plan are left aside.
        store: Where seams lie prepared, and go that are not.
        workdir: An existing directory; the clips are fetched into it, and the film is made there.

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
    try:
        return _stitched(plan, clips, store, workdir)
    except MediaError:
        for spec in plan.specs:
            clip, path = clips[spec.chunk_num], _path(workdir, spec)
            check_clip(store, clip.stored, path if path.exists() else clip.fetch(path), spec)
        raise


def _stitched(
    plan: FilmPlan, clips: Mapping[int, StoredClip], store: ObjectStore, workdir: Path
) -> Path:
    stored = [clips[spec.chunk_num].stored for spec in plan.specs]
    seams = Seams(plan, store)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fetching") as pool:
        prepared = pool.submit(seams.fetch, stored, workdir)
        segments = list(pool.map(lambda spec: _segment(clips, spec, workdir), plan.specs))
    film = workdir / "stitched.mp4"

    def stitched(seams_at_hand: Mapping[int, PreparedSeam]) -> None:
        stitch(
            segments,
            plan_joins(plan.animatic, plan.specs),
            film,
            fps=plan.animatic.fps,
            size=plan.animatic.resolution,
            workdir=workdir,
            seams=seams_at_hand,
            on_seam=lambda number, seam: seams.put(
                number, seam, stored[number - 1], stored[number]
            ),
        )

    at_hand = prepared.result()
    try:
        stitched(at_hand)
    except MediaError:
        if not at_hand:
            raise
        stitched({})  # a seam is not what its record says: each is made again
    return film


def _segment(clips: Mapping[int, StoredClip], spec: ChunkSpec, workdir: Path) -> Segment:
    """One clip, fetched; measured where that was not done when it was stored."""
    clip = clips[spec.chunk_num]
    path = clip.fetch(_path(workdir, spec))
    form = Form.read(clip.stored.record.get("form", "")) or Form.of(probe(path))
    measured = (form.frames, form.fps, *form.size)
    planned = (spec.num_frames, spec.fps, *spec.size)
    if measured != planned:
        raise MediaError(
            f"the clip of chunk {spec.chunk_num} of film {spec.video_id!r} has "
            f"{_shape(*measured)}, planned are {_shape(*planned)}: materialize it again",
            measured=_shape(*measured),
            planned=_shape(*planned),
        )
    return Segment(path, spec.overlap_frames, spec.num_frames, form)


def _path(workdir: Path, spec: ChunkSpec) -> Path:
    return workdir / f"clip_{spec.chunk_num:02d}.mp4"


def _shape(frames: object, fps: object, width: object, height: object) -> str:
    return f"{frames} frames at {fps} fps of {width}x{height}"
