"""The conditioning image and other pictures in the form that a hosted model accepts."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from chunk_assets.errors import MediaError
from chunk_assets.files.atomic import atomic_write
from chunk_assets.generation.base import GenerationRequest, conditioning_image
from chunk_assets.generation.hosted import HostedModel
from chunk_assets.media.clips import ClipFormat, ClipWriter
from chunk_assets.media.images import cover, open_picture, save_png

PNG, JPEG, MP4 = "image/png", "image/jpeg", "video/mp4"

REFERENCE_SIDE = 2048
"""The longer side of a reference picture, in pixels: larger ones are reduced before the upload."""

_JPEG_QUALITIES = (95, 90, 80, 60)


@dataclass(frozen=True)
class MediaFile:
    """A file to upload, and its content type."""

    path: Path
    content_type: str


@dataclass(frozen=True)
class ConditioningFiles:
    """The files that a clip's prediction is sent.

    Attributes:
        conditioning: The conditioning image, or a clip that holds it.
        end_image: The picture to end with, if there is one.
        references: The reference pictures.
    """

    conditioning: MediaFile
    end_image: MediaFile | None = None
    references: tuple[MediaFile, ...] = ()


def conditioning_files(
    model: HostedModel, request: GenerationRequest, workdir: Path
) -> ConditioningFiles:
    """Write the files that a model is sent.

    Image models get the composite, and the picture to end with, scaled and cropped to cover the
    size that the model renders. A model that accepts a clip gets one that holds the composite, with
    the length, rate and size of the requested clip. For four photographs at 1024×576, an accurate
    decoder returns it with a mean error of 0.8 to 1.1 of 255; the default conversion of FFmpeg and
    PyAV, which a model may use, with 1.4 to 2.0, mostly because it is darker. Reference pictures
    keep their proportions.

    Args:
        model: The model.
        request: The requested clip.
        workdir: An existing directory for the files.

    Raises:
        SpecError: The model makes no clip of that length or proportions.
        MediaError: A picture cannot be read, the composite has another size, a file cannot be
            written, or a picture cannot be made small enough for the model.
    """
    length = model.clip_length(request.num_frames, request.fps)
    size = model.frame_size(length, request.size).picture
    name = f"chunk_{request.chunk_num:02d}"
    composite = conditioning_image(request)
    if model.media.kind == "image":
        first = _picture(model, cover(composite, size), workdir / f"{name}_conditioning")
    else:
        clip = ClipFormat(length.frames, length.model_fps, size)
        rgb = np.asarray(cover(composite, size))
        with ClipWriter(workdir / f"{name}_conditioning.mp4", clip) as writer:
            for _ in range(clip.num_frames):
                writer.write(rgb)
        first = MediaFile(writer.path, MP4)
    end = None
    if request.end_image is not None:
        last = cover(open_picture(request.end_image), size)
        end = _picture(model, last, workdir / f"{name}_end")
    references = tuple(
        _picture(model, _reduced(open_picture(path)), workdir / f"{name}_reference_{number}")
        for number, path in enumerate(request.references)
    )
    return ConditioningFiles(first, end, references)


def _reduced(picture: Image.Image) -> Image.Image:
    factor = REFERENCE_SIDE / max(picture.size)
    if factor >= 1:
        return picture
    width, height = (max(1, round(side * factor)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _picture(model: HostedModel, picture: Image.Image, stem: Path) -> MediaFile:
    """Write a picture within the model's limits: as a PNG, or as a JPEG if that is too large."""
    limits = model.picture
    size = limits.fitted(picture.size)
    if size != picture.size:
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    # Compressed again: it goes over the network.
    png = save_png(picture, stem.with_name(f"{stem.name}.png"))
    most = limits.maximum_bytes
    if most is None or png.stat().st_size <= most:
        return MediaFile(png, PNG)
    for quality in _JPEG_QUALITIES:
        content = io.BytesIO()
        picture.convert("RGB").save(content, "JPEG", quality=quality, subsampling=0)
        if content.tell() <= most:
            jpeg = stem.with_name(f"{stem.name}.jpg")
            with atomic_write(jpeg, MediaError) as part:
                part.write_bytes(content.getvalue())
            return MediaFile(jpeg, JPEG)
    raise MediaError(
        f"the picture {stem.name!r} of {size[0]}x{size[1]} pixels is larger than {most} bytes even "
        f"as a JPEG, which is the limit of {model.name}: choose a smaller resolution",
        model=model.name,
    )
