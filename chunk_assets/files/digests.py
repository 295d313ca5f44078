"""SHA-256 helpers, and digests to tell from an object's header whether S3 has what was written."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

PART_BYTES = 32 << 20
"""From this size on a file is uploaded in parts of this size; S3's ETag depends on it."""

_BLOCK = 1 << 20  # a part has a whole number of them


def bytes_digest(content: bytes) -> str:
    """The sha256 (hex) of bytes."""
    return hashlib.sha256(content).hexdigest()


def file_digest(path: Path) -> str:
    """The sha256 (hex) of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Digester:
    """Digests content while it is read, block by block."""

    def __init__(self) -> None:
        self.size = 0
        self._sha256, self._md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)

    def update(self, block: bytes) -> None:
        """Add the next block."""
        self.size += len(block)
        self._sha256.update(block)
        self._md5.update(block)

    @property
    def sha256(self) -> str:
        """The sha256 (hex) of what was read so far."""
        return self._sha256.hexdigest()

    @property
    def md5(self) -> str:
        """The MD5 (hex) of what was read so far."""
        return self._md5.hexdigest()


@dataclass(frozen=True)
class Content:
    """What an object should be: its size and digests.

    Attributes:
        sha256: Of the content (hex).
        size: Bytes.
        etag: The ETag that S3 gives it unless it is encrypted with a customer key: the content's
            MD5, or that of its parts' MD5s and their count. It comes with every listing and every
            header, so damage is seen without reading the object.
    """

    sha256: str
    size: int
    etag: str

    @classmethod
    def of_bytes(cls, content: bytes) -> Self:
        """Of an object that is uploaded in one piece, whatever its size."""
        return cls(bytes_digest(content), len(content), _md5(content))

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """Of an object that is uploaded from a file, in parts if it is large; reads it once."""
        sha256, parts, size = hashlib.sha256(), [hashlib.md5(usedforsecurity=False)], 0
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                if size and size % PART_BYTES == 0:
                    parts.append(hashlib.md5(usedforsecurity=False))
                sha256.update(block)
                parts[-1].update(block)
                size += len(block)
        if size < PART_BYTES:
            etag = parts[0].hexdigest()
        else:
            etag = f"{_md5(b''.join(part.digest() for part in parts))}-{len(parts)}"
        return cls(sha256.hexdigest(), size, etag)

    def as_metadata(self) -> dict[str, str]:
        """The metadata written with the object."""
        return {"sha256": self.sha256, "size": str(self.size), "etag": self.etag}


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
