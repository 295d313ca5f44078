"""What is stored of a film, beside what its plan asks for."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from chunk_assets.errors import Damaged, NotStored, StorageError
from chunk_assets.film.fingerprints import clip_fingerprint, composite_fingerprint, digest
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import FilmPlan
from chunk_assets.film.records import ClipRecord, CompositeRecord
from chunk_assets.planning.timeline import plan_joins
from chunk_assets.schemas import ChunkGenerationOutput, ChunkSpec
from chunk_assets.storage.objects import content_version
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject

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
        keeps_clip: Whether the clip stays although the chunk is stale: what is missing or damaged
            is made again from what is stored, at no cost.
        is_damaged: Whether something stored of the chunk is not what was written.
    """

    spec: ChunkSpec
    state: State
    reason: str = ""
    clip: ClipRecord | None = None
    stored: StoredObject | None = None
    keeps_clip: bool = False
    is_damaged: bool = False


def inspect(plan: FilmPlan, store: ObjectStore) -> Iterator[ChunkState]:
    """The state of each planned chunk, in order.

    A clip is judged with the generator and the weights it was made with. Staleness is told of the
    chunk where it begins: the chunks behind it follow once that one is rendered again. Damage is
    told from the objects' headers; see `ObjectStore.damage`.
    """
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="inspecting") as pool:
        yield from pool.map(lambda spec: _state(spec, store), plan.specs)


def _state(spec: ChunkSpec, store: ObjectStore) -> ChunkState:
    stored = FilmObjects(store, spec.video_id).clip(spec.chunk_num).head()
    if stored is None:
        return ChunkState(spec, "missing")
    damage = store.damage(stored)
    try:
        clip = ClipRecord.of(stored)
    except StorageError:
        foreign = "not written by chunk_assets"
        return ChunkState(spec, "stale", foreign, stored=stored, is_damaged=True)
    if damage:
        reason = f"its clip is damaged: {damage}"
        return ChunkState(spec, "stale", reason, clip, stored, is_damaged=True)
    found = _why_stale(spec, clip, stored, store)
    if not found.reason:
        return ChunkState(spec, "fresh", "", clip, stored)
    return ChunkState(spec, "stale", found.reason, clip, stored, found.keeps_clip, found.is_damaged)


@dataclass(frozen=True)
class _Found:
    """Why a chunk is stale; see `ChunkState`."""

    reason: str = ""
    keeps_clip: bool = False
    is_damaged: bool = False


def _why_stale(
    spec: ChunkSpec, clip: ClipRecord, stored_clip: StoredObject, store: ObjectStore
) -> _Found:
    objects, number = FilmObjects(store, spec.video_id), spec.chunk_num
    found = _Found()
    # What only has to be made again does not hide what costs a new clip: that is looked for below.
    frame = objects.last_frame(number).head()
    damage = "" if frame is None else _frame_damage(frame, stored_clip, clip, store)
    if damage:
        found = _Found(f"its last frame is damaged: {damage}", bool(clip.last_frame), True)
    version = None
    if not spec.begins_anew:
        version = _version_before(objects, number - 1)
        if version is None:
            return _Found(f"the last frame of chunk {number - 1} is missing")
    stored = objects.composite(number).head()
    pixels = clip.composite
    if stored is None:
        found = _Found("its composite is missing", bool(pixels))
    elif (damage := store.damage(stored)) or not (composite := _composite_record(stored)):
        why = damage or "its record is damaged"
        found = _Found(f"its composite is damaged: {why}", bool(pixels), True)
    else:
        pixels = composite.pixels
        if composite_fingerprint(spec, version, composite.used_weights) != composite.fingerprint:
            changed = _changed(spec, store, _OF_THE_COMPOSITE)
            return _Found(changed or f"chunk {number - 1} now ends on a different frame")
    if pixels and clip_fingerprint(spec, pixels, clip.generator, clip.model) != clip.fingerprint:
        return _Found(_changed(spec, store, _OF_THE_CLIP) or "its composite changed")
    return found


def _frame_damage(
    frame: StoredObject, stored_clip: StoredObject, clip: ClipRecord, store: ObjectStore
) -> str:
    if damage := store.damage(frame):
        return damage
    is_of_the_clip = frame.record.get("clip") == stored_clip.sha256
    if is_of_the_clip and clip.last_frame not in ("", frame.record.get("pixels")):
        return "its record does not fit the clip"
    return ""


def _version_before(objects: FilmObjects, number: int) -> str | None:
    """The version of a chunk's last frame: that of the clip it is taken from where it is lost."""
    frame = objects.last_frame(number).head()
    if frame is not None and not objects.store.damage(frame):
        return content_version(frame)
    clip = objects.clip(number).head()
    return (clip.record.get("last-frame") or None) if clip is not None else None


def _composite_record(stored: StoredObject) -> CompositeRecord | None:
    try:
        return CompositeRecord.of(stored)
    except StorageError:
        return None


def _changed(spec: ChunkSpec, store: ObjectStore, fields: tuple[str, ...]) -> str:
    """Which fields differ between the stored spec and the plan's, in words."""
    try:
        before, _ = FilmObjects(store, spec.video_id).spec(spec.chunk_num).read_json(ChunkSpec)
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
    """What the stored film was made of, None where there is none that is whole."""
    objects = FilmObjects(store, video_id)
    film = objects.film().head()
    if film is None or store.damage(film):
        return None
    try:
        return objects.output().read_json(ChunkGenerationOutput)[0]
    except (NotStored, Damaged):
        return None
