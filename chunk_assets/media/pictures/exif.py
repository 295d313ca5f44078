"""Read the EXIF orientation."""

import struct

ORIENTATION = 0x0112


def orientation(exif: bytes) -> int:
    """Return the orientation (1 to 8) in an EXIF block; 1 if it is missing or damaged.

    Only the entries of the first directory are read: in other tags, 64 kB can declare hundreds of
    megabytes.
    """
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start)
        for number in range(count):
            tag, kind, values, value = struct.unpack_from(
                f"{order}HHIH", exif, start + 2 + 12 * number
            )
            if tag == ORIENTATION:
                return value if kind == 3 and values == 1 and 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
