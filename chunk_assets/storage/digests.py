"""What content is called by: its sha256."""

import hashlib
from pathlib import Path


def bytes_digest(content: bytes) -> str:
    """The sha256 (hex) of bytes."""
    return hashlib.sha256(content).hexdigest()


def file_digest(path: Path) -> str:
    """The sha256 (hex) of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
