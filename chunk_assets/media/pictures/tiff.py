"""Read a TIFF's first directory, and keep the tags that decoding needs."""

import shutil
import struct
import tempfile
from dataclasses import dataclass
from typing import BinaryIO

from chunk_assets.media.pictures.header import Damaged, Header, read_exactly

TAGS = 4_096
"""Limit of tags, against attacks: the standards define 500."""

VALUES = 1_000_000
"""Limit of one tag's values, against attacks: 100 megapixels in tiles of 16 × 16 have 400,000."""

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_SAMPLES, _ROWS_PER_STRIP, _PLANAR, _TILE_WIDTH, _TILE_HEIGHT = 277, 278, 284, 322, 323
_ORIENTATION, _PROFILE = 274, 34675
_WANTED = {
    *(_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _ROWS_PER_STRIP, _PLANAR),
    *(_TILE_WIDTH, _TILE_HEIGHT, _PROFILE),
    *(266, 273, 279, 292, 293, 317, 320, 324, 325, 332, 338, 339, 340, 341, 347),
    *(512, 513, 514, 519, 520, 521, 529, 530, 531, 532),  # JPEG, old and new
}
_PLACES = {273, 279, 324, 325}
_LARGEST_PROFILE = 16 << 20


@dataclass(frozen=True)
class _Form:
    """The layout of a directory, in a TIFF or a BigTIFF."""

    order: str
    count: str
    entry: str
    offset: str
    first: int

    def unpack(self, form: str, content: bytes) -> tuple:
        return struct.unpack(self.order + form, content)


def examine(file: BinaryIO) -> Header:
    """Copy a TIFF with only the tags that decoding needs: no EXIF, layers or further pages.

    Raises:
        Damaged: The directory cannot be read.
    """
    form = _form(read_exactly(file, 16))
    file.seek(form.first - struct.calcsize(form.order + form.offset))
    (start,) = form.unpack(form.offset, read_exactly(file, struct.calcsize("=" + form.offset)))
    file.seek(start)
    (count,) = form.unpack(form.count, read_exactly(file, struct.calcsize("=" + form.count)))
    if count > TAGS:
        raise Damaged(f"it has {count} tags; the limit is {TAGS}")
    length = struct.calcsize("=" + form.entry)
    values: dict[int, int] = {}
    entries: list[bytes] = []
    places: dict[int, list[int]] = {}
    for _ in range(count):
        entry = read_exactly(file, length)
        tag, kind, number, value = form.unpack(form.entry, entry)
        values[tag] = next(iter(_values(file, form, kind, min(number, 1), value, number)), 0)
        if tag == _PROFILE and number > _LARGEST_PROFILE:
            continue
        if tag in _WANTED:
            if number > VALUES and tag != _PROFILE:
                raise Damaged(f"its tag {tag} has {number} values; the limit is {VALUES}")
            entries.append(entry)
        if tag in _PLACES:
            places[tag] = _values(file, form, kind, number, value)
    _check_places(file, places)
    bits, samples = values.get(_BITS, 1), values.get(_SAMPLES, 1)
    return Header(
        "TIFF",
        _copied(file, form, entries),
        orientation=values.get(_ORIENTATION, 1),
        decoder_bytes=_decoder_bytes(values, max(1, bits) * max(1, samples)),
        sample_bits=bits,
        is_inverted=values.get(_PHOTOMETRIC, 1) == 0,
    )


def _form(head: bytes) -> _Form:
    order = "<" if head[:2] == b"II" else ">"
    (kind,) = struct.unpack(f"{order}H", head[2:4])
    if kind == 43:
        return _Form(order, "Q", "HHQ8s", "Q", 16)
    return _Form(order, "H", "HHI4s", "I", 8)


def _values(
    file: BinaryIO, form: _Form, kind: int, wanted: int, value: bytes, number: int | None = None
) -> list[int]:
    """Return the first `wanted` of a tag's `number` values, if they are whole numbers."""
    code = {1: "B", 3: "H", 4: "I", 16: "Q"}.get(kind)
    if code is None:
        return []
    size = struct.calcsize("=" + code)
    if size * (wanted if number is None else number) > len(value):
        here = file.tell()
        (at,) = form.unpack(form.offset, value)
        file.seek(min(at, file.seek(0, 2)))
        value = file.read(size * wanted)
        file.seek(here)
    count = min(wanted, len(value) // size)
    return list(form.unpack(f"{count}{code}", value[: count * size]))


def _check_places(file: BinaryIO, places: dict[int, list[int]]) -> None:
    """Check that strips and tiles lie within the file: the copy has the directory after its end."""
    here, end = file.tell(), file.seek(0, 2)
    file.seek(here)
    for offsets, counts in ((273, 279), (324, 325)):
        pairs = zip(places.get(offsets, []), places.get(counts, []), strict=False)
        if any(offset + count > end for offset, count in pairs):
            raise Damaged("it is truncated")


def _decoder_bytes(values: dict[int, int], bits: int) -> int:
    """Return the memory for a strip or tile, decoded and compressed."""
    width, height = values.get(_WIDTH, 0), values.get(_HEIGHT, 0)
    if _TILE_WIDTH in values:
        pixels = values[_TILE_WIDTH] * values.get(_TILE_HEIGHT, 0)
    else:
        pixels = width * min(values.get(_ROWS_PER_STRIP) or height, height)
    if values.get(_COMPRESSION, 1) == 1:
        return 0
    return 2 * pixels * bits // 8


def _copied(file: BinaryIO, form: _Form, entries: list[bytes]) -> BinaryIO:
    """Copy the file with another directory, to disk: the decoder maps it into memory."""
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - the reader closes it
    file.seek(0)
    shutil.copyfileobj(file, copy, 1 << 20)
    start = copy.tell()
    if start % 2:
        start = copy.seek(1, 1)
    order = form.order
    copy.write(struct.pack(order + form.count, len(entries)) + b"".join(entries))
    copy.write(struct.pack(order + form.offset, 0))
    copy.seek(form.first - struct.calcsize(order + form.offset))
    copy.write(struct.pack(order + form.offset, start))
    copy.seek(0)
    return copy  # type: ignore[return-value]
