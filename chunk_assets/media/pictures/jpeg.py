"""Read a JPEG's segments: what its decoder needs, and how much memory it takes."""

import re
import struct
from typing import BinaryIO

from chunk_assets.media.pictures.exif import orientation
from chunk_assets.media.pictures.header import Damaged, Header, read_exactly, unpacked
from chunk_assets.media.pictures.ranges import KeptRanges

SEGMENTS = 20_000
"""Limit of segments before the picture, against attacks; an ICC profile takes at most 255."""

_SOI, _EOI, _SOS, _TEM, _COM = 0xD8, 0xD9, 0xDA, 0x01, 0xFE
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_ALONE = {_SOI, _TEM, *range(0xD0, 0xD8)}
_APPLICATION = range(0xE0, 0xF0)
_WANTED = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
"""Application segments that affect colours; the others are left out."""

_BLOCK = 1 << 20


def examine(file: BinaryIO) -> Header:
    """Read a JPEG's segments.

    Raises:
        Damaged: Their structure is invalid.
    """
    kept, exif, coefficients, is_progressive = KeptRanges(), b"", 0, False
    for _ in range(SEGMENTS):
        start = file.tell()
        marker = _marker(file)
        if marker == _EOI:
            raise Damaged("it has no picture in it")
        if marker in _ALONE:
            if marker == _SOI:
                kept.add(start, file.tell())
            continue
        body_at = file.tell() + 2
        (length,) = unpacked(">H", file)
        end = file.tell() - 2 + max(2, length)
        if marker == _SOS:
            file_end = file.seek(0, 2)
            kept.add(start, file_end)
            scans = _scans(file, end)
            return Header(
                "JPEG",
                kept.of(file),
                orientation=orientation(exif),
                decoder_bytes=coefficients if is_progressive or scans > 1 else 0,
                scans=scans,
            )
        if marker in _FRAMES:
            is_progressive = marker in (0xC2, 0xCA)
            coefficients = _coefficient_bytes(read_exactly(file, end - body_at))
        elif marker == 0xE1 and not exif:
            body = read_exactly(file, end - body_at)
            exif = body if body.startswith(b"Exif\0") else b""
        if _is_wanted(file, marker, body_at):
            kept.add(start, end)
        file.seek(end)
    raise Damaged(f"it has more than {SEGMENTS} segments before the picture")


def _marker(file: BinaryIO) -> int:
    """Return the next marker; bytes before it are skipped, as decoders do, up to a limit."""
    for _ in range(_BLOCK):
        if read_exactly(file, 1) == b"\xff":
            code = b"\xff"
            while code == b"\xff":
                code = read_exactly(file, 1)
            if code != b"\0":
                return code[0]
    raise Damaged("its segments are invalid")


def _is_wanted(file: BinaryIO, marker: int, body_at: int) -> bool:
    if marker not in _APPLICATION:
        return marker != _COM
    file.seek(body_at)
    wanted = _WANTED.get(marker)
    return wanted is not None and file.read(len(wanted)) == wanted


def _coefficient_bytes(frame: bytes) -> int:
    """Return the memory of a decoder that needs several passes: two bytes per coefficient."""
    try:
        _, height, width, count = struct.unpack_from(">BHHB", frame)
        factors = [frame[6 + 3 * number + 1] for number in range(count)]
    except (struct.error, IndexError):
        raise Damaged("its frame header is truncated") from None
    across = max((factor >> 4 for factor in factors), default=1) or 1
    down = max((factor & 15 for factor in factors), default=1) or 1
    blocks = sum(
        -(-width * (factor >> 4) // (8 * across)) * -(-height * (factor & 15) // (8 * down))
        for factor in factors
    )
    return blocks * 64 * 2


def _scans(file: BinaryIO, start: int) -> int:
    file.seek(start)
    scans, last = 1, b""
    while block := file.read(_BLOCK):
        scans += len(re.findall(rb"\xff\xda", last + block))
        last = block[-1:]
    return scans
