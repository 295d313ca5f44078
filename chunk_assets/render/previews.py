"""The preview of a chunk's object: one picture, or a few frames of its clip."""

from collections.abc import Sequence

from PIL import Image

from chunk_assets.errors import MediaError
from chunk_assets.film.clip_damage import check_clip
from chunk_assets.media.images import open_picture
from chunk_assets.media.sampling import sample_frames
from chunk_assets.render.request import ChunkObject

MOVING_FRAMES = 8
"""How many frames a clip's moving preview has: about 5 a second, enough to judge a movement."""

MOVING_WIDTH = 640
"""Their width, in pixels."""


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
