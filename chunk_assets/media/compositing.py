"""The composite: the reference pictures of one chunk, blended into its conditioning image."""

import numpy as np
from PIL import Image

from chunk_assets.errors import SpecError
from chunk_assets.media.images import cover, open_picture, save_png

ANIMATIC_WEIGHT = 0.7
STYLE_WEIGHT = 0.3
TEMPORAL_WEIGHT = 0.7

LARGEST_SIDE = 4096
"""Pixels: a film's largest side, and a composite's."""


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

    - Chunk 0: 70 % animatic and 30 % style guide (`animatic_weight` and `style_weight`,
      normalised by their sum); the animatic alone where there is no style guide.
    - Chunks 1 and later: 70 % previous frame (`temporal_weight`) and 30 % animatic (what is left),
      whatever the other weights say and whether or not there is a style guide.

    Every picture is scaled and cropped to cover the composite, never distorted.

    Args:
        animatic_path: The storyboard's frame.
        style_guide_path: The look of the film.
        previous_frame_path: The last frame of the chunk before.
        animatic_weight: The animatic's share beside the style guide, in [0, 1].
        style_weight: The style guide's share, in [0, 1].
        temporal_weight: The previous frame's share, in [0, 1].
        size: Width and height of the composite in pixels. Without it the animatic's, scaled down
            to `LARGEST_SIDE` where it is larger.
        output_path: Where the PNG goes; a temporary file, the caller's to remove, without it.

    Returns:
        The path of an RGB PNG.

    Raises:
        SpecError: A weight lies outside [0, 1], or both of chunk 0's are 0.
        MediaError: A picture cannot be read, or the composite not be written.
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
    """`create_reference_composite` for RGB pictures in memory; of the animatic's size.

    Raises:
        SpecError: A weight lies outside [0, 1], or both of chunk 0's are 0.
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
"""Blended at a time, so that what is on the way stays in the processor's cache."""


def blend(base: Image.Image, other: Image.Image, weight: float) -> Image.Image:
    """`(1 − weight) · base + weight · other`, rounded to the nearest level.

    `PIL.Image.blend` truncates: half a level darker a chunk, seen after fifteen of them.
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
