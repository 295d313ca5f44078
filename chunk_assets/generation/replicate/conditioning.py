"""The conditioning picture in the form that a hosted model takes."""

from pathlib import Path

import numpy as np
from PIL import Image

from chunk_assets.errors import MediaError
from chunk_assets.generation.base import GenerationRequest
from chunk_assets.generation.hosted import HostedModel
from chunk_assets.media.clips import ClipFormat, ClipWriter
from chunk_assets.media.images import cover, open_picture, save_png

PNG, MP4 = "image/png", "video/mp4"


def conditioning_media(
    model: HostedModel, request: GenerationRequest, workdir: Path
) -> tuple[Path, str]:
    """Make what a model is conditioned on.

    Image models get the composite itself, or one scaled and cropped to cover the size that the
    model's rules ask for. A model that takes a clip gets one that holds the composite for all the
    frames that the clip asked of it shall have, in their rate and size, as `ClipWriter` writes it.
    Of four photographs at 1024×576, an accurate decoder sees it with a mean error of 0.8 to 1.1 of
    255; FFmpeg's and PyAV's default conversion, which a model may well use, with 1.4 to 2.0, of
    which 1.0 to 1.5 is that it is darker.

    Args:
        model: Who is asked.
        request: What for.
        workdir: An existing directory for what is made.

    Returns:
        The file, in `workdir`, and its content type.

    Raises:
        SpecError: The model makes no clip of that length.
        MediaError: The composite cannot be read or is not of the asked size, or the result cannot
            be written.
    """
    length = model.clip_length(request.num_frames, request.fps)
    size = model.frame_size(length, request.size).picture
    picture = _composite(request)
    name = f"chunk_{request.chunk_num:02d}_conditioning"
    if model.media.kind == "image":
        # Deflated, whatever it came as: it goes over the network.
        return save_png(cover(picture, size), workdir / f"{name}.png"), PNG
    clip = ClipFormat(length.frames, length.model_fps, size)
    rgb = np.asarray(cover(picture, size))
    with ClipWriter(workdir / f"{name}.mp4", clip) as writer:
        for _ in range(clip.num_frames):
            writer.write(rgb)
    return writer.path, MP4


def _composite(request: GenerationRequest) -> Image.Image:
    path = str(request.conditioning_image)
    picture = open_picture(path)
    if picture.size != tuple(request.size):
        is_, allowed = f"{picture.size!r}", f"the clip's size {tuple(request.size)!r}"
        message = f"the conditioning image {path!r} has the size {is_}: allowed is {allowed}"
        raise MediaError(message, path=path)
    return picture
