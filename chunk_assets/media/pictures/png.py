"""Read a PNG's chunks: what its decoder needs, and its colour space."""

import struct
import zlib
from typing import BinaryIO

from chunk_assets.media.pictures.exif import orientation
from chunk_assets.media.pictures.header import Damaged, Header, PngCoding, read_exactly
from chunk_assets.media.pictures.ranges import KeptRanges

SIGNATURE = b"\x89PNG\r\n\x1a\n"

CHUNKS = 500_000
"""Limit of chunks, against attacks: 100 megapixels in chunks of 4 kB are 75,000."""

_WANTED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
"""Chunks for Pillow, without text, EXIF and further pictures of an animation."""

_READ = (b"iCCP", b"eXIf", b"cICP", b"sRGB", b"gAMA", b"cHRM")
_LARGEST_READ = 16 << 20
_LARGEST_PROFILE = 16 << 20


def examine(file: BinaryIO) -> Header:
    """Read a PNG's chunks.

    Raises:
        Damaged: Their structure is invalid.
    """
    kept, bodies = KeptRanges(), {}
    read_exactly(file, len(SIGNATURE))
    kept.add(0, len(SIGNATURE))
    for _ in range(CHUNKS):
        start = file.tell()
        head = file.read(8)
        if len(head) < 8:
            break  # truncated: decoding fails if the picture is incomplete
        length, kind = struct.unpack(">I4s", head)
        end = start + 12 + length
        if kind in _WANTED:
            kept.add(start, end)
        elif kind in _READ and kind not in bodies and length <= _LARGEST_READ:
            bodies[kind] = file.read(length)
        if kind == b"IEND":
            break
        file.seek(end)
    else:
        raise Damaged(f"it has more than {CHUNKS} chunks")
    return Header(
        "PNG",
        kept.of(file),
        orientation=orientation(bodies.get(b"eXIf", b"")),
        profile=_profile(bodies.get(b"iCCP", b"")),
        coding=_coding(bodies),
    )


def _profile(body: bytes) -> bytes:
    """Return the ICC profile; empty if it is damaged or larger than any profile."""
    _, _, rest = body.partition(b"\0")
    unfolding = zlib.decompressobj()
    try:
        content = unfolding.decompress(rest[1:], _LARGEST_PROFILE)
    except zlib.error:
        return b""
    return content if unfolding.eof else b""


def _coding(bodies: dict[bytes, bytes]) -> PngCoding:
    cicp = bodies.get(b"cICP", b"")
    if len(cicp) == 4:
        return PngCoding(cicp=(cicp[0], cicp[1], cicp[2], cicp[3]))
    if b"iCCP" in bodies or b"sRGB" in bodies:
        return PngCoding()
    gamma, chromaticities = bodies.get(b"gAMA", b""), bodies.get(b"cHRM", b"")
    return PngCoding(
        gamma=struct.unpack(">I", gamma)[0] / 100_000 if len(gamma) == 4 else None,
        chromaticities=tuple(value / 100_000 for value in struct.unpack(">8I", chromaticities))
        if len(chromaticities) == 32
        else None,
    )
