"""Tasks of the finishing queue: they normalise clips and store the objects of a chunk."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chunk_assets.errors import StorageError
from chunk_assets.files.digests import file_digest
from chunk_assets.film.colour_record import colour_record
from chunk_assets.film.fingerprints import clip_fingerprint, composite_fingerprint
from chunk_assets.film.records import ClipRecord, CompositeRecord, FrameRecord
from chunk_assets.generation.base import GeneratedClip
from chunk_assets.media.clips import ClipFormat, normalise
from chunk_assets.media.frames import VideoInfo, probe
from chunk_assets.media.images import save_png
from chunk_assets.media.preview_frames import PreviewFrames
from chunk_assets.media.stream_signature import StreamSignature
from chunk_assets.render.context import RenderContext
from chunk_assets.render.files import LocalFile, Picture
from chunk_assets.render.finishing_queue import Objects
from chunk_assets.render.previews import MOVING_WIDTH
from chunk_assets.render.request import ChunkObject
from chunk_assets.schemas import ChunkSpec


@dataclass(frozen=True)
class Made:
    """A new clip as its generator delivered it, and its inputs.

    Attributes:
        spec: The chunk.
        spec_version: The version of its stored spec.
        composite: The picture it was conditioned on.
        clip: The clip.
        frame: Its last frame.
        preview_frames: Some of the frames before the last one.
        model: The generator's model and its version.
        seed: The take's seed.
        take: The take's number.
        before: The record of the clip it replaces, if there is one.
        seconds: How long the generator took.
    """

    spec: ChunkSpec
    spec_version: str
    composite: Picture
    clip: GeneratedClip
    frame: Picture
    preview_frames: PreviewFrames
    model: str
    seed: int
    take: int
    before: ClipRecord | None
    seconds: float


@dataclass(frozen=True)
class _Normalised:
    """A clip in the film's format."""

    path: Path
    info: VideoInfo
    held_frames: int = 0
    hdr: str = ""


def store_spec(context: RenderContext, spec: ChunkSpec) -> Objects:
    """Store a chunk's spec."""
    stored = context.objects.spec(spec.chunk_num).write_json(spec)
    file = context.files.animatic_file(spec.animatic_frame_url)
    return [ChunkObject("chunk_specs", spec, stored, {"animatics": context.plan.version}, file)]


def composite_inputs(spec_version: str, previous: Picture | None) -> Mapping[str, str | None]:
    """Return the inputs of a composite, by asset."""
    version = previous.version if previous else None
    return {"chunk_specs": spec_version, "previous_last_frames": version}


def store_composite(
    context: RenderContext,
    spec: ChunkSpec,
    spec_version: str,
    composite: Picture,
    previous: Picture | None,
) -> Objects:
    """Store a new composite, compressed; the generator reads the uncompressed file."""
    image, weights = composite.load(), context.request.weights
    path = context.files.directory(spec.chunk_num) / "stored_composite.png"
    inputs = composite_inputs(spec_version, previous)
    record = CompositeRecord(
        fingerprint=composite_fingerprint(spec, inputs["previous_last_frames"], weights),
        pixels=composite.version,
        weights=str(weights),
    )
    ref = context.objects.composite(spec.chunk_num)
    stored = ref.write_image(save_png(image, path), record.as_metadata())
    return [ChunkObject("composites", spec, stored, inputs, LocalFile(path), [image])]


def clip_inputs(spec_version: str, composite: Picture) -> Mapping[str, str]:
    """Return the inputs of a clip, by asset."""
    return {"chunk_specs": spec_version, "composites": composite.version}


def store_clip(
    context: RenderContext,
    made: Made,
    on_normalised: Callable[[ChunkSpec, Path], None] | None = None,
) -> Objects:
    """Normalise and store a clip, and its last frame.

    Args:
        context: The walk.
        made: The clip.
        on_normalised: Called with the normalised clip before it is stored.

    Raises:
        MediaError: The clip cannot be normalised.
        StorageError: S3 does not accept an object.
    """
    spec = made.spec
    moving = made.preview_frames.pictures(MOVING_WIDTH)
    clip = _normalised(context, made)
    if on_normalised is not None:
        on_normalised(spec, clip.path)
    # The frame first: the clip's object commits both.
    of_clip = FrameRecord(clip=file_digest(clip.path), pixels=made.frame.version)
    frame = store_frame(context, spec, made.frame, of_clip)
    record = _record(context, made, clip).as_metadata()
    stored = context.objects.clip(spec.chunk_num).write_video(clip.path, record)
    inputs = clip_inputs(made.spec_version, made.composite)
    file, details = LocalFile(clip.path), made.clip.details
    video = ChunkObject("chunk_videos", spec, stored, inputs, file, moving, details=details)
    return [video, *frame] if context.makes("last_frames") else [video]


def store_frame(
    context: RenderContext, spec: ChunkSpec, frame: Picture, record: FrameRecord
) -> Objects:
    """Store the last frame of a chunk's clip."""
    image = frame.load()
    path = save_png(image, frame.file.path)
    stored = context.objects.last_frame(spec.chunk_num).write_image(path, record.as_metadata())
    inputs = {"chunk_videos": record.clip}
    return [ChunkObject("last_frames", spec, stored, inputs, frame.file, [image])]


def _normalised(context: RenderContext, made: Made) -> _Normalised:
    """Bring a clip to the film's format, unless it has it."""
    spec, path = made.spec, made.clip.path
    if made.clip.is_normalised:
        return _Normalised(path, probe(path))
    target = context.files.directory(spec.chunk_num) / "clip.mp4"
    form = ClipFormat(spec.num_frames, spec.fps, spec.size, spec.keyframes)
    clip = normalise(path, target, form)
    hdr = clip.source.hdr or ""
    if hdr:
        what = f"chunk {spec.chunk_num} is HDR ({hdr})"
        context.listener.noticed(f"{what} and is tone-mapped to bt709")
    return _Normalised(target, clip.info, clip.held_frames, hdr)


def _record(context: RenderContext, made: Made, clip: _Normalised) -> ClipRecord:
    """Return the record of a new clip."""
    spec, generated, before = made.spec, made.clip, made.before
    name = context.generator.name
    spent = generated.spent_usd  # the ledger's sum
    if spent is None:  # a generator without a ledger
        spent = generated.cost_usd + (before.spent_usd if before else 0.0)
    temporal = 0.0 if spec.starts_chain else context.request.weights.temporal
    colours = colour_record(
        spec, made.composite.load(), made.frame.load(), temporal, _clip_before(context, spec)
    )
    return ClipRecord(
        fingerprint=clip_fingerprint(spec, made.composite.version, name, made.model),
        generator=name,
        model=made.model,
        seed=made.seed,
        take=made.take,
        root_run=context.request.root_run,
        cost_usd=generated.cost_usd,
        spent_usd=spent,
        seconds=round(made.seconds, 3),
        composite=made.composite.version,
        last_frame=made.frame.version,
        held_frames=clip.held_frames,
        tone_mapped=clip.hdr,
        form=str(StreamSignature.of(clip.info)),
        **colours,
    )


def _clip_before(context: RenderContext, spec: ChunkSpec) -> ClipRecord | None:
    """Return the record of the chunk before; None if there is none to compare colours with."""
    if spec.starts_chain:
        return None
    stored = context.objects.clip(spec.chunk_num - 1).head()
    with suppress(StorageError):  # another program's clip has no record
        return ClipRecord.of(stored) if stored else None
    return None
