"""Colour metadata: from code points to the options that FFmpeg's `scale` filter needs."""

import av

# The code points of ITU-T H.273, as FFmpeg names them.
_SPACES = {
    0: "gbr",
    1: "bt709",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
    10: "bt2020c",
}
_PRIMARIES = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    11: "smpte431",
    12: "smpte432",
}
_CURVES = {
    1: "bt709",
    4: "gamma22",
    5: "gamma28",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    18: "arib-std-b67",
}
_RANGES = {1: "tv", 2: "pc"}
BT601 = {"in_color_matrix": "bt601", "in_range": "tv"}
BT709 = {"in_color_matrix": "bt709", "in_range": "tv"}
"""The results of `reading` for common SD and HD clips."""

# The scale filter's own names for the matrices it knows.
_MATRICES = {
    "bt709": "bt709",
    "fcc": "fcc",
    "bt470bg": "bt601",
    "smpte170m": "bt601",
    "smpte240m": "smpte240m",
    "bt2020nc": "bt2020",
    "bt2020c": "bt2020",
}


def names(space: int, primaries: int, curve: int, range_: int) -> tuple[str, str, str, str]:
    """Return FFmpeg's names of a stream's colour code points; "unknown" for other values."""
    return (
        _SPACES.get(space, "unknown"),
        _PRIMARIES.get(primaries, "unknown"),
        _CURVES.get(curve, "unknown"),
        _RANGES.get(range_, "unknown"),
    )


def reading(pix_fmt: str, space: str, range_: str, size: tuple[int, int]) -> dict[str, str]:
    """Return the `scale` filter's options for a picture's input colours.

    Untagged pictures are interpreted as players do: bt709 from HD on (a side of 1280 pixels, or
    both above 576), bt601 below, and tv range unless the pixel format implies another.
    """
    if av.VideoFormat(pix_fmt).is_rgb or pix_fmt == "pal8":
        return {}
    untagged = "bt709" if max(size) >= 1280 or min(size) > 576 else "bt601"
    options = {"in_color_matrix": _MATRICES.get(space, untagged)}
    if range_ != "unknown":
        options["in_range"] = range_
    elif pix_fmt.startswith("yuvj"):
        options["in_range"] = "pc"
    elif not pix_fmt.startswith("gray"):
        options["in_range"] = "tv"
    return options
