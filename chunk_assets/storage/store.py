"""One bucket: bytes and files in and out, with their sha256, and S3's errors in our words."""

import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
)
from botocore.parsers import ResponseParserError

from chunk_assets.errors import Changed, NotAnswering, NotStored, OutOfTime, StorageError
from chunk_assets.storage.digests import bytes_digest, file_digest
from chunk_assets.storage.nearby import Nearby
from chunk_assets.storage.patience import patiently

_BLOCK = 1 << 20
# The local server holds what it sends faster than it is read: 480 MB for a film of ten minutes.
_PART = 16 << 20
# One part at a time: a clip is small, and parallel parts would multiply the memory of a big film.
_TRANSFER = TransferConfig(
    use_threads=False, multipart_threshold=32 << 20, multipart_chunksize=32 << 20
)
"""A film of 30 s goes in one part: in parts of boto3's 8 MB it takes a quarter longer."""
_ABSENT = {"404", "NoSuchKey", "NotFound"}
_CHANGED = {"PreconditionFailed", "412", "ConditionalRequestConflict"}
_AWAY = (ConnectionError, HTTPClientError, IncompleteReadError)
_DENIED = {"403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"}


@dataclass(frozen=True)
class StoredObject:
    """An object as S3 has it.

    Attributes:
        key: Its key in the bucket.
        uri: `s3://bucket/key`.
        size: Bytes.
        etag: What S3 calls this version of it, without quotes.
        record: What we wrote beside the content (S3 user metadata): always its `sha256` where the
            object is ours, nothing where a person put it there.
    """

    key: str
    uri: str
    size: int
    etag: str
    record: Mapping[str, str] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """The content's sha256 (hex) as recorded when it was written."""
        return self.record.get("sha256", "")

    @property
    def version(self) -> str:
        """What tells this content from another, also where a person uploaded it."""
        return f"sha256:{self.sha256}" if self.sha256 else f"etag:{self.etag}"


@dataclass(frozen=True)
class ListedObject:
    """An object as a listing shows it.

    Attributes:
        name: Its key, without the folder and the ending that were asked for.
        size: Bytes.
        etag: What S3 calls this content, without quotes.
        last_modified: When it was last written, with a time zone; also by the same content.
    """

    name: str
    size: int
    etag: str
    last_modified: datetime


