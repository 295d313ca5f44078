"""Files that are there whole or not at all."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chunk_assets.errors import MediaError


@contextmanager
def written_whole(target: Path) -> Iterator[Path]:
    """Give a path beside `target` to write to, which takes its name once the block has ended.

    Whatever ends the block otherwise (an error, Ctrl-C) leaves `target` as it was and nothing
    beside it.

    Raises:
        MediaError: The directory is not there, or the file cannot take its name.
    """
    if not target.parent.is_dir():
        message = f"{str(target)!r} cannot be written: its directory does not exist"
        raise MediaError(message, path=str(target))
    # In the same directory, so that the rename stays within one file system and is atomic.
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
        try:
            part.replace(target)
        except OSError as error:
            message = f"{str(target)!r} cannot be written: {error.strerror}"
            raise MediaError(message, path=str(target)) from error
    finally:
        part.unlink(missing_ok=True)
