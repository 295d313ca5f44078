"""One bucket: its connection, listings and links, and S3's errors as ours."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from chunk_assets.errors import NotStored, OutOfTime, StorageError
from chunk_assets.sentences import shown
from chunk_assets.storage.retry import retry_unavailable
from chunk_assets.storage.s3_errors import FOREIGN, Asked, translated
from chunk_assets.storage.web_pages import refuse_web_pages


@dataclass(frozen=True)
class ListedObject:
    """An object as a listing shows it.

    Attributes:
        name: Its key, without the prefix and the suffix of the listing.
        size: Bytes.
        etag: Its ETag, without quotes.
        last_modified: When it was last written, even with the same content; has a time zone.
    """

    name: str
    size: int
    etag: str
    last_modified: datetime


class Bucket:
    """A bucket, through a boto3 client; safe to use from several threads.

    Args:
        client: The client.
        name: The bucket's name.
        link_seconds: How long links are valid.
        retry_seconds: How long to retry while S3 does not answer.
    """

    def __init__(self, client: Any, name: str, link_seconds: int, retry_seconds: float):
        self.client = client
        self.bucket = name
        self.link_seconds = link_seconds
        self.retry_seconds = retry_seconds
        self._deadline: float | None = None
        refuse_web_pages(client)

    def until(self, deadline: float) -> Self:
        """Return the same bucket with a deadline.

        Every operation begun at or after `deadline` (of `time.monotonic`) raises `OutOfTime`.
        """
        limited = copy(self)
        limited._deadline = deadline
        return limited

    @property
    def endpoint(self) -> str:
        """The S3 server's URL, without secrets."""
        # One from ~/.aws/config has not been through the settings.
        return shown(str(self.client.meta.endpoint_url).partition("?")[0])

    def uri(self, key: str) -> str:
        """The key as an S3 URI."""
        return f"s3://{self.bucket}/{key}"

    @retry_unavailable
    def check(self, *, create: bool = False) -> None:
        """Check that the bucket can be used; with `create`, create it if it is missing.

        Raises:
            StorageError: S3 does not answer, refuses the credentials, or has no such bucket.
        """
        try:
            with self._translated("access the bucket", ""):
                self.client.head_bucket(Bucket=self.bucket)
        except NotStored:
            if not create:
                raise StorageError(
                    f"there is no bucket {self.bucket!r} at {self.endpoint}: create it first",
                    bucket=self.bucket,
                ) from None
            with self._translated("create the bucket", ""):
                self.client.create_bucket(Bucket=self.bucket)

    def link(self, key: str) -> str:
        """Return a presigned URL under which a browser can fetch the object for `link_seconds`."""
        with self._translated("make a link to", key):
            return self.client.generate_presigned_url(
                "get_object",
                Params={"Bucket": self.bucket, "Key": key},
                ExpiresIn=self.link_seconds,
            )

    def keys(self, prefix: str) -> Iterator[str]:
        """List every key that begins with `prefix`, in order."""
        yield from (entry["Key"] for entry in self._entries(prefix, delimiter=""))

    def names(self, prefix: str, suffix: str = "") -> Iterator[str]:
        """List the names of `listing`."""
        yield from (listed.name for listed in self.listing(prefix, suffix))

    def listing(
        self, prefix: str, suffix: str = "", *, deep: bool = False
    ) -> Iterator[ListedObject]:
        """List the objects directly under the folder `prefix` whose keys end in `suffix`.

        S3 skips deeper folders, so they cost nothing; `deep` lists them too.
        """
        for entry in self._entries(prefix, delimiter="" if deep else "/"):
            if entry["Key"].endswith(suffix):
                name = entry["Key"][len(prefix) :].removesuffix(suffix)
                etag = entry["ETag"].strip('"')
                yield ListedObject(name, entry["Size"], etag, entry["LastModified"])

    def _entries(self, prefix: str, delimiter: str) -> Iterator[dict[str, Any]]:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix, Delimiter=delimiter
        )
        with self._translated("list", prefix):
            for page in pages:
                self._check_time(prefix)
                yield from page.get("Contents", [])

    def _check_time(self, key: str) -> None:
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise OutOfTime(f"the time limit was reached before {self.uri(key)} was read")

    @contextmanager
    def _translated(self, action: str, key: str) -> Iterator[None]:
        """Translate boto3's errors to `StorageError`, here and nowhere else."""
        self._check_time(key)
        try:
            yield
        except FOREIGN as error:
            asked = Asked(action, self.uri(key), self.bucket, self.endpoint)
            raise translated(error, asked) from error
