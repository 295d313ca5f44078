"""Tasks of the finishing queue: they keep new clips as takes, and choose takes."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chunk_assets.errors import Damaged, NotStored, StorageError
from chunk_assets.files.digests import file_digest
from chunk_assets.film.colour_record import colour_record
from chunk_assets.film.fingerprints import clip_fingerprint, composite_fingerprint, used_weights
from chunk_assets.film.records import ClipRecord, FrameRecord
from chunk_assets.film.take_records import (
    CLIP,
    FRAME,
    MOVING,
)
from chunk_assets.film.takes import StoredTake, Takes, publish
from chunk_assets.media.clips import ClipFormat, normalise
from chunk_assets.media.frames import VideoInfo, probe
from chunk_assets.media.images import save_png
from chunk_assets.media.originals import measure_original
from chunk_assets.media.sampling import sample_frames
from chunk_assets.media.stream_signature import StreamSignature
from chunk_assets.render.context import RenderContext
from chunk_assets.render.files import LocalFile, Picture
from chunk_assets.render.finishing_queue import Objects
from chunk_assets.render.made import ChosenClip, ClipInputs, Made
from chunk_assets.render.originals import take_record, write_record
from chunk_assets.render.previews import MOVING_FRAMES, MOVING_WIDTH, moving_preview
from chunk_assets.render.request import ChunkObject
from chunk_assets.schemas import ChunkSpec


@dataclass(frozen=True)
class _Normalised:
    """A clip in the film's format."""

    path: Path
    info: VideoInfo
    held_frames: int = 0
    hdr: str = ""


def store_take(
    context: RenderContext,
    made: Made,
    takes: Takes,
    on_normalised: Callable[[ChunkSpec, Path], None] | None = None,
) -> Objects:
    """Store a new clip as a take, and choose it.

    Args:
        context: The walk.
        made: The clip.
        takes: The chunk's takes.
        on_normalised: Called with the clip in the film's format before it is stored.

    Raises:
        MediaError: The clip cannot be normalised.
        StorageError: S3 does not accept an object.
    """
    if made.chosen is not None:
        takes.adopt(made.chosen.stored, made.chosen.record)  # first: it is older than this take
    kept = keep_take(context, made, on_normalised)
    return _chosen(
        context,
        made.inputs.spec,
        kept.take,
        made.inputs.versions,
        file=LocalFile(kept.path),
        frame=made.frame,
        moving=kept.moving,
        details=made.clip.details,
    )


@dataclass(frozen=True)
class KeptTake:
    """A new take that is stored.

    Attributes:
        take: The take.
        path: Its clip in the film's format, on this machine.
        moving: Its moving preview.
    """

    take: StoredTake
    path: Path
    moving: bytes


def keep_take(
    context: RenderContext,
    made: Made,
    on_normalised: Callable[[ChunkSpec, Path], None] | None = None,
) -> KeptTake:
    """Store a new clip as a take, in the film's format, without choosing it.

    Raises:
        MediaError: The clip cannot be normalised.
        StorageError: S3 does not accept an object.
    """
    spec, number = made.inputs.spec, made.inputs.spec.chunk_num
    clip = _normalised(context, made)
    if on_normalised is not None:
        on_normalised(spec, clip.path)
    of_clip = FrameRecord(clip=file_digest(clip.path), pixels=made.frame.version)
    path = save_png(made.frame.load(), made.frame.file.path)
    frame = context.objects.take(number, made.take, FRAME).write_image(path, of_clip.as_metadata())
    record = _record(context, made, clip)
    ref = context.objects.take(number, made.take, CLIP)
    stored = ref.write_video(clip.path, record.as_metadata())
    pictures = made.preview_frames.pictures(MOVING_WIDTH) or sample_frames(
        clip.path, spec.num_frames, MOVING_FRAMES, MOVING_WIDTH
    )
    moving = moving_preview(pictures, float(spec.fps.seconds(spec.num_frames)))
    context.store.put_bytes(
        context.objects.take(number, made.take, MOVING).key, moving, "image/webp"
    )
    if made.clip.is_normalised:  # the clip is its own original
        original = measure_original(clip.path)
        write_record(context, number, take_record(context, made), stored, original)
    return KeptTake(StoredTake(made.take, stored, frame, record), clip.path, moving)


def choose_take(
    context: RenderContext,
    spec: ChunkSpec,
    take: StoredTake,
    frame: Picture,
    takes: Takes,
    chosen: ChosenClip | None,
    inputs: Mapping[str, str | None],
) -> Objects:
    """Make a stored take the chosen one.

    Args:
        context: The walk.
        spec: The chunk.
        take: The take to choose.
        frame: Its last frame.
        takes: The chunk's takes.
        chosen: The clip of the take that was chosen before, if it is intact.
        inputs: What the take was made from, by asset.

    Raises:
        StorageError: S3 refuses a copy.
    """
    number, moving = spec.chunk_num, b""
    if chosen is not None:
        takes.adopt(chosen.stored, chosen.record)
    with suppress(NotStored, Damaged):  # a take from before takes were kept has none
        moving, _ = context.store.get_bytes(context.objects.take(number, take.number, MOVING).key)
    return _chosen(
        context,
        spec,
        take,
        inputs,
        file=context.files.stored_file(number, take.clip),
        frame=frame,
        moving=moving,
    )


