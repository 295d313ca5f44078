"""Measure pictures and movement as numbers that checks compare with limits; NumPy only.

Pictures are height × width × 3, RGB, 0 to 255; `reduced` scales them to the size for comparison.
Luma is height × width, 0 to 255.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import log10

import numpy as np

REDUCED_WIDTH = 160
"""Approximate width for comparison, at which grain and codec noise average out."""

BLACK_SHARE = 0.98
"""The share of black pixels that makes a frame black, as in FFmpeg's blackframe."""

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
    """Scale a picture down by a whole number, averaging blocks of pixels.

    Args:
        rgb: Height × width × 3.
        width: The smallest resulting width; narrower pictures keep their size.

    Returns:
        The picture as float32, without rows and columns that do not fill a block.
    """
    height, given = rgb.shape[:2]
    factor = max(1, min(given // width, height))
    rows, columns = height // factor, given // factor
    used = rgb[: rows * factor, : columns * factor]
    # Rows first, which are contiguous: a tenth of the time of a mean over both axes.
    lines = used.reshape(rows, factor, columns * factor * 3).sum(axis=1, dtype=np.float32)
    blocks = lines.reshape(rows, columns, factor, 3).sum(axis=2, dtype=np.float32)
    return blocks / np.float32(factor**2)


def luma(rgb: np.ndarray) -> np.ndarray:
    """Return the brightness of each pixel."""
    return rgb @ _LUMA


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio of two pictures of one size, in dB; 99 if equal."""
    error = float(np.mean((one.astype(np.float32) - other.astype(np.float32)) ** 2))
    return min(99.0, 10 * log10(255**2 / error)) if error > 0 else 99.0


def drawing_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Return how much two pictures of one size differ, apart from overall brightness.

    Returns:
        The mean absolute difference of their luma, less the mean difference: an overall cast is
        measured by `ColourShift`. It is linear: from a picture to its blend with a share `w` of
        another, it is `w` times the distance between the two.
    """
    difference = luma(one) - luma(other)
    return float(np.abs(difference - difference.mean()).mean())


def is_black(brightness: np.ndarray, below: float) -> bool:
    """Whether nearly all of a frame is black.

    Args:
        brightness: Its luma.
        below: The level below which a pixel is black.
    """
    return float((brightness < below).mean()) >= BLACK_SHARE


@dataclass(frozen=True)
class Movement:
    """How much a clip moves, and how dark it is.

    Attributes:
        frames: The number of frames.
        mean_luma: Their mean brightness.
        black_frames: The number of black frames.
        still_frames: The length of the longest still stretch, in frames.
    """

    frames: int
    mean_luma: float
    black_frames: int
    still_frames: int

    @property
    def still_share(self) -> float:
        """The longest still stretch as a share of the clip; 0 for an empty clip."""
        return self.still_frames / self.frames if self.frames else 0.0


def movement(lumas: Iterable[np.ndarray], *, black_luma: float, still_luma: float) -> Movement:
    """Measure a clip's movement.

    A stretch is still while each frame differs from the stretch's first frame by less than
    `still_luma` on average. This also detects slow movement, which comparing neighbouring frames
    would miss.

    Args:
        lumas: The frames' brightness in order; consumed lazily.
        black_luma: The level below which a pixel is black.
        still_luma: The mean difference below which two frames are alike.
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
    """Convert a picture to CIE L*a*b* (1976) under D65: L* 0 to 100, a* and b* about ±100."""
    encoded = rgb.astype(np.float32) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _XYZ_OF_WHITE.T
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


@dataclass(frozen=True)
class ColourShift:
    """The colour difference between two pictures, as vectors of L*, a*, b*.

    Attributes:
        mean: The difference of means; lighter, redder and yellower are positive.
        spread: The difference of standard deviations; more contrast and more colourful are
            positive.
    """

    mean: np.ndarray
    spread: np.ndarray

    @property
    def mean_distance(self) -> float:
        """ΔE (CIE 1976) between the mean colours; visible from 2.3 on."""
        return float(np.linalg.norm(self.mean))

    @property
    def spread_distance(self) -> float:
        """ΔE between the spreads: how much contrast changed."""
        return float(np.linalg.norm(self.spread))


def colour_shift(before: np.ndarray, after: np.ndarray) -> ColourShift:
    """Return how the colours changed between two pictures; their sizes may differ."""
    one, other = lab(before).reshape(-1, 3), lab(after).reshape(-1, 3)
    return ColourShift(other.mean(0) - one.mean(0), other.std(0) - one.std(0))


def accumulated(shifts: Iterable[tuple[ColourShift, float]]) -> ColourShift:
    """Return the colour shift that a chain of chunks has accumulated.

    Args:
        shifts: In order, each with the share of the previous chunk in its conditioning image. Only
            that share of the earlier shift remains, so a steady shift `d` accumulates to at most
            `d / (1 - share)`.
    """
    mean, spread = np.zeros(3, np.float32), np.zeros(3, np.float32)
    for shift, share in shifts:
        mean, spread = share * mean + shift.mean, share * spread + shift.spread
    return ColourShift(mean, spread)
