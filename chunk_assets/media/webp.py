"""Convert animated WebP, which no demuxer here reads, to MKV."""

import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, UnidentifiedImageError

from chunk_assets.errors import MediaError, Unsupported
from chunk_assets.limits import Limits
from chunk_assets.media.ffmpeg import file_url

_DEFAULT_MS = 100  # for a frame without a duration, as in browsers


def is_webp(path: Path) -> bool:
    """Whether a file begins with a WebP header."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(12)
    return head[:4] == b"RIFF" and head[8:] == b"WEBP"


def _is_animated(path: Path) -> bool:
    """Whether its header declares an animation (RFC 9649, 2.7); Pillow would allocate a picture."""
    with path.open("rb") as file:
        head = file.read(21)
    return head[12:16] == b"VP8X" and bool(head[20] & 0x02) if len(head) > 20 else False


def as_mkv(path: Path, target: Path, limits: Limits) -> Path:
    """Write an animated WebP's frames to an MKV without loss.

    Args:
        path: The WebP; its declared size must be within the limits.
        target: The MKV to write.
        limits: The limits on frames and decoding time.

    Raises:
        Unsupported: It is a still picture, or has more frames than the limit.
        MediaError: It is damaged, or decoding exceeds the time limit.
    """
    shown = repr(str(path))
    if not _is_animated(path):
        raise Unsupported(f"{shown} is a still picture, not a video", path=str(path))
    try:
        with Image.open(path, formats=["WEBP"]) as image:
            count = getattr(image, "n_frames", 1)
            if count > limits.clip_frames:
                allowed = f"the limit is {limits.clip_frames}"
                raise Unsupported(f"{shown} has {count} frames: {allowed}", path=str(path))
            _write(image, count, target, limits)
    except (OSError, ValueError, EOFError, UnidentifiedImageError) as error:
        raise MediaError(f"{shown} is damaged: not all its frames can be read") from error
    return target


def _write(image: Image.Image, count: int, target: Path, limits: Limits) -> None:
    ends_at = time.monotonic() + limits.clip_decode_seconds
    with av.open(file_url(target), "w", format="matroska") as video:
        stream = video.add_stream("ffv1", rate=1000)
        stream.width, stream.height, stream.pix_fmt = image.width, image.height, "bgra"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        at = 0
        for number in range(count):
            if time.monotonic() > ends_at:
                name = image.filename  # type: ignore[attr-defined]
                limit = f"takes over {limits.clip_decode_seconds:g} s, which is the limit"
                raise MediaError(f"decoding {name!r} {limit}")
            image.seek(number)
            pixels = np.asarray(image.convert("RGBA"))
            frame = av.VideoFrame.from_ndarray(pixels, "rgba").reformat(format="bgra")
            frame.pts, frame.time_base = at, Fraction(1, 1000)
            frame.duration = int(image.info.get("duration") or _DEFAULT_MS)
            at += frame.duration
            video.mux(stream.encode(frame))
        video.mux(stream.encode(None))
