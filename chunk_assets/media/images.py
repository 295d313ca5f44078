"""Fit pictures to a size, save them as PNG, and make previews of them."""

import hashlib
import io
import os
import secrets
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageOps

from chunk_assets.errors import MediaError
from chunk_assets.files.atomic import atomic_write
from chunk_assets.media.pictures.reading import open_picture

__all__ = [
    "animation_webp",
    "contact_sheet",
    "cover",
    "open_picture",
    "pixel_digest",
    "save_png",
    "thumbnail_jpeg",
]

STORED, SMALL = 0, 1
"""PNG compression: none, for files that stay on this machine (1024×576: 8 ms, 1.8 MB), or fast
(30 ms, 0.7 MB; Pillow takes 56 ms for the same size)."""


def cover(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Scale and centre-crop a picture to exactly `size` (width, height) without distortion."""
    if image.size == size:
        return image
    return ImageOps.fit(image, size, method=Image.Resampling.LANCZOS)


def save_png(
    image: Image.Image, path: str | os.PathLike[str] | None = None, compression: int = SMALL
) -> Path:
    """Write a picture atomically as an RGB PNG.

    Args:
        image: The picture.
        path: The file; None creates a temporary file, which the caller removes.
        compression: `SMALL` or `STORED`.

    Raises:
        MediaError: The file cannot be written.
    """
    name = secrets.token_hex(8)
    target = Path(path if path is not None else f"{tempfile.gettempdir()}/{name}.png")
    content = _png(image.convert("RGB"), compression)
    with atomic_write(target, MediaError) as part:
        part.touch(0o600)  # a temporary file is private
        part.write_bytes(content)
    return target


def _png(image: Image.Image, compression: int) -> bytes:
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height = image.size
    encoder.pix_fmt, encoder.time_base = "rgb24", Fraction(1)
    encoder.sample_aspect_ratio = Fraction(1)  # else it says 0:1
    prediction = "paeth" if compression else "none"
    encoder.options = {"pred": prediction, "compression_level": str(compression)}
    frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def pixel_digest(image: Image.Image) -> str:
    """Return the SHA-256 (hex) of a picture's mode, size and pixels, independent of its file."""
    digest = hashlib.sha256(f"{image.mode} {image.width}x{image.height}\n".encode())
    digest.update(np.ascontiguousarray(np.asarray(image)).data)
    return digest.hexdigest()


def thumbnail_jpeg(image: Image.Image, max_bytes: int, width: int = 480) -> bytes:
    """Return a JPEG thumbnail of at most `max_bytes` bytes, which must be 1,000 or more.

    No side is longer than `width`. Sides are halved only if the lowest quality is too large.
    """
    small = image.convert("RGB")
    small.thumbnail((width, width), Image.Resampling.LANCZOS, reducing_gap=1.0)
    while True:
        for quality in (80, 65, 50, 35, 20, 10):
            buffer = io.BytesIO()
            small.save(buffer, format="JPEG", quality=quality, optimize=True)
            if buffer.tell() <= max_bytes or max(small.size) <= 16:
                return buffer.getvalue()
        small = small.reduce(2) if min(small.size) > 1 else small.resize((16, 16))


_SMALLEST = 16
"""Width in pixels below which a preview is not scaled down, even if it exceeds its byte limit."""


def animation_webp(
    pictures: Sequence[Image.Image], max_bytes: int, seconds: float, width: int = 256
) -> bytes:
    """Return an animated WebP of at most `max_bytes` bytes that loops over the pictures.

    Args:
        pictures: One or more, of one size.
        max_bytes: At least 4,000; a dozen tiny pictures need about half of that.
        seconds: The duration of one loop.
        width: The largest width in pixels.
    """
    duration = max(1, round(1000 * seconds / len(pictures)))
    while True:
        small = [picture.convert("RGB") for picture in pictures]
        for picture in small:
            picture.thumbnail((width, width), Image.Resampling.LANCZOS, reducing_gap=1.0)
        likely = 0 if width <= _SMALLEST else _likely_size(small, duration)
        for quality, times in _QUALITIES.items():
            if likely * times > max_bytes * 1.1:
                continue
            content = _webp(small, duration, quality)
            if len(content) <= max_bytes or width <= _SMALLEST:
                return content
        width = width * 3 // 4


_QUALITIES = {60: 1.9, 45: 1.65, 30: 1.35, 15: 1.0}
"""WebP qualities, best first, each with its size relative to the last one's."""


def _likely_size(pictures: Sequence[Image.Image], duration: int) -> float:
    """Estimate the size at the lowest quality from two pictures: most attempts would not fit."""
    quality = min(_QUALITIES)
    first, two = (len(_webp(pictures[:count], duration, quality)) for count in (1, 2))
    return first + (two - first) * (len(pictures) - 1)


def _webp(pictures: Sequence[Image.Image], duration: int, quality: int) -> bytes:
    buffer = io.BytesIO()
    pictures[0].save(
        buffer,
        format="WEBP",
        save_all=True,
        append_images=pictures[1:],
        duration=duration,
        loop=0,
        quality=quality,
        method=2,  # half the time of the default 4, for 7 % more bytes
    )
    return buffer.getvalue()


def contact_sheet(pictures: Sequence[Image.Image], width: int = 960, gap: int = 4) -> Image.Image:
    """Return a contact sheet: the pictures in order, left to right and top to bottom.

    Args:
        pictures: One or more, of one size.
        width: The sheet's width in pixels.
        gap: Pixels between them.
    """
    columns = min(len(pictures), max(1, round(len(pictures) ** 0.5 * 1.3)))
    rows = -(-len(pictures) // columns)
    cell_width = (width - gap * (columns - 1)) // columns
    cell_height = max(1, round(cell_width * pictures[0].height / pictures[0].width))
    sheet = Image.new("RGB", (width, rows * (cell_height + gap) - gap), "#101010")
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        small = picture.resize((cell_width, cell_height), Image.Resampling.LANCZOS)
        sheet.paste(small, (column * (cell_width + gap), row * (cell_height + gap)))
    return sheet
