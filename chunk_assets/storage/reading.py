"""Read an object in parts of one version, and again if it arrives damaged."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from chunk_assets.errors import Changed, CutOff, Damaged

# The local server buffers what is not read fast enough: 480 MB for a film of ten minutes.
_PART = 16 << 20

T = TypeVar("T")


def object_parts(client: Any, bucket: str, key: str) -> Iterator[dict[str, Any]]:
    """Request an object's parts, all of the same version, and yield S3's answers."""
    read, size, same = 0, 1, {}
    while read < size:
        asked = f"bytes={read}-{read + _PART - 1}"
        try:
            part = client.get_object(Bucket=bucket, Key=key, Range=asked, **same)
        except ClientError as error:
            if read or error.response.get("Error", {}).get("Code") != "InvalidRange":
                raise
            part = client.get_object(Bucket=bucket, Key=key)  # it is empty
        yield part
        size = int(part.get("ContentRange", "/0").rpartition("/")[2])
        read, same = read + _PART, {"IfMatch": part["ETag"]}


def read_twice(read: Callable[[bool], T]) -> T:
    """Read, and read again if the result is damaged: it may have been damaged in transit.

    Args:
        read: Reads the object; is told whether it is the last attempt.
    """
    try:
        return read(False)
    except (Damaged, CutOff, Changed):
        return read(True)
