"""The state of each planned chunk: whether its stored clip is still up to date."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

from chunk_assets.errors import StorageError
from chunk_assets.film.choices import read_choices
from chunk_assets.film.fingerprints import clip_fingerprint, composite_fingerprint
from chunk_assets.film.lost_records import take_of_lost_record
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import FilmPlan
from chunk_assets.film.records import ClipRecord, CompositeRecord
from chunk_assets.film.take_records import Acceptance
from chunk_assets.film.takes import StoredTake, Takes, interrupted_choice
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.objects import content_version
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject

_AT_ONCE = 8
"""Concurrent requests to S3."""

State = Literal["fresh", "stale", "missing"]

_CLIP_FIELDS = (
    "prompt",
    "negative_prompt",
    "camera_movement",
    "num_frames",
    "fps",
    "size",
    "end_frame_version",
    "reference_versions",
)
_COMPOSITE_FIELDS = (
    "animatic_frame_version",
    "style_guide_version",
    "size",
    "opens_scene",
    "has_key_picture",
    "is_unblended",
)


@dataclass(frozen=True)
class ChunkState:
    """The state of one chunk.

    Attributes:
        spec: The chunk as planned now.
        state: Whether its clip is up to date, out of date or missing.
        reason: Why it is stale; empty otherwise.
        clip: The stored clip's record; None if there is no clip, or chunk_assets did not make it.
        stored: The stored clip.
        keeps_clip: Whether a stale chunk's clip stays, because what is missing or damaged can be
            made again at no cost.
        is_damaged: Whether one of the chunk's objects is damaged.
        accepted: Who accepted the clip although its inputs changed, and when; None if it is up to
            date without that.
    """

    spec: ChunkSpec
    state: State
    reason: str = ""
    clip: ClipRecord | None = None
    stored: StoredObject | None = None
    keeps_clip: bool = False
    is_damaged: bool = False
    accepted: Acceptance | None = None


def chunk_states(plan: FilmPlan, store: ObjectStore) -> Iterator[ChunkState]:
    """Compare each planned chunk with what is stored of it, in order.

    A clip is compared using the generator and the weights it was made with. Only the first chunk
    of a changed sequence is stale: rendering it may change the chunks after it. Damage is detected
    from the objects' headers; see `ObjectStore.damage`.
    """
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="chunk states") as pool:
        yield from pool.map(lambda spec: _state(spec, store), plan.specs)


def clip_records(states: Iterable[ChunkState]) -> dict[int, ClipRecord]:
    """Return the records of the stored clips, by chunk number."""
    return {state.spec.chunk_num: state.clip for state in states if state.clip}


def _state(spec: ChunkSpec, store: ObjectStore) -> ChunkState:
    objects = FilmObjects(store, spec.video_id)
    stored = objects.clip(spec.chunk_num).head()
    if stored is None:
        return ChunkState(spec, "missing")
    damage = store.damage(stored)
    try:
        clip = ClipRecord.of(stored)
    except StorageError:
        take = take_of_lost_record(Takes(objects, spec.chunk_num), stored)
        if take is not None:
            lost = "its clip is damaged: its record is missing"
            return _restorable(spec, lost, take, stored, objects)
        foreign = "not written by chunk_assets"
        return ChunkState(spec, "stale", foreign, stored=stored, is_damaged=True)
    if damage:
        reason = f"its clip is damaged: {damage}"
        sha256 = stored.sha256
        take = Takes(objects, spec.chunk_num).latest(lambda one: one.clip.sha256 == sha256)
        if take is not None:
            return _restorable(spec, reason, take, stored, objects)
        return ChunkState(spec, "stale", reason, clip, stored, is_damaged=True)
    found = _staleness(spec, clip, stored, objects)
    if not found.reason:
        return ChunkState(spec, "fresh", "", clip, stored, accepted=found.accepted)
    return ChunkState(spec, "stale", found.reason, clip, stored, found.keeps_clip, found.is_damaged)


def _restorable(
    spec: ChunkSpec, reason: str, take: StoredTake, stored: StoredObject, objects: FilmObjects
) -> ChunkState:
    """Return the state of a chunk whose clip is damaged, but is intact as a take."""
    found = _staleness(spec, take.record, take.clip, objects)
    is_kept = not found.reason or found.keeps_clip
    return ChunkState(spec, "stale", reason, take.record, stored, is_kept, is_damaged=True)


@dataclass(frozen=True)
class _Staleness:
    """Why a chunk is stale, if it is; see `ChunkState`."""

    reason: str = ""
    keeps_clip: bool = False
    is_damaged: bool = False
    accepted: Acceptance | None = None


def _staleness(
    spec: ChunkSpec, clip: ClipRecord, stored_clip: StoredObject, objects: FilmObjects
) -> _Staleness:
    store, number = objects.store, spec.chunk_num
    found = _Staleness()
    # A reason that keeps the clip must not hide one below that requires a new clip.
    frame = objects.last_frame(number).head()
    if frame is not None and frame.record.get("clip") != stored_clip.sha256:
        take = interrupted_choice(Takes(objects, number), stored_clip, frame)
        if take is not None:
            return _Staleness(f"the choice of take {take.number} was interrupted", True)
    damage = "" if frame is None else _frame_damage(frame, stored_clip, clip, store)
    if damage:
        found = _Staleness(f"its last frame is damaged: {damage}", bool(clip.last_frame), True)
    version = None
    if not spec.starts_chain:
        version = _last_frame_version(objects, number - 1)
        if version is None:
            return _Staleness(f"the last frame of chunk {number - 1} is missing")
    stored = objects.composite(number).head()
    pixels = clip.composite
    if stored is None:
        found = _Staleness("its composite is missing", bool(pixels))
    elif (damage := store.damage(stored)) or not (composite := _composite_record(stored)):
        why = damage or "its record is damaged"
        found = _Staleness(f"its composite is damaged: {why}", bool(pixels), True)
    else:
        pixels = composite.pixels
        if composite_fingerprint(spec, version, composite.used_weights) != composite.fingerprint:
            changed = _changed(spec, objects, _COMPOSITE_FIELDS)
            return _Staleness(changed or f"chunk {number - 1} now ends on a different frame")
    wanted = clip_fingerprint(spec, pixels, clip.generator, clip.model) if pixels else ""
    if wanted and wanted != clip.fingerprint:
        choices = read_choices(objects, number)
        if choices.accepts(stored_clip.sha256, wanted):
            return replace(found, accepted=choices.accepted)
        # After an acceptance the stored spec is today's, so what changed in it is not known.
        why = "its spec changed" if pixels == clip.composite else "its composite changed"
        return _Staleness(_changed(spec, objects, _CLIP_FIELDS) or why)
    return found


def _frame_damage(
    frame: StoredObject, stored_clip: StoredObject, clip: ClipRecord, store: ObjectStore
) -> str:
    if damage := store.damage(frame):
        return damage
    is_of_the_clip = frame.record.get("clip") == stored_clip.sha256
    if is_of_the_clip and clip.last_frame not in ("", frame.record.get("pixels")):
        return "its record does not match the clip's"
    return ""


def _last_frame_version(objects: FilmObjects, number: int) -> str | None:
    """The version of a chunk's last frame; if that is lost, the one in its clip's record."""
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


def _in_words(field: str) -> str:
    """Return the name of a spec's field as a person reads it."""
    name = field.removeprefix("has_").removeprefix("is_")
    return name.removesuffix("_version").removesuffix("_versions").replace("_", " ")


def _changed(spec: ChunkSpec, objects: FilmObjects, fields: tuple[str, ...]) -> str:
    """Name the fields in which the stored spec differs from the planned one."""
    try:
        before, _ = objects.spec(spec.chunk_num).read_json(ChunkSpec)
    except StorageError:
        return ""
    differing = [_in_words(name) for name in fields if getattr(before, name) != getattr(spec, name)]
    return f"changed: {', '.join(differing)}" if differing else ""
