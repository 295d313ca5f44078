"""The structure of a picture's file, read before Pillow decodes it."""

import struct
from dataclasses import dataclass, field
from typing import BinaryIO


class Damaged(Exception):
    """The file's structure is invalid; the message describes the fault."""


@dataclass(frozen=True)
class PngCoding:
    """A PNG's colour space, if it is not sRGB. The first attribute that is set counts.

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
    """A picture's file, reduced to what its first picture needs.

    Attributes:
        format: Pillow's name of the format.
        file: The bytes for Pillow, without EXIF, text and further pictures.
        size: Width and height, if opening the file would already allocate the picture.
        orientation: EXIF's orientation, 1 to 8; None if Pillow reads it.
        profile: The ICC profile; None if Pillow reads it.
        coding: A PNG's colour chunks.
        decoder_bytes: Memory that the decoder needs in addition to the picture.
        decoder_bytes_per_pixel: The part of that memory which each pixel adds.
        scans: How many times a JPEG's decoder passes over the picture.
        is_slow: Whether a loop in Python decodes it.
        sample_bits: The bits of a TIFF's first sample.
        is_inverted: Whether 0 is white in a TIFF.
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
    """Read exactly `count` bytes.

    Raises:
        Damaged: The file ends early.
    """
    content = file.read(count)
    if len(content) < count:
        raise Damaged("it is truncated")
    return content


def unpacked(form: str, file: BinaryIO) -> tuple[int, ...]:
    """Read and unpack one `struct` format.

    Raises:
        Damaged: The file ends early.
    """
    return struct.unpack(form, read_exactly(file, struct.calcsize(form)))
