"""One bucket: bytes and files in and out, with their sha256, and S3's errors in our words."""

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from chunk_assets.errors import Changed, CutOff, Damaged, NotStored, OutOfTime, StorageError
from chunk_assets.files.atomic import atomic_write
from chunk_assets.files.digests import PART_BYTES, Content, Digester
from chunk_assets.sentences import shown
from chunk_assets.storage.retry import retry_unavailable
from chunk_assets.storage.s3_errors import FOREIGN, Asked, refuse_web_pages, translated
from chunk_assets.storage.video_cache import VideoCache

_BLOCK = 1 << 20
# The local server holds what it sends faster than it is read: 480 MB for a film of ten minutes.
_PART = 16 << 20
# One part at a time: a clip is small, and parallel parts would multiply the memory of a big film.
_TRANSFER = TransferConfig(
    use_threads=False, multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES
)
"""A film of 30 s goes in one part: in parts of boto3's 8 MB it takes a quarter longer."""

T = TypeVar("T")


@dataclass(frozen=True)
class StoredObject:
    """An object as S3 has it.

    Attributes:
        key: Its key in the bucket.
        uri: `s3://bucket/key`.
        size: Bytes.
        etag: What S3 calls this version of it, without quotes.
        record: What we wrote beside the content (S3 user metadata): always its `sha256`, `size` and
            `etag` where the object is ours, nothing where a person put it there.
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
        video_cache: This machine's cache of the videos it has stored.
        retry_seconds: How long to retry while S3 does not answer.
        remedy: Ends the sentence about a damaged object, by its key: how to replace it.
    """

    def __init__(
        self,
        client: Any,
        bucket: str,
        *,
        link_seconds: int = 7 * 24 * 3600,
        video_cache: VideoCache | None = None,
        retry_seconds: float = 0.0,
        remedy: Callable[[str], str] = lambda _key: "",
    ):
        self.client = client
        self.bucket = bucket
        self.link_seconds = link_seconds
        self.video_cache = video_cache
        self.retry_seconds = retry_seconds
        self.remedy = remedy
        self._deadline: float | None = None
        self._known_damage: dict[str, tuple[StoredObject, str]] = {}
        self._etags_are_md5 = True
        refuse_web_pages(client)

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
        # One from ~/.aws/config has not been through the settings.
        return shown(str(self.client.meta.endpoint_url).partition("?")[0])

    def uri(self, key: str) -> str:
        """The key as an S3 URI."""
        return f"s3://{self.bucket}/{key}"

    @retry_unavailable
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

    @retry_unavailable
    def head(self, key: str) -> StoredObject | None:
        """What is stored under `key`, None where nothing is."""
        try:
            with self._translated("look up", key):
                answer = self.client.head_object(Bucket=self.bucket, Key=key)
        except NotStored:
            return None
        return self._answered(key, answer)

    def find(self, key: str) -> StoredObject:
        """What is stored under `key`.

        Raises:
            NotStored: There is nothing.
        """
        stored = self.head(key)
        if stored is None:
            raise NotStored(f"nothing is stored at {self.uri(key)}", uri=self.uri(key))
        return stored

    @retry_unavailable
    def put_bytes(
        self, key: str, content: bytes, content_type: str, record: Mapping[str, str] | None = None
    ) -> StoredObject:
        """Store a small object, whole or not at all."""
        full = {**(record or {}), **Content.of_bytes(content).as_metadata()}
        with self._translated("write", key):
            self._known_damage.pop(key, None)
            answer = self.client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=content,
                ContentType=content_type,
                Metadata=_ascii(full),
            )
        return self._stored(key, len(content), answer.get("ETag", ""), full)

    @retry_unavailable
    def replace_bytes(
        self, key: str, content: bytes, content_type: str, *, before: StoredObject | None
    ) -> StoredObject:
        """Store a small object in the place of the one that was read, None where there was none.

        Raises:
            Changed: Somebody else has written it meanwhile; nothing is written then.
        """
        record = Content.of_bytes(content).as_metadata()
        condition = {"IfNoneMatch": "*"} if before is None else {"IfMatch": f'"{before.etag}"'}
        with self._translated("write", key):
            self._known_damage.pop(key, None)
            answer = self.client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=content,
                ContentType=content_type,
                Metadata=record,
                **condition,
            )
        return self._stored(key, len(content), answer.get("ETag", ""), record)

    @retry_unavailable
    def put_file(
        self, key: str, path: Path, content_type: str, record: Mapping[str, str] | None = None
    ) -> StoredObject:
        """Store a file, streamed, whole or not at all."""
        content = Content.of_file(path)
        full = {**(record or {}), **content.as_metadata()}
        with self._translated("write", key):
            self._known_damage.pop(key, None)
            self.client.upload_file(
                os.fspath(path),
                self.bucket,
                key,
                ExtraArgs={"ContentType": content_type, "Metadata": _ascii(full)},
                Config=_TRANSFER,
            )
        return self._stored(key, content.size, "", full)

    @retry_unavailable
    def get_bytes(self, key: str, *, max_bytes: int = 64 << 20) -> tuple[bytes, StoredObject]:
        """Read a small object.

        Raises:
            NotStored: There is none.
            Damaged: It is not what was written, twice.
            StorageError: It is larger than `max_bytes`, or S3 does not give it.
        """
        return self._twice(lambda is_last: self._get(key, max_bytes, is_last=is_last))

    def _get(self, key: str, max_bytes: int, *, is_last: bool) -> tuple[bytes, StoredObject]:
        with self._translated("read", key):
            answer = self.client.get_object(Bucket=self.bucket, Key=key)
            size = answer.get("ContentLength", 0)
            if size > max_bytes:
                answer["Body"].close()
                raise StorageError(
                    f"{self.uri(key)} has {size} bytes: at most {max_bytes} are allowed"
                )
            content = answer["Body"].read()
        stored = self._answered(key, {**answer, "ContentLength": len(content)})
        digester = Digester()
        digester.update(content)
        self._verify(stored, digester, is_last=is_last)
        return content, stored

    @retry_unavailable
    def download(self, key: str, path: Path) -> StoredObject:
        """Read an object into a file, streamed; the file is there whole or not at all.

        Raises:
            NotStored: There is none.
            Damaged: It is not what was written, twice.
            StorageError: S3 does not give it, or the disk refuses it.
        """

        def read(is_last: bool) -> StoredObject:
            with atomic_write(path) as part:
                part.touch(0o600)
                with part.open("wb") as file:
                    return self._read(key, file.write, is_last=is_last)

        return self._twice(read)

    @retry_unavailable
    def damage(self, stored: StoredObject) -> str:
        """What is wrong with one of our own objects, in words; empty where nothing is known to be.

        Told from its header alone where that is as it was written; the object is read only where
        it is not. What was found damaged when it was read is remembered.

        Raises:
            StorageError: S3 does not give it.
        """
        if not _is_sha256(stored.sha256):
            return "its record is missing or damaged"
        if (known := self._known_damage.get(stored.key)) and known[0] == stored:
            return known[1]
        if not self._looks_changed(stored, stored.record):
            return ""
        return self._damage_when_read(stored)

    def remember_damage(self, stored: StoredObject, reason: str) -> None:
        """Have `damage` tell this of an object until it is written again."""
        self._known_damage[stored.key] = self.head(stored.key) or stored, reason

    def holds(self, stored: StoredObject, content: Content) -> bool:
        """Whether an object is this content: by what S3 has, not only by what was recorded.

        Raises:
            StorageError: S3 does not give it.
        """
        known = self._known_damage.get(stored.key)
        if stored.sha256 != content.sha256 or (known and known[0] == stored and known[1]):
            return False
        return not self._looks_changed(stored, content.as_metadata()) or (
            not self._damage_when_read(stored)
        )

    def _looks_changed(self, stored: StoredObject, written: Mapping[str, str]) -> bool:
        size, etag = written.get("size"), written.get("etag")
        if size is not None and size != str(stored.size):
            return True
        return bool(etag and stored.etag and etag != stored.etag and self._etags_are_md5)

    def _damage_when_read(self, stored: StoredObject) -> str:
        try:
            self._twice(
                lambda is_last: self._read(stored.key, lambda _block: None, is_last=is_last)
            )
        except Damaged as error:
            reason = str(error.data["reason"])
            self._known_damage[stored.key] = stored, reason
            return reason
        except NotStored:
            return "it is missing"
        self._known_damage[stored.key] = stored, ""
        if "-" not in stored.etag + stored.record.get("etag", "-"):
            self._etags_are_md5 = False  # encrypted with a key of one's own: they say nothing
        return ""

    def _read(self, key: str, write: Callable[[bytes], object], *, is_last: bool) -> StoredObject:
        digester = Digester()
        part: dict[str, Any] = {}
        with self._translated("read", key):
            for part in self._parts(key):
                for block in part["Body"].iter_chunks(_BLOCK):
                    digester.update(block)
                    write(block)
        stored = self._answered(key, {**part, "ContentLength": digester.size})
        self._verify(stored, digester, is_last=is_last)
        return stored

    def _twice(self, read: Callable[[bool], T]) -> T:
        """Read, and read once more where what came is not whole: it may have been lost on its way.

        `read` is told whether it is the last time.
        """
        try:
            return read(False)
        except (Damaged, CutOff, Changed):
            return read(True)

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

    def _answered(self, key: str, answer: Mapping[str, Any]) -> StoredObject:
        size, etag = answer.get("ContentLength", 0), answer.get("ETag", "")
        return self._stored(key, size, etag, answer.get("Metadata", {}))

    def _verify(self, stored: StoredObject, read: Digester, *, is_last: bool) -> None:
        """See that what was read is what was written.

        What a person has put there has no digest of ours. Its ETag usually is one: where that does
        not fit, it is read once more, and then taken as it is.

        Raises:
            Damaged: It is not.
        """
        is_md5 = len(stored.etag) == 32 and "-" not in stored.etag
        if stored.sha256:
            expected, measured = stored.sha256, read.sha256
        elif is_md5 and self._etags_are_md5 and not is_last:
            expected, measured = stored.etag, read.md5
        else:
            return
        if measured == expected:
            return
        written = stored.record.get("size", "")
        reason = "its content is not what was written"
        if written.isdecimal() and int(written) != read.size:
            reason = f"it has {read.size} bytes, {written} were written"
        if is_last:
            # As its header has it, which may promise another size than what was read.
            self.remember_damage(stored, reason)
        raise Damaged(
            f"{stored.uri} is damaged: {reason} (its content's sha256 is {measured[:12]}…, "
            f"recorded is {expected[:12]}…){self.remedy(stored.key)}",
            uri=stored.uri,
            key=stored.key,
            reason=reason,
            measured=measured,
            recorded=expected,
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
        except FOREIGN as error:
            asked = Asked(action, self.uri(key), self.bucket, self.endpoint)
            raise translated(error, asked) from error


def _ascii(record: Mapping[str, str]) -> dict[str, str]:
    """S3 carries user metadata in HTTP headers: ASCII only."""
    return {name: json.dumps(value)[1:-1].replace('\\"', '"') for name, value in record.items()}


def _is_sha256(text: str) -> bool:
    return re.fullmatch("[0-9a-f]{64}", text) is not None
