"""The surfaces under and in a drawing: paper tooth and the streaks a broad marker leaves.

Every texture is a float32 array around 0, within about -1..1, and the same in every run.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Texture = NDArray[np.float32]


def _resized(field: NDArray[np.float64] | Texture, size: tuple[int, int]) -> Texture:
    picture = Image.fromarray(field.astype(np.float32))
    return np.asarray(picture.resize(size, Image.Resampling.BICUBIC), dtype=np.float32)


def cloud(size: tuple[int, int], cell: float, seed: int, stretch: float = 1.0) -> Texture:
    """Soft blotches of about `cell` pixels, `stretch` times as wide as high."""
    width, height = size
    grid = (max(3, int(width / cell / stretch)), max(3, int(height / cell)))
    noise = np.random.default_rng(seed).normal(0, 0.4, (grid[1], grid[0]))
    return np.clip(_resized(noise, size), -1, 1)


@lru_cache(maxsize=4)
def tooth(size: tuple[int, int], scale: int) -> Texture:
    """Paper's tooth: fine grain, a coarser felt pattern and few long fibres."""
    width, height = size
    rng = np.random.default_rng(11)
    fine = rng.normal(0, 0.5, (height // scale, width // scale))
    grain = Image.fromarray(fine.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    felt = cloud(size, 3.2 * scale, 12)
    return np.clip(0.65 * np.asarray(grain) + 0.5 * felt, -1, 1).astype(np.float32)


@lru_cache(maxsize=8)
def streaks(size: tuple[int, int], scale: int, angle: float) -> Texture:
    """Marker streaks: bands along `angle` degrees that overlap and thin out."""
    width, height = size
    reach = int(np.hypot(width, height)) + 2
    coarse = cloud((reach // scale, reach // scale), 22, 21, stretch=26)
    fine = cloud((reach // scale, reach // scale), 3, 22, stretch=60)
    band = Image.fromarray((0.75 * coarse + 0.45 * fine).astype(np.float32))
    turned = band.rotate(-angle, Image.Resampling.BILINEAR)
    w, h = width // scale, height // scale
    left, top = (turned.width - w) // 2, (turned.height - h) // 2
    cut = turned.crop((left, top, left + w, top + h))
    return np.clip(np.asarray(cut.resize(size, Image.Resampling.BILINEAR)), -1, 1)


def softened(mask: Image.Image, radius: float) -> Image.Image:
    """A Gaussian blur; wide ones are done on a smaller copy, which cannot be told apart."""
    shrink = max(1, int(radius / 6))
    if shrink == 1:
        return mask.filter(ImageFilter.GaussianBlur(radius))
    small = mask.reduce(shrink).filter(ImageFilter.GaussianBlur(radius / shrink))
    return small.resize(mask.size, Image.Resampling.BICUBIC)