def _chosen(
    context: RenderContext,
    spec: ChunkSpec,
    take: StoredTake,
    inputs: Mapping[str, str | None],
    *,
    file: LocalFile,
    frame: Picture,
    moving: bytes,
    details: Mapping[str, str | int | float] | None = None,
) -> Objects:
    """Copy a take to where the film takes it from, and return the chunk's clip and last frame."""
    clip, last_frame = publish(context.objects, spec.chunk_num, take)
    objects = [
        ChunkObject(
            "chunk_videos",
            spec,
            clip,
            inputs,
            file,
            moving=moving,
            take_key=take.clip.key,
            details=details or {},
        ),
        ChunkObject(
            "last_frames",
            spec,
            last_frame,
            {"chunk_videos": clip.sha256},
            frame.file,
            [frame.load()],
            take_key=take.frame.key,
        ),
    ]
    return objects if context.makes("last_frames") else objects[:1]


def _normalised(context: RenderContext, made: Made) -> _Normalised:
    """Bring a clip to the film's format, unless it has it."""
    spec, path = made.inputs.spec, made.clip.path
    if made.clip.is_normalised:
        return _Normalised(path, probe(path))
    target = made.directory / "clip.mp4"
    form = ClipFormat(spec.num_frames, spec.fps, spec.size, spec.keyframes)
    used = made.end.used_seconds if made.end else None
    clip = normalise(path, target, form, used, is_stretched=used is not None)
    hdr = clip.source.hdr or ""
    if hdr:
        what = f"chunk {spec.chunk_num} is HDR ({hdr})"
        context.listener.noticed(f"{what} and is tone-mapped to bt709")
    return _Normalised(target, clip.info, clip.held_frames, hdr)


def _record(context: RenderContext, made: Made, clip: _Normalised) -> ClipRecord:
    """Return the record of a new clip."""
    spec, generated = made.inputs.spec, made.clip
    name = context.generator.name
    spent = generated.spent_usd  # the ledger's sum
    if spent is None:  # a generator without a ledger
        spent = generated.cost_usd + (made.chosen.record.spent_usd if made.chosen else 0.0)
    weights = used_weights(spec, context.request.weights)
    temporal = 0.0 if spec.starts_chain else weights.temporal
    if made.end is None:
        compared, before = made.inputs.composite.load(), _clip_before(context, spec)
    else:  # it ends on another picture than it begins with
        compared, before = made.end.image, None
    colours = colour_record(spec, compared, made.frame.load(), temporal, before)
    return ClipRecord(
        fingerprint=clip_fingerprint(spec, made.inputs.composite.version, name, made.model),
        generator=name,
        model=made.model,
        made_by=generated.made_by,
        seed=made.seed,
        take=made.take,
        root_run=context.request.root_run,
        cost_usd=generated.cost_usd,
        spent_usd=spent,
        seconds=round(made.seconds, 3),
        composite=made.inputs.composite.version,
        composite_from=_composite_from(context, made.inputs),
        spec=made.inputs.spec_version,
        last_frame=made.frame.version,
        held_frames=clip.held_frames,
        tone_mapped=clip.hdr,
        form=str(StreamSignature.of(clip.info)),
        **_ending_record(made),
        **colours,
    )


def _ending_record(made: Made) -> dict[str, str]:
    """Return the fields of a clip's record that say how it comes to its end picture."""
    if made.end is None or made.end.used_seconds is None:
        return {}
    spec = made.inputs.spec
    speed = made.end.used_seconds / spec.fps.seconds(spec.num_frames)
    return {"speed": f"{float(speed):.3f}", "end_held": f"{float(made.end.held_seconds):.3f}"}


def _composite_from(context: RenderContext, inputs: ClipInputs) -> str:
    """Return the fingerprint of what a clip's composite was made from."""
    version = inputs.previous.version if inputs.previous else None
    return inputs.composite_from or composite_fingerprint(
        inputs.spec, version, context.request.weights
    )


def _clip_before(context: RenderContext, spec: ChunkSpec) -> ClipRecord | None:
    """Return the record of the chunk before; None if there is none to compare colours with."""
    if spec.starts_chain:
        return None
    stored = context.objects.clip(spec.chunk_num - 1).head()
    with suppress(StorageError):  # another program's clip has no record
        return ClipRecord.of(stored) if stored else None
    return None
