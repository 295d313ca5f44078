"""What is stored of a film, beside what its plan asks for."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from chunk_assets.chain.film_plan import FilmPlan
from chunk_assets.chain.fingerprints import clip_fingerprint, composite_fingerprint, digest
from chunk_assets.chain.records import ClipRecord, CompositeRecord
from chunk_assets.errors import NotStored, StorageError
from chunk_assets.planning import plan_joins
from chunk_assets.schemas import ChunkGenerationOutput, ChunkSpec
from chunk_assets.storage import keys
from chunk_assets.storage.objects import content_version, read_json
from chunk_assets.storage.store import ObjectStore, StoredObject

_AT_ONCE = 8
"""Requests to S3 at a time."""

State = Literal["fresh", "stale", "missing"]

_OF_THE_CLIP = (
    "prompt",
    "negative_prompt",
    "camera_movement",
    "num_frames",
    "fps",
    "size",
)
_OF_THE_COMPOSITE = ("animatic_frame_version", "style_guide_version", "size", "opens_scene")


@dataclass(frozen=True)
class ChunkState:
    """One chunk: whether its clip is what would be rendered now, and why not.

    Attributes:
        reason: Why it is stale, in words; empty otherwise.
        clip: What the stored clip was made from and cost; None where it is missing or foreign.
    """

    spec: ChunkSpec
    state: State
    reason: str = ""
    clip: ClipRecord | None = None
    stored: StoredObject | None = None


def inspect(plan: FilmPlan, store: ObjectStore) -> Iterator[ChunkState]:
    """The state of each planned chunk, in order.

    A clip is judged with the generator and the weights it was made with. Staleness is told of the
    chunk where it begins: the chunks behind it follow once that one is rendered again.
    """
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="inspecting") as pool:
        yield from pool.map(lambda spec: _state(spec, store), plan.specs)


def _state(spec: ChunkSpec, store: ObjectStore) -> ChunkState:
    stored = store.head(keys.chunk_video(spec.video_id, spec.chunk_num))
    if stored is None:
        return ChunkState(spec, "missing")
    try:
        clip = ClipRecord.of(stored)
    except StorageError:
        return ChunkState(spec, "stale", "not written by chunk_assets", stored=stored)
    reason = _why_stale(spec, clip, store)
    return ChunkState(spec, "stale" if reason else "fresh", reason, clip, stored)


def _why_stale(spec: ChunkSpec, clip: ClipRecord, store: ObjectStore) -> str:
    film, number = spec.video_id, spec.chunk_num
    stored = store.head(keys.composite(film, number))
    if stored is None:
        return "its composite is missing"
    composite = CompositeRecord.of(stored)
    previous = None if spec.begins_anew else store.head(keys.last_frame(film, number - 1))
    if not spec.begins_anew and previous is None:
        return f"the last frame of chunk {number - 1} is missing"
    version = content_version(previous) if previous else None
    if composite_fingerprint(spec, version, composite.used_weights) != composite.fingerprint:
        changed = _changed(spec, store, _OF_THE_COMPOSITE)
        return changed or f"chunk {number - 1} ends in another frame"
    if clip_fingerprint(spec, composite.pixels, clip.generator, clip.model) != clip.fingerprint:
        return _changed(spec, store, _OF_THE_CLIP) or "its composite changed"
    return ""


def _changed(spec: ChunkSpec, store: ObjectStore, fields: tuple[str, ...]) -> str:
    """Which fields differ between the stored spec and the plan's, in words."""
    try:
        before, _ = read_json(store, keys.chunk_spec(spec.video_id, spec.chunk_num), ChunkSpec)
    except StorageError:
        return ""
    differing = [
        name.removesuffix("_version").replace("_", " ")
        for name in fields
        if getattr(before, name) != getattr(spec, name)
    ]
    return f"changed: {', '.join(differing)}" if differing else ""


def film_fingerprint(plan: FilmPlan, clips: list[StoredObject]) -> str:
    """What a film is stitched from: its clips, in order, and how they are joined."""
    joins = [(join.kind, join.frames) for join in plan_joins(plan.animatic, plan.specs)]
    return digest({"clips": [clip.sha256 for clip in clips], "joins": joins})


def stored_film(store: ObjectStore, video_id: str) -> ChunkGenerationOutput | None:
    """What the stored film was made of, None where there is none."""
    if store.head(keys.stitched_video(video_id)) is None:
        return None
    try:
        return read_json(store, keys.output(video_id), ChunkGenerationOutput)[0]
    except NotStored:
        return None
