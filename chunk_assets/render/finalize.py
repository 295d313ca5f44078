"""Tasks of the finishing queue: they store a chunk's spec, composite and last frame."""

from collections.abc import Mapping

from chunk_assets.film.fingerprints import composite_fingerprint, used_weights
from chunk_assets.film.records import CompositeRecord, FrameRecord
from chunk_assets.media.images import save_png
from chunk_assets.render.context import RenderContext
from chunk_assets.render.files import LocalFile, Picture
from chunk_assets.render.finishing_queue import Objects
from chunk_assets.render.request import ChunkObject
from chunk_assets.schemas import ChunkSpec


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
    image, weights = composite.load(), used_weights(spec, context.request.weights)
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


def store_frame(
    context: RenderContext, spec: ChunkSpec, frame: Picture, record: FrameRecord
) -> Objects:
    """Store the last frame of a chunk's clip."""
    image = frame.load()
    path = save_png(image, frame.file.path)
    stored = context.objects.last_frame(spec.chunk_num).write_image(path, record.as_metadata())
    inputs = {"chunk_videos": record.clip}
    return [ChunkObject("last_frames", spec, stored, inputs, frame.file, [image])]
