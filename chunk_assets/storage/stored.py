"""An object as S3 has it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class StoredObject:
    """An object as S3 has it.

    Attributes:
        key: Its key in the bucket.
        uri: `s3://bucket/key`.
        size: Bytes.
        etag: Its ETag, without quotes; empty where S3 did not report one.
        record: What we wrote beside the content (S3 user metadata): its `sha256`, `size` and `etag`
            if the object is ours, nothing if a person uploaded it.
        last_modified: When it was last written, to the second; None where S3 did not report it.
    """

    key: str
    uri: str
    size: int
    etag: str
    record: Mapping[str, str] = field(default_factory=dict)
    last_modified: datetime | None = field(default=None, compare=False)

    @property
    def sha256(self) -> str:
        """The content's sha256 (hex) as recorded when it was written."""
        return self.record.get("sha256", "")

    @property
    def version(self) -> str:
        """An identifier of this content, also if a person uploaded it."""
        return f"sha256:{self.sha256}" if self.sha256 else f"etag:{self.etag}"


def ascii_record(record: Mapping[str, str]) -> dict[str, str]:
    """Escape a record for S3, which carries user metadata in HTTP headers: ASCII only."""
    return {name: json.dumps(value)[1:-1].replace('\\"', '"') for name, value in record.items()}
