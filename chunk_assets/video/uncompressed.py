"""Pictures written as fast as the disk takes them, for a reader on this machine."""

from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from PIL import Image

from chunk_assets.errors import MediaError
from chunk_assets.video.atomic import written_whole


def save_uncompressed_png(image: Image.Image, path: Path) -> Path:
    """Write an RGB picture as a PNG that is stored, not deflated, whole or not at all.

    A 1024×576 picture takes 2 ms and 1.8 MB, where `images.save_png` takes 20 ms and 0.65 MB: on
    the chain's way the time counts, on S3 the bytes do.

    Raises:
        MediaError: The disk refuses it.
    """
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height = image.size
    encoder.pix_fmt, encoder.time_base = "rgb24", Fraction(1)
    encoder.options = {"pred": "none", "compression_level": "0"}
    frame = av.VideoFrame.from_ndarray(np.asarray(image.convert("RGB")), format="rgb24")
    try:
        packets = [*encoder.encode(frame), *encoder.encode(None)]
        with written_whole(path) as part:
            part.write_bytes(b"".join(bytes(packet) for packet in packets))
    except (av.error.FFmpegError, OSError) as error:
        message = f"a picture cannot be written to {str(path)!r}: {error.strerror}"
        raise MediaError(message, path=str(path)) from error
    return path
