"""Present byte ranges of a file as a file."""

import bisect
import io
from collections.abc import Sequence
from itertools import accumulate
from typing import BinaryIO


class Ranges(io.RawIOBase):
    """Byte ranges of a file, one after another, as a seekable file."""

    def __init__(self, file: BinaryIO, ranges: Sequence[tuple[int, int]]):
        self._file = file
        self._ranges = ranges
        self._ends = list(accumulate(end - start for start, end in ranges))
        self._at = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: (self._ends or [0])[-1]}
        self._at = max(0, base[whence] + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] - BufferedReader's
        """Read up to the end of the current range."""
        number = bisect.bisect_right(self._ends, self._at)
        if number == len(self._ends):
            return 0
        left = self._ends[number] - self._at
        self._file.seek(self._ranges[number][1] - left)
        content = self._file.read(min(left, len(buffer)))
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)


class KeptRanges:
    """Byte ranges collected in order; adjacent ones are merged."""

    def __init__(self) -> None:
        self.ranges: list[tuple[int, int]] = []

    def add(self, start: int, end: int) -> None:
        """Keep the bytes from `start` to before `end`."""
        if self.ranges and self.ranges[-1][1] == start:
            start = self.ranges.pop()[0]
        self.ranges.append((start, end))

    def of(self, file: BinaryIO) -> BinaryIO:
        """Return the kept bytes of a file as a file."""
        return io.BufferedReader(Ranges(file, self.ranges), 1 << 16)  # type: ignore[return-value]
