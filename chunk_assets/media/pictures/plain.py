"""Read the headers of BMP, PPM and WebP."""

import re
from typing import BinaryIO

from chunk_assets.media.pictures.header import Damaged, Header

_HEADER = 1 << 16
"""The first bytes of a PPM, in which its size must follow the comments."""

_GAP = rb"(?:\s|#[^\r\n]*[\r\n])+"
_SIZE = re.compile(rb"P([1-6f])" + _GAP + rb"\d+" + _GAP + rb"\d+")
_TOP = re.compile(_GAP + rb"(\d+)")


def examine_bmp(file: BinaryIO) -> Header:
    """Read a BMP's header. Run lengths are decoded by a loop in Python."""
    head = file.read(34)
    file.seek(0)
    is_slow = int.from_bytes(head[30:34], "little") in (1, 2) and head[14:15] != b"\x0c"
    return Header("BMP", file, orientation=1, is_slow=is_slow)


def examine_ppm(file: BinaryIO) -> Header:
    """Read the header of a PPM, PGM, PBM or PFM. Text and uncommon ranges are decoded by a loop.

    Raises:
        Damaged: The header is invalid or too long.
    """
    head = file.read(_HEADER)
    file.seek(0)
    size = _SIZE.match(head)
    if size is None:
        raise Damaged(f"its size is not in the first {_HEADER} bytes")
    kind = size[1]
    if kind in b"14f":
        return Header("PPM", file, orientation=1, is_slow=kind == b"1")
    top = _TOP.match(head, size.end())
    if top is None:
        raise Damaged(f"its range is not in the first {_HEADER} bytes")
    is_slow = kind in b"23" or top[1].lstrip(b"0") not in (b"255", b"65535")
    return Header("PPM", file, orientation=1, is_slow=is_slow)


def examine_webp(file: BinaryIO) -> Header:
    """Read a WebP's header. Its decoder has two canvases and copies one, at four bytes per pixel.

    Raises:
        Damaged: The first chunk is unknown.
    """
    head = file.read(30)
    file.seek(0)
    kind = head[12:16]
    if len(head) == 30 and kind == b"VP8X":
        size = (1 + int.from_bytes(head[at : at + 3], "little") for at in (24, 27))
    elif len(head) == 30 and kind == b"VP8 ":
        size = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    elif len(head) >= 25 and kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        size = (1 + (bits >> shift & 0x3FFF) for shift in (0, 14))
    else:
        raise Damaged("its first chunk is not VP8, VP8L or VP8X")
    width, height = size
    return Header("WEBP", file, size=(width, height), decoder_bytes_per_pixel=12)
