"""Read untrusted pictures in bounded time and memory, checking their headers first."""

import os
import threading
from collections.abc import Callable
from contextlib import nullcontext
from math import ceil, floor
from pathlib import Path
from typing import BinaryIO

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from chunk_assets.deployment import deployment
from chunk_assets.errors import MediaError
from chunk_assets.limits import MEGA, Limits
from chunk_assets.media.pictures import gif, jpeg, plain, png, tiff
from chunk_assets.media.pictures.colour import Converter, as_seen, raw_mode
from chunk_assets.media.pictures.exif import orientation
from chunk_assets.media.pictures.header import Damaged, Header
from chunk_assets.media.pictures.warnings_off import ignore_warnings

Size = tuple[int, int]

_READERS: dict[str, Callable[[BinaryIO], ImageFile]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,
    "WEBP": WebPImageFile,
    "TIFF": TiffImageFile,
    "BMP": BmpImageFile,
    "GIF": GifImageFile,
    "PPM": PpmImageFile,
}

FORMATS = tuple(_READERS)
"""Formats that artists use. Others are refused: some of Pillow's readers start other programs."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

SLOW_PIXELS = 4 * MEGA
"""Limit for formats that a loop in Python decodes, at a few seconds."""

_LARGE_BYTES = 64 * MEGA
_large = threading.Lock()
"""Held while a large picture is in memory: two would exceed the memory limit of one."""

_STRIP_PIXELS = 2 * MEGA
"""Pixels converted at a time."""

_SUPPORT = 3
"""Radius of the Lanczos filter, in pixels of the smaller picture."""

# As PILLOW_BLOCK_SIZE does. glibc returns only blocks above 32 MB to the system at once; Pillow's
# default of 16 MB would accumulate in the threads that read pictures.
Image.core.set_block_size(64 << 20)


def open_picture(
    path: str | os.PathLike[str], size: Size | None = None, *, largest_side: int | None = None
) -> Image.Image:
    """Read a picture as 8-bit sRGB for display.

    EXIF orientation and embedded colour profiles are applied, transparency is put over white, and
    16-bit and floating point values are scaled, never clipped. Of several pages the first is read.
    Damaged metadata is ignored.

    Args:
        path: The file.
        size: Scale and centre-crop to this width and height while reading, in strips, so that a
            large picture is never in memory twice. By default the picture keeps its size.
        largest_side: Scale down, in the same way, to this longest side.

    Raises:
        MediaError: The file is missing, damaged, not in `FORMATS`, or exceeds a limit.
    """
    shown = os.fspath(path)
    limits = deployment().limits
    try:
        if Path(path).exists() and not Path(path).is_file():  # opening a pipe would block
            raise MediaError(f"the picture {shown!r} is not a file", path=shown)
        with ignore_warnings(), Path(path).open("rb") as file:
            header = _examined(file, shown, limits)
            if header.size is not None:
                _check(header.size, "RGB", header, limits, shown)
            with header.file, _READERS[header.format](header.file) as image:
                needed = _check(image.size, image.mode, header, limits, shown)
                with _large if needed > _LARGE_BYTES else nullcontext():
                    return _read(image, header, size, largest_side)
    except MediaError:
        raise
    except Damaged as error:
        raise MediaError(f"the picture {shown!r} cannot be read: {error}", path=shown) from None
    except FileNotFoundError:
        raise MediaError(f"there is no picture {shown!r}", path=shown) from None
    except Exception as error:
        # Pillow and its decoders raise errors of any type for broken files.
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        message = (
            f"the picture {shown!r} cannot be read, it is truncated or damaged, or of a kind that "
            f"is not supported: {reason}"
        )
        raise MediaError(message, path=shown) from error


def _examined(file: BinaryIO, shown: str, limits: Limits) -> Header:
    count = file.seek(0, os.SEEK_END)
    if count > limits.picture_file_bytes:
        raise MediaError(
            f"the picture {shown!r} has {count} bytes; the limit is {limits.picture_file_bytes}",
            path=shown,
        )
    file.seek(0)
    head = file.read(16)
    file.seek(0)
    if head.startswith(png.SIGNATURE):
        return png.examine(file)
    if head.startswith(b"\xff\xd8\xff"):
        return jpeg.examine(file)
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return tiff.examine(file)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return plain.examine_webp(file)
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return gif.examine(file)
    if head[:2] == b"BM":
        return plain.examine_bmp(file)
    if head[:1] == b"P" and head[1:2] in b"123456f" and head[2:3] in b" \t\r\n#":
        return plain.examine_ppm(file)
    message = f"{shown!r} is not a picture: supported formats are {', '.join(FORMATS)}"
    raise MediaError(message, path=shown)


def _check(size: Size, mode: str, header: Header, limits: Limits, shown: str) -> int:
    """Check a picture against the limits, and return the memory that decoding takes."""
    width, height = size
    if width * height > limits.picture_pixels:
        raise _too_large(shown, size, f"{_mega(limits.picture_pixels)} megapixels")
    if max(width, height) > limits.picture_side:
        raise _too_large(shown, size, f"{limits.picture_side} pixels a side")
    if header.is_slow and width * height > SLOW_PIXELS:
        form = f"{_mega(SLOW_PIXELS)} megapixels in this form of {header.format}"
        raise _too_large(shown, size, form)
    if header.scans > limits.picture_scans:
        raise MediaError(
            f"the picture {shown!r} has {header.scans} scans; the limit is {limits.picture_scans}",
            path=shown,
        )
    pixel_bytes = {"1": 1, "L": 1, "P": 1}.get(mode, 4)
    if mode.startswith("I;16"):
        pixel_bytes = 2
    needed = width * height * (pixel_bytes + header.decoder_bytes_per_pixel) + header.decoder_bytes
    if needed > limits.picture_memory_bytes:
        raise MediaError(
            f"the picture {shown!r} of {width} × {height} pixels takes {needed // MEGA} MB to "
            f"decode as a {header.format} of this kind; "
            f"the limit is {_mega(limits.picture_memory_bytes)} MB",
            path=shown,
        )
    return needed


def _too_large(shown: str, size: Size, allowed: str) -> MediaError:
    """Return the error for a picture with too many pixels."""
    name = f"the picture {shown!r} of {size[0]} × {size[1]} pixels"
    return MediaError(f"{name} is too large: the limit is {allowed}", path=shown)


def _mega(number: int) -> str:
    return f"{number / MEGA:g}"


def _read(
    image: ImageFile, header: Header, size: Size | None, largest_side: int | None
) -> Image.Image:
    turn = header.orientation
    if turn is None:
        turn = orientation(image.info.get("exif", b""))
    if size is not None and turn >= 5:
        size = size[1], size[0]
    if largest_side is not None and max(image.size) > largest_side:
        share = largest_side / max(image.size)
        size = max(1, round(image.width * share)), max(1, round(image.height * share))
    if size is not None:
        image.draft(None, (2 * size[0], 2 * size[1]))  # only JPEG decoders can skip pixels
    rawmode = raw_mode(image)
    image.load()  # which discards the raw mode
    seen = _fitted(image, as_seen(image, header, rawmode), size or image.size)
    image.close()  # frees its memory before the next large picture is read
    return seen.transpose(_UPRIGHT[turn]) if turn in _UPRIGHT else seen


def _fitted(image: Image.Image, convert: Converter, size: Size) -> Image.Image:
    """Return the converted picture, scaled and centre-cropped to `size`."""
    box = _covering(image.size, size)
    factor = int(min((box[2] - box[0]) / size[0], (box[3] - box[1]) / size[1]) / 2)
    if factor > 1 and image.width * image.height > _STRIP_PIXELS:
        # Average blocks first; the filter below still has at least four pixels for each of its own.
        image, convert = _reduced(image, convert, factor), _as_it_is
        box = _covering(image.size, size)
    across, down = (box[2] - box[0]) / size[0], (box[3] - box[1]) / size[1]
    rows = max(16, int(_STRIP_PIXELS / (image.width * down)))
    if rows >= size[1] and image.size == size:
        return convert(image)
    seen = Image.new("RGB", size)
    for top in range(0, size[1], rows):
        bottom = min(size[1], top + rows)
        wanted = (box[0], box[1] + top * down, box[2], box[1] + bottom * down)
        left = max(0, floor(wanted[0] - _SUPPORT * max(1, across) - 1))
        upper = max(0, floor(wanted[1] - _SUPPORT * max(1, down) - 1))
        right = min(image.width, ceil(wanted[2] + _SUPPORT * max(1, across) + 1))
        lower = min(image.height, ceil(wanted[3] + _SUPPORT * max(1, down) + 1))
        if image.size == size:
            left, upper, right, lower = 0, top, image.width, bottom
        part = convert(image.crop((left, upper, right, lower)))
        if image.size != size:
            inside = (
                wanted[0] - left,
                wanted[1] - upper,
                min(wanted[2] - left, part.width),
                min(wanted[3] - upper, part.height),
            )
            part = part.resize((size[0], bottom - top), Image.Resampling.LANCZOS, inside)
        seen.paste(part, (0, top))
    return seen


def _covering(source: Size, size: Size) -> tuple[float, float, float, float]:
    """Return the largest centred box of `source` with the proportions of `size`."""
    ratio = size[0] / size[1]
    width, height = min(source[0], ratio * source[1]), min(source[1], source[0] / ratio)
    left, top = (source[0] - width) / 2, (source[1] - height) / 2
    return left, top, left + width, top + height


def _reduced(image: Image.Image, convert: Converter, factor: int) -> Image.Image:
    seen = Image.new("RGB", (ceil(image.width / factor), ceil(image.height / factor)))
    rows = max(1, _STRIP_PIXELS // (image.width * factor)) * factor
    for top in range(0, image.height, rows):
        part = image.crop((0, top, image.width, min(image.height, top + rows)))
        seen.paste(convert(part).reduce(factor), (0, top // factor))
    return seen


def _as_it_is(image: Image.Image) -> Image.Image:
    return image