class ObjectStore:
    """A bucket, through a boto3 client; safe to use from several threads.

    Args:
        client: The client.
        bucket: The bucket's name.
        link_seconds: How long links are valid.
        nearby: Where this machine keeps videos for a while that it has put there.
        patience: For how many seconds S3 is asked again that does not answer.
    """

    def __init__(
        self,
        client: Any,
        bucket: str,
        *,
        link_seconds: int = 7 * 24 * 3600,
        nearby: Nearby | None = None,
        patience: float = 0.0,
    ):
        self.client = client
        self.bucket = bucket
        self.link_seconds = link_seconds
        self.nearby = nearby
        self.patience = patience
        self._deadline: float | None = None

    def until(self, deadline: float) -> Self:
        """The same bucket for a look that must end in time.

        Every operation begun at or after `deadline` (of `time.monotonic`) raises `OutOfTime`.
        """
        limited = copy(self)
        limited._deadline = deadline
        return limited

    @property
    def endpoint(self) -> str:
        """The S3 server's URL."""
        return str(self.client.meta.endpoint_url)

    def uri(self, key: str) -> str:
        """The key as an S3 URI."""
        return f"s3://{self.bucket}/{key}"

    @patiently
    def check(self, *, create: bool = False) -> None:
        """See that the bucket can be used; with `create`, make it where it is absent.

        Raises:
            StorageError: S3 does not answer, refuses the credentials, or has no such bucket.
        """
        try:
            with self._translated("look at the bucket", ""):
                self.client.head_bucket(Bucket=self.bucket)
        except NotStored:
            if not create:
                raise StorageError(
                    f"there is no bucket {self.bucket!r} at {self.endpoint}: create it first",
                    bucket=self.bucket,
                ) from None
            with self._translated("create the bucket", ""):
                self.client.create_bucket(Bucket=self.bucket)

    @patiently
    def head(self, key: str) -> StoredObject | None:
        """What is stored under `key`, None where nothing is."""
        try:
            with self._translated("look up", key):
                answer = self.client.head_object(Bucket=self.bucket, Key=key)
        except NotStored:
            return None
        return self._stored(key, answer["ContentLength"], answer["ETag"], answer["Metadata"])

    def find(self, key: str) -> StoredObject:
        """What is stored under `key`.

        Raises:
            NotStored: There is nothing.
        """
        stored = self.head(key)
        if stored is None:
            raise NotStored(f"nothing is stored at {self.uri(key)}", uri=self.uri(key))
        return stored

    @patiently
    def put_bytes(
        self, key: str, content: bytes, content_type: str, record: Mapping[str, str] | None = None
    ) -> StoredObject:
        """Store a small object, whole or not at all."""
        full = {**(record or {}), "sha256": bytes_digest(content)}
        with self._translated("write", key):
            answer = self.client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=content,
                ContentType=content_type,
                Metadata=_ascii(full),
            )
        return self._stored(key, len(content), answer["ETag"], full)

    @patiently
    def replace_bytes(
        self, key: str, content: bytes, content_type: str, *, before: StoredObject | None
    ) -> StoredObject:
        """Store a small object in the place of the one that was read, None where there was none.

        Raises:
            Changed: Somebody else has written it meanwhile; nothing is written then.
        """
        record = {"sha256": bytes_digest(content)}
        condition = {"IfNoneMatch": "*"} if before is None else {"IfMatch": f'"{before.etag}"'}
        with self._translated("write", key):
            answer = self.client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=content,
                ContentType=content_type,
                Metadata=record,
                **condition,
            )
        return self._stored(key, len(content), answer["ETag"], record)

    @patiently
    def put_file(
        self, key: str, path: Path, content_type: str, record: Mapping[str, str] | None = None
    ) -> StoredObject:
        """Store a file, streamed, whole or not at all."""
        full = {**(record or {}), "sha256": file_digest(path)}
        with self._translated("write", key):
            self.client.upload_file(
                os.fspath(path),
                self.bucket,
                key,
                ExtraArgs={"ContentType": content_type, "Metadata": _ascii(full)},
                Config=_TRANSFER,
            )
        return self._stored(key, path.stat().st_size, "", full)

    @patiently
    def get_bytes(self, key: str, *, max_bytes: int = 64 << 20) -> tuple[bytes, StoredObject]:
        """Read a small object.

        Raises:
            NotStored: There is none.
            StorageError: It is larger than `max_bytes`, or not what was written.
        """
        with self._translated("read", key):
            answer = self.client.get_object(Bucket=self.bucket, Key=key)
            if answer["ContentLength"] > max_bytes:
                answer["Body"].close()
                raise StorageError(
                    f"{self.uri(key)} has {answer['ContentLength']} bytes: "
                    f"at most {max_bytes} are allowed"
                )
            content = answer["Body"].read()
        stored = self._stored(key, len(content), answer["ETag"], answer["Metadata"])
        self._verify(stored, bytes_digest(content))
        return content, stored

    @patiently
    def download(self, key: str, path: Path) -> StoredObject:
        """Read an object into a file, streamed; the file is there whole or not at all.

        Raises:
            NotStored: There is none.
            StorageError: It is not what was written, or the disk refuses it.
        """
        digest = hashlib.sha256()
        part: dict[str, Any] = {}
        with self._translated("read", key), _whole_file(path) as file:
            for part in self._parts(key):
                for block in part["Body"].iter_chunks(_BLOCK):
                    digest.update(block)
                    file.write(block)
            stored = self._stored(key, file.tell(), part["ETag"], part["Metadata"])
            self._verify(stored, digest.hexdigest())
        return stored

    def _parts(self, key: str) -> Iterator[dict[str, Any]]:
        """An object's answers, part by part, all of one version of it."""
        read, size, same = 0, 1, {}
        while read < size:
            asked = f"bytes={read}-{read + _PART - 1}"
            try:
                part = self.client.get_object(Bucket=self.bucket, Key=key, Range=asked, **same)
            except ClientError as error:
                if read or error.response.get("Error", {}).get("Code") != "InvalidRange":
                    raise
                part = self.client.get_object(Bucket=self.bucket, Key=key)  # it is empty
            yield part
            size = int(part.get("ContentRange", "/0").rpartition("/")[2])
            read, same = read + _PART, {"IfMatch": part["ETag"]}

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that begins with `prefix`, in order."""
        yield from (entry["Key"] for entry in self._entries(prefix, "", "Contents"))

    def names(self, prefix: str, suffix: str = "") -> Iterator[str]:
        """What stands directly under the folder `prefix` and ends in `suffix`, without both.

        Listed with a delimiter: what lies deeper costs nothing.
        """
        yield from (listed.name for listed in self.listing(prefix, suffix))

    def listing(
        self, prefix: str, suffix: str = "", *, deep: bool = False
    ) -> Iterator[ListedObject]:
        """Like `names`, with what the listing says of each; `deep` lists what lies deeper, too."""
        for entry in self._entries(prefix, "" if deep else "/", "Contents"):
            if entry["Key"].endswith(suffix):
                name = entry["Key"][len(prefix) :].removesuffix(suffix)
                etag = entry["ETag"].strip('"')
                yield ListedObject(name, entry["Size"], etag, entry["LastModified"])

    def link(self, key: str) -> str:
        """A presigned URL under which a browser can fetch the object for `link_seconds`."""
        with self._translated("make a link to", key):
            return self.client.generate_presigned_url(
                "get_object",
                Params={"Bucket": self.bucket, "Key": key},
                ExpiresIn=self.link_seconds,
            )

    def _entries(self, prefix: str, delimiter: str, part: str) -> Iterator[dict[str, Any]]:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix, Delimiter=delimiter
        )
        with self._translated("list", prefix):
            for page in pages:
                self._check_time(prefix)
                yield from page.get(part, [])

    def _stored(self, key: str, size: int, etag: str, record: Mapping[str, str]) -> StoredObject:
        return StoredObject(key, self.uri(key), size, etag.strip('"'), dict(record))

    def _verify(self, stored: StoredObject, measured: str) -> None:
        if stored.sha256 and stored.sha256 != measured:
            raise StorageError(
                f"{stored.uri} is damaged: its content's sha256 is {measured[:12]}…, "
                f"recorded is {stored.sha256[:12]}…; materialize it again",
                uri=stored.uri,
                measured=measured,
                recorded=stored.sha256,
            )

    def _check_time(self, key: str) -> None:
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise OutOfTime(f"the time was over before {self.uri(key)} was looked at")

    @contextmanager
    def _translated(self, action: str, key: str) -> Iterator[None]:
        """Foreign errors become `StorageError` here and nowhere else."""
        self._check_time(key)
        try:
            yield
        except (BotoCoreError, Boto3Error, ClientError, ResponseParserError) as error:
            raise self._in_our_words(error, action, key) from error

    def _in_our_words(self, error: Exception, action: str, key: str) -> StorageError:
        uri = self.uri(key)
        if isinstance(error, Boto3Error) and isinstance(error.__context__, ClientError):
            error = error.__context__  # `upload_file` hides S3's answer behind one of its own
        if isinstance(error, NoCredentialsError):
            message = f"there are no credentials for S3 at {self.endpoint}: set AWS_ACCESS_KEY_ID"
            return StorageError(f"{message} and AWS_SECRET_ACCESS_KEY, or a profile")
        message = f"S3 at {self.endpoint} could not {action} {uri}: {_detail(error)}"
        if not isinstance(error, ClientError):
            return (NotAnswering if isinstance(error, _AWAY) else StorageError)(message, uri=uri)
        code = str(error.response.get("Error", {}).get("Code", "?"))
        if code in _ABSENT:
            return NotStored(f"nothing is stored at {uri}", uri=uri)
        if code in _CHANGED:
            return Changed(f"somebody else has written {uri} meanwhile", uri=uri)
        if code == "NoSuchBucket":
            absent = f"there is no bucket {self.bucket!r} at {self.endpoint}: create it first"
            return StorageError(absent, bucket=self.bucket)
        if code in _DENIED:
            refused = f"S3 at {self.endpoint} refused to {action} {uri} ({code}): check the AWS"
            return StorageError(f"{refused} credentials and what they allow", uri=uri, code=code)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        is_away = status >= 500 and status != 501  # what is not implemented will not be later
        return (NotAnswering if is_away else StorageError)(message, uri=uri, code=code)


@contextmanager
def _whole_file(path: Path) -> Iterator[Any]:
    """A file that appears under its name only when all of it is written."""
    name = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            name = Path(file.name)
            yield file
        name.replace(path)
    except OSError as error:
        message = f"{str(path)!r} cannot be written: {error.strerror or error}"
        raise StorageError(message, path=str(path)) from error
    finally:
        if name is not None:
            name.unlink(missing_ok=True)


def _ascii(record: Mapping[str, str]) -> dict[str, str]:
    """S3 carries user metadata in HTTP headers: ASCII only."""
    return {name: json.dumps(value)[1:-1].replace('\\"', '"') for name, value in record.items()}


def _detail(error: Exception) -> str:
    """The library's message, less what a person has no use for, on one line."""
    text = re.sub(r"^An error occurred \(.*?\) when calling the \w+ operation.*?: ", "", str(error))
    return " ".join(text.split()).rstrip(".") or type(error).__name__
