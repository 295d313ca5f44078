"""The preview of a chunk's object: one picture, or a few frames of its clip."""

from collections.abc import Sequence
from io import BytesIO

from PIL import Image

from chunk_assets.errors import MediaError
from chunk_assets.film.clip_damage import check_clip
from chunk_assets.media.images import animation_webp, open_picture
from chunk_assets.media.sampling import sample_frames
from chunk_assets.render.request import ChunkObject

MOVING_FRAMES = 8
"""How many frames a clip's moving preview has: about 5 a second, enough to judge a movement."""

MOVING_WIDTH = 640
"""Their width, in pixels."""

FEWEST_PICTURES = 2
"""Minimum number of pictures in a moving preview."""

MAX_MOVING_BYTES = 47_950
"""Limit on a moving preview: 64,000 characters as a data URI, which each event keeps in Dagster's
log."""


def moving_preview(pictures: Sequence[Image.Image], seconds: float) -> bytes:
    """Return an animated WebP of a clip, with fewer pictures if all would have to be smaller.

    Args:
        pictures: Frames of the clip, one or more.
        seconds: How long they play.
    """
    side = preview_side(pictures[0])
    while True:
        content = animation_webp(pictures, MAX_MOVING_BYTES, seconds, side)
        with Image.open(BytesIO(content)) as first:
            is_wide = first.width >= min(MOVING_WIDTH, pictures[0].width)
        if is_wide or len(pictures) <= FEWEST_PICTURES:
            return content
        pictures = pictures[::2]


def preview_side(picture: Image.Image) -> int:
    """Return the longer side of a picture as wide as a preview."""
    return max(MOVING_WIDTH, -(-MOVING_WIDTH * picture.height // picture.width))


def load_moving(made: ChunkObject) -> bytes:
    """Return the moving preview of a clip, made from the clip if it is not in memory.

    Raises:
        StorageError: The clip cannot be fetched, or is damaged.
        MediaError: It cannot be decoded.
    """
    seconds = float(made.spec.fps.seconds(made.spec.num_frames))
    return made.moving or moving_preview(load_pictures(made), seconds)


def load_pictures(made: ChunkObject) -> Sequence[Image.Image]:
    """Return the pictures of an object, fetching its file if they are not in memory.

    Raises:
        StorageError: The file cannot be fetched, or the stored clip is damaged.
        MediaError: It cannot be decoded.
    """
    if made.pictures:
        return made.pictures
    path = made.file.fetch()
    if made.stage != "chunk_videos":
        largest = max(made.spec.size) if made.stage == "chunk_specs" else None
        return [open_picture(path, largest_side=largest)]
    try:
        return sample_frames(path, made.spec.num_frames, MOVING_FRAMES, MOVING_WIDTH)
    except MediaError:
        if made.file.ref is not None:
            check_clip(made.file.ref.store, made.stored, path, made.spec)
        raise
