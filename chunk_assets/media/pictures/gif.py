"""Read a GIF's blocks up to the end of its first picture."""

import struct
from typing import BinaryIO

from chunk_assets.media.pictures.header import Damaged, Header, read_exactly
from chunk_assets.media.pictures.ranges import KeptRanges

BLOCKS = 2_000_000
"""Limit of blocks, against attacks: 100 megapixels are 400,000 blocks of 255 bytes."""

_EXTENSION, _IMAGE, _TRAILER, _CONTROL = 0x21, 0x2C, 0x3B, 0xF9


def examine(file: BinaryIO) -> Header:
    """Read a GIF's blocks; comments and further pictures are left out.

    Raises:
        Damaged: Their structure is invalid, or there is no picture.
    """
    kept = KeptRanges()
    packed = read_exactly(file, 13)[10]
    file.seek(_table_bytes(packed), 1)
    kept.add(0, file.tell())
    left = [BLOCKS]
    while True:
        start = file.tell()
        kind = read_exactly(file, 1)[0]
        if kind == _EXTENSION:
            label = read_exactly(file, 1)[0]
            _skip(file, left)
            if label == _CONTROL:
                kept.add(start, file.tell())
        elif kind == _IMAGE:
            _, _, width, height, packed = struct.unpack("<4HB", read_exactly(file, 9))
            if not width or not height:
                raise Damaged(f"its first picture has {width} × {height} pixels")
            file.seek(_table_bytes(packed) + 1, 1)
            _skip(file, left)
            kept.add(start, file.tell())
            return Header("GIF", kept.of(file), orientation=1)
        else:
            raise Damaged("it has no picture in it" if kind == _TRAILER else "an unknown block")


def _table_bytes(packed: int) -> int:
    return 3 << ((packed & 7) + 1) if packed & 0x80 else 0


def _skip(file: BinaryIO, left: list[int]) -> None:
    """Skip sub-blocks up to their end, or the file's: the decoder reports what is missing."""
    while length := file.read(1):
        left[0] -= 1
        if left[0] < 0:
            raise Damaged(f"it has more than {BLOCKS} blocks")
        if length == b"\0":
            return
        file.seek(length[0], 1)
