"""Read the boxes of an MP4 or MOV: their order and end, and what the index declares."""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import BinaryIO

_MOST_BOXES = 1_000_000
"""The most boxes read. An hour in fragments of one frame has a fifth of that."""


def outer_boxes(file: BinaryIO, size: int) -> list[tuple[bytes, int]]:
    """Return name and end of the outermost boxes (ISO 14496-12, 4.2); none if it is not an MP4."""
    boxes = [(name, end) for name, _, end in _boxes(file, size)]
    return boxes if boxes and boxes[0][0] == b"ftyp" else []


def is_faststart(path: Path) -> bool:
    """Whether it is an MP4 that plays while it downloads, since its index comes first."""
    with path.open("rb") as file:
        names = [name for name, _ in outer_boxes(file, path.stat().st_size)]
    return b"moov" in names and b"mdat" in names and names.index(b"moov") < names.index(b"mdat")


_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
"""The UUID of the box that holds content credentials (C2PA 2.1, A.5.1)."""


def has_content_credentials(path: Path) -> bool:
    """Whether it is an MP4 or MOV that holds a C2PA manifest."""
    with path.open("rb") as file:
        for name, start, _ in _boxes(file, path.stat().st_size):
            file.seek(start)
            header = file.read(32)
            at = 16 if int.from_bytes(header[:4]) == 1 else 8
            if name == b"uuid" and header[at : at + 16] == _C2PA:
                return True
    return False


@dataclass(frozen=True)
class Declared:
    """What the index of an MP4 or MOV declares, read without a demuxer.

    Attributes:
        entries: The most index entries that a demuxer would keep in memory.
        is_compressed: Whether part of the index is compressed, so that its size is unknown.
        has_aperture: Whether a track crops its picture (a clean aperture).
    """

    entries: int = 0
    is_compressed: bool = False
    has_aperture: bool = False


def declared(path: Path) -> Declared:
    """Count what the index declares; in other formats, whatever looks like an index.

    Boxes are searched for by name everywhere outside the media data, since demuxers also accept
    them in places that the standard does not allow: walking the standard's tree could miss them.

    Raises:
        OSError: The file cannot be read.
    """
    if path.stat().st_size == 0:
        return Declared()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        regions = list(_index_regions(file, len(data)))
        index = _Index(data, regions)
        # Each edit may show all samples again. Two are usual: a delay, then the media.
        edits = max((index.number(at + 8) for at in index.places(b"elst")), default=0)
        samples = index.samples() * max(1, edits - 1)
        # Each fragment takes memory for every track.
        fragments = index.fragments() * max(1, index.count(b"trak"))
        return Declared(
            entries=max(samples, fragments),
            is_compressed=index.count(b"cmov") > 0,
            has_aperture=index.count(b"clap") > 0,
        )


class _Index:
    """Numbers in boxes. A place is the offset of a box's name; version and flags follow it."""

    def __init__(self, data: mmap.mmap, regions: list[tuple[int, int]]):
        self._data, self._regions = data, regions

    def places(self, name: bytes) -> Iterator[int]:
        for start, end in self._regions:
            yield from self._within(name, start, end)

    def count(self, name: bytes) -> int:
        return sum(1 for _ in self.places(name))

    def number(self, at: int, width: int = 4) -> int:
        return int.from_bytes(self._data[at : at + width])

    def samples(self) -> int:
        in_fragments = sum(self.number(at + 8) for at in self.places(b"trun"))
        tables = [*self.places(b"stsz"), *self.places(b"stz2")]
        uncompressed = [
            (start, end)
            for start, end in pairwise([*self.places(b"trak"), len(self._data)])
            if self._is_uncompressed_sound(start, end)
        ]
        return in_fragments + sum(
            self.number(at + 12)
            for at in tables
            if not any(start < at < end for start, end in uncompressed)
        )

    def fragments(self) -> int:
        found = self.count(b"moof")
        found += sum(self.number(at + 16) for at in self.places(b"tfra"))
        for at in self.places(b"sidx"):
            found += self.number(at + (34 if self.number(at + 4, 1) else 26), 2)
        return found

    def _is_uncompressed_sound(self, start: int, end: int) -> bool:
        """Whether a track is sound with one tick per sample, which demuxers read in chunks."""
        kinds = {self._data[at + 12 : at + 16] for at in self._within(b"hdlr", start, end)}
        counts = [self.number(at + 8) for at in self._within(b"stts", start, end)]
        ticks = [self.number(at + 16) for at in self._within(b"stts", start, end)]
        sizes = self._within(b"stsz", start, end)
        return (
            b"soun" in kinds
            and kinds <= {b"soun", b"alis", b"url "}
            and (counts, ticks) == ([1], [1])
            and all(self.number(at + 12) <= len(self._data) for at in sizes)
        )

    def _within(self, name: bytes, start: int, end: int) -> Iterator[int]:
        at = self._data.find(name, start, end)
        while at >= 0:
            yield at
            at = self._data.find(name, at + len(name), end)


def _index_regions(file: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    """Yield the regions that may hold an index: everything but the media data."""
    reached = 0
    for name, start, end in _boxes(file, size):
        if name != b"mdat":
            yield start, min(end, size)
        reached = end
    if reached < size:  # not a box
        yield reached, size


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of the outermost boxes."""
    return islice(_all_boxes(file, size), _MOST_BOXES)


def _all_boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    start = 0
    while start + 8 <= size:
        file.seek(start)
        header = file.read(16)
        length, name = int.from_bytes(header[:4]), header[4:8]
        if length == 1:
            length = int.from_bytes(header[8:16])
        elif length == 0:  # to the end of the file
            length = size - start
        if length < 8:
            return
        yield name, start, start + length
        start += length
