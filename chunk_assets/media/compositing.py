"""Composites: the reference pictures of a chunk, blended into its conditioning image."""

import numpy as np
from PIL import Image

from chunk_assets.errors import SpecError
from chunk_assets.media.images import cover, open_picture, save_png

ANIMATIC_WEIGHT = 0.7
STYLE_WEIGHT = 0.3
TEMPORAL_WEIGHT = 0.7

LARGEST_SIDE = 4096
"""Pixels of the longest side of a composite, and of a film."""


def create_reference_composite(
    animatic_path: str,
    style_guide_path: str | None = None,
    previous_frame_path: str | None = None,
    animatic_weight: float = ANIMATIC_WEIGHT,
    style_weight: float = STYLE_WEIGHT,
    temporal_weight: float = TEMPORAL_WEIGHT,
    *,
    size: tuple[int, int] | None = None,
    output_path: str | None = None,
) -> str:
    """Blend the reference pictures of a chunk into its conditioning image.

    - Without a previous frame (chunk 0): 70 % animatic and 30 % style guide (`animatic_weight` and
      `style_weight`, divided by their sum), or the animatic alone without a style guide.
    - With one (later chunks): 70 % previous frame (`temporal_weight`) and 30 % animatic. The style
      guide and the other weights are ignored.

    Every picture is scaled and cropped to cover the composite, never distorted.

    Args:
        animatic_path: The frame of the storyboard.
        style_guide_path: The picture that shows the film's look.
        previous_frame_path: The last frame of the previous chunk.
        animatic_weight: The animatic's share beside the style guide, 0 to 1.
        style_weight: The style guide's share, 0 to 1.
        temporal_weight: The previous frame's share, 0 to 1.
        size: Width and height of the composite in pixels; by default the animatic's, scaled down
            to `LARGEST_SIDE`.
        output_path: The PNG to write; by default a temporary file, which the caller removes.

    Returns:
        The path of an RGB PNG.

    Raises:
        SpecError: A weight is outside 0 to 1, or both weights of chunk 0 are 0.
        MediaError: A picture cannot be read, or the composite cannot be written.
    """
    animatic = open_picture(animatic_path, size, largest_side=None if size else LARGEST_SIDE)
    composite = blend_references(
        animatic,
        open_picture(style_guide_path, animatic.size) if style_guide_path else None,
        open_picture(previous_frame_path, animatic.size) if previous_frame_path else None,
        animatic_weight,
        style_weight,
        temporal_weight,
    )
    return str(save_png(composite, output_path))


def blend_references(
    animatic: Image.Image,
    style_guide: Image.Image | None,
    previous_frame: Image.Image | None,
    animatic_weight: float = ANIMATIC_WEIGHT,
    style_weight: float = STYLE_WEIGHT,
    temporal_weight: float = TEMPORAL_WEIGHT,
) -> Image.Image:
    """Blend RGB pictures as `create_reference_composite` does, at the animatic's size.

    Raises:
        SpecError: A weight is outside 0 to 1, or both weights of chunk 0 are 0.
    """
    weights = {
        "animatic_weight": animatic_weight,
        "style_weight": style_weight,
        "temporal_weight": temporal_weight,
    }
    for name, weight in weights.items():
        if not 0.0 <= weight <= 1.0:  # NaN is refused, too
            raise SpecError(f"{name} is {weight!r}: a weight lies between 0 and 1")
    if previous_frame:
        return blend(animatic, cover(previous_frame, animatic.size), temporal_weight)
    if not style_guide:
        return animatic
    if animatic_weight + style_weight == 0:
        raise SpecError("animatic_weight and style_weight are both 0: at least one must be above 0")
    share = style_weight / (animatic_weight + style_weight)
    return blend(animatic, cover(style_guide, animatic.size), share)


_ROWS = 16
"""Rows blended at a time, so that intermediate values stay in the processor's cache."""


def blend(base: Image.Image, other: Image.Image, weight: float) -> Image.Image:
    """Return `(1 − weight) · base + weight · other`, rounded to the nearest level.

    `PIL.Image.blend` truncates, which darkens each chunk by half a level: visible after fifteen.
    """
    if weight in (0.0, 1.0):
        return base if weight == 0.0 else other
    one, two = np.asarray(base), np.asarray(other)
    blended = np.empty_like(one)
    for start in range(0, len(one), _ROWS):
        rows = slice(start, start + _ROWS)
        mixed = one[rows].astype(np.float32)
        mixed += (two[rows] - mixed) * np.float32(weight)
        blended[rows] = np.rint(mixed, out=mixed)
    return Image.fromarray(blended)
