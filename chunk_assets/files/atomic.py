"""Atomic file writes: a file is complete or absent."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chunk_assets.errors import ChunkAssetsError, StorageError


@contextmanager
def atomic_write(target: Path, error: type[ChunkAssetsError] = StorageError) -> Iterator[Path]:
    """Yield a temporary path beside `target`, and rename it to `target` when the block ends.

    If the block raises, `target` stays as it was and the temporary file is removed.

    Args:
        target: The file to write.
        error: What an `OSError` in the block, such as a full disk, becomes.

    Raises:
        ChunkAssetsError: `error`, if the directory is missing or the disk refuses the file.
    """
    if not target.parent.is_dir():
        message = f"{str(target)!r} cannot be written: its directory does not exist"
        raise error(message, path=str(target))
    # In the same directory, so that the rename stays within one file system and is atomic.
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        yield part
        part.replace(target)
    except BrokenPipeError:
        raise  # never the disk: someone closed the terminal
    except OSError as refused:
        message = f"{str(target)!r} cannot be written: {refused.strerror or refused}"
        raise error(message, path=str(target)) from refused
    finally:
        part.unlink(missing_ok=True)
