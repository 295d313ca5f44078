"""Measuring pictures and movement, as numbers that a limit can be set for; NumPy alone.

Pictures are height × width × 3, RGB, of 0 to 255; `reduced` brings them to the size at which they
are compared. Luma is height × width, likewise of 0 to 255.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

REDUCED_WIDTH = 160
"""About this wide are pictures when they are compared: grain and codec noise average out."""

BLACK_SHARE = 0.98
"""The part of a black frame's pixels that are black, as FFmpeg's blackframe has it."""

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # ITU-R BT.709

# IEC 61966-2-1 (sRGB) to XYZ, divided by the white point D65: each row sums to 1.
_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ],
    np.float32,
)
_XYZ_OF_WHITE = _XYZ / _XYZ.sum(axis=1, keepdims=True)


def reduced(rgb: np.ndarray, width: int = REDUCED_WIDTH) -> np.ndarray:
    """The picture made smaller by a whole number, each pixel the mean of those it stands for.

    Args:
        rgb: Height × width × 3.
        width: What it is brought near to, from above; a smaller picture stays as it is.

    Returns:
        The same as float32. Rows and columns that do not fill a pixel are left out.
    """
    height, given = rgb.shape[:2]
    factor = max(1, min(given // width, height))
    rows, columns = height // factor, given // factor
    used = rgb[: rows * factor, : columns * factor]
    # Rows first, along which memory lies: a tenth of the time that a mean over both takes.
    lines = used.reshape(rows, factor, columns * factor * 3).sum(axis=1, dtype=np.float32)
    blocks = lines.reshape(rows, columns, factor, 3).sum(axis=2, dtype=np.float32)
    return blocks / np.float32(factor**2)


def luma(rgb: np.ndarray) -> np.ndarray:
    """The brightness of each pixel."""
    return rgb @ _LUMA


def drawing_distance(one: np.ndarray, other: np.ndarray) -> float:
    """How far two pictures of one size are apart, whatever their brightness.

    Returns:
        The mean absolute difference of their luma after the mean difference was taken away: a cast
        over the whole picture is a matter of colour (`ColourShift`), not of what is drawn. Linear:
        the distance from a picture to a blend of it with `w` of another is `w` times theirs.
    """
    difference = luma(one) - luma(other)
    return float(np.abs(difference - difference.mean()).mean())


def is_black(brightness: np.ndarray, below: float) -> bool:
    """Whether nearly all of a frame is black.

    Args:
        brightness: Its luma.
        below: What counts as a black pixel.
    """
    return float((brightness < below).mean()) >= BLACK_SHARE


@dataclass(frozen=True)
class Movement:
    """What happens in a clip.

    Attributes:
        frames: How many frames were seen.
        mean_luma: Their mean brightness.
        black_frames: How many are black.
        still_frames: The longest stretch in which the picture stays where it began.
    """

    frames: int
    mean_luma: float
    black_frames: int
    still_frames: int

    @property
    def still_share(self) -> float:
        """The part of the clip that its longest still stretch fills; 0 for an empty clip."""
        return self.still_frames / self.frames if self.frames else 0.0


def movement(lumas: Iterable[np.ndarray], *, black_luma: float, still_luma: float) -> Movement:
    """Watch a clip.

    A stretch is still as long as each frame differs from the stretch's first by less than
    `still_luma` on the mean: a slow movement ends it, which frame by frame would pass for none.

    Args:
        lumas: The frames' brightness, in order; consumed one by one.
        black_luma: See `is_black`.
        still_luma: See above.
    """
    frames = black = longest = stretch = 0
    total = 0.0
    anchor: np.ndarray | None = None
    for frame in lumas:
        frames += 1
        total += float(frame.mean())
        black += is_black(frame, black_luma)
        current = frame.astype(np.float32)
        if anchor is not None and float(np.abs(current - anchor).mean()) < still_luma:
            stretch += 1
        else:
            anchor, stretch = current, 1
        longest = max(longest, stretch)
    return Movement(frames, total / frames if frames else 0.0, black, longest)


def lab(rgb: np.ndarray) -> np.ndarray:
    """The picture in CIE L*a*b* (1976) under D65: L* of 0 to 100, a* and b* about ±100."""
    encoded = rgb.astype(np.float32) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _XYZ_OF_WHITE.T
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


@dataclass(frozen=True)
class ColourShift:
    """By how much the colours of one picture differ from another's; vectors of L*, a*, b*.

    Attributes:
        mean: Of the means: lighter, redder, yellower are positive.
        spread: Of the standard deviations: more contrast, more colourful are positive.
    """

    mean: np.ndarray
    spread: np.ndarray

    @property
    def mean_distance(self) -> float:
        """ΔE (CIE 1976) between the mean colours; a viewer sees one from 2.3 on."""
        return float(np.linalg.norm(self.mean))

    @property
    def spread_distance(self) -> float:
        """The same between the spreads: how much contrast was won or lost."""
        return float(np.linalg.norm(self.spread))


def colour_shift(before: np.ndarray, after: np.ndarray) -> ColourShift:
    """What happened to the colours from one picture to another; their sizes may differ."""
    one, other = lab(before).reshape(-1, 3), lab(after).reshape(-1, 3)
    return ColourShift(other.mean(0) - one.mean(0), other.std(0) - one.std(0))


def accumulated(shifts: Iterable[tuple[ColourShift, float]]) -> ColourShift:
    """What the shifts of a chain of chunks have added up to in the last one's last frame.

    Args:
        shifts: In order, each with the share of the chunk before in its conditioning image: only
            that part of what was added before is still there (a steady shift `d` adds up to
            `d / (1 - share)` at most).
    """
    mean, spread = np.zeros(3, np.float32), np.zeros(3, np.float32)
    for shift, share in shifts:
        mean, spread = share * mean + shift.mean, share * spread + shift.spread
    return ColourShift(mean, spread)
