"""What is known of a picture's file before Pillow decodes it."""

import struct
from dataclasses import dataclass, field
from typing import BinaryIO


class Damaged(Exception):
    """The file's structure cannot be read; the message says what is wrong with it."""


@dataclass(frozen=True)
class PngCoding:
    """How a PNG's numbers are meant, other than as sRGB; the first that is stated counts.

    Attributes:
        cicp: Primaries, transfer, matrix and full range by ITU-T H.273.
        gamma: The gAMA chunk's value, such as 0.45455.
        chromaticities: The cHRM chunk's x and y of white, red, green and blue.
    """

    cicp: tuple[int, int, int, int] | None = None
    gamma: float | None = None
    chromaticities: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Header:
    """A picture's file, reduced to what it takes to see its first picture.

    Attributes:
        format: Pillow's name of the format.
        file: The bytes that Pillow is given: no EXIF, no text, no further pictures.
        size: Width and height, where opening would already allocate them.
        orientation: EXIF's, 1 to 8; None where Pillow tells it.
        profile: The ICC profile; None where Pillow tells it.
        coding: A PNG's colour chunks.
        decoder_bytes: Memory that the decoder takes beside the picture.
        decoder_bytes_per_pixel: The same, for each pixel.
        scans: How many times a JPEG's decoder goes over the picture.
        is_slow: Decoded by a loop in Python.
        sample_bits: Of a TIFF's first sample.
        is_inverted: A TIFF's 0 is white.
    """

    format: str
    file: BinaryIO
    size: tuple[int, int] | None = None
    orientation: int | None = None
    profile: bytes | None = None
    coding: PngCoding = field(default_factory=PngCoding)
    decoder_bytes: int = 0
    decoder_bytes_per_pixel: int = 0
    scans: int = 1
    is_slow: bool = False
    sample_bits: int = 8
    is_inverted: bool = False


def read_exactly(file: BinaryIO, count: int) -> bytes:
    """Read so many bytes.

    Raises:
        Damaged: The file ends before.
    """
    content = file.read(count)
    if len(content) < count:
        raise Damaged("it is truncated")
    return content


def unpacked(form: str, file: BinaryIO) -> tuple[int, ...]:
    """Read and unpack one `struct` form.

    Raises:
        Damaged: The file ends before.
    """
    return struct.unpack(form, read_exactly(file, struct.calcsize(form)))
