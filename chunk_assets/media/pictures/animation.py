"""Read the pictures of an animated WebP in bounded time and memory."""

from pathlib import Path

from PIL import Image
from PIL.WebPImagePlugin import WebPImageFile

from chunk_assets.errors import MediaError
from chunk_assets.media.pictures.reading import open_picture
from chunk_assets.media.pictures.warnings_off import ignore_warnings


def open_animation(path: Path, max_bytes: int, max_pictures: int) -> list[Image.Image]:
    """Return the first pictures of an animated WebP, as RGB.

    Args:
        path: The file.
        max_bytes: The limit of its size.
        max_pictures: How many pictures to return at most.

    Raises:
        MediaError: The file is not such an animation, is damaged, or exceeds a limit.
    """
    shown = str(path)
    open_picture(path)  # checks the size of its pictures
    try:
        size = path.stat().st_size
        if size > max_bytes:
            message = f"the picture {shown!r} has {size} bytes; the limit is {max_bytes}"
            raise MediaError(message, path=shown)
        with ignore_warnings(), path.open("rb") as file, WebPImageFile(file) as image:
            pictures = []
            for number in range(min(image.n_frames, max_pictures)):
                image.seek(number)
                pictures.append(image.convert("RGB"))
            return pictures
    except (OSError, SyntaxError, ValueError, EOFError, RuntimeError) as error:
        # Pillow raises any of these for a broken file, and SyntaxError for another format.
        reason = " ".join(str(error).split())[:200]
        message = f"the picture {shown!r} is not an animated WebP, or damaged: {reason}"
        raise MediaError(message, path=shown) from error
