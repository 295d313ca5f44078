"""Picture files made byte by byte, where no encoder writes them."""

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from chunk_assets.media.images import open_picture

Chunk = tuple[bytes, bytes]


def chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    pixels: np.ndarray, chunks: Sequence[Chunk] = (), *, depth: int = 8, kind: int = 2
) -> bytes:
    """A PNG of rows of samples; `kind` is the colour type: 0 grey, 2 RGB, 4 grey and alpha, 6 RGBA.

    Rows may be an iterator's: a large picture is compressed row by row.
    """
    height, width = pixels.shape[:2]
    deflating = zlib.compressobj(1)
    samples = ">u2" if depth == 16 else "u1"
    content = [deflating.compress(b"\0" + row.astype(samples).tobytes()) for row in pixels]
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", b"".join([*content, deflating.flush()]))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in [*parts, (b"IEND", b"")])


def tiff(entries: Sequence[tuple[int, int, int, int]], pixels: bytes) -> bytes:
    """A TIFF of entries (tag, type, count, value) and one strip, which tag 273 is set to."""
    start = 8 + 2 + 12 * len(entries) + 4
    rows = [
        (tag, kind, count, start if tag == 273 else value) for tag, kind, count, value in entries
    ]
    directory = struct.pack("<H", len(rows)) + b"".join(
        struct.pack("<HHII", *row) for row in sorted(rows)
    )
    return b"II*\0" + struct.pack("<I", 8) + directory + bytes(4) + pixels


def grey_tiff(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """The entries of an uncompressed TIFF of 8-bit grey."""
    size = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1)]
    strip = [(262, 3, 1, 1), (273, 4, 1, 0), (277, 3, 1, 1), (278, 4, 1, height)]
    return [*size, *strip, (279, 4, 1, width * height)]


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    """A picture as Pillow writes it."""
    content = io.BytesIO()
    image.save(content, form, **options)
    return content.getvalue()


def seen(tmp_path: Path, content: bytes, name: str = "picture") -> np.ndarray:
    """What is seen of a file with this content."""
    path = tmp_path / name
    path.write_bytes(content)
    return np.asarray(open_picture(path)).astype(int)
