"""Objects in and out of a bucket, as bytes and files, verified by their sha256."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig

from chunk_assets.errors import Damaged, NotStored, StorageError
from chunk_assets.files.atomic import atomic_write
from chunk_assets.files.digests import PART_BYTES, Content, Digester
from chunk_assets.storage.bucket import Bucket
from chunk_assets.storage.damage import DamageDetector, has_sha256
from chunk_assets.storage.reading import object_parts, read_twice
from chunk_assets.storage.retry import retry_unavailable
from chunk_assets.storage.stored import StoredObject, ascii_record
from chunk_assets.storage.video_cache import VideoCache

_BLOCK = 1 << 20
# One part at a time: a clip is small, and parallel parts would multiply the memory of a big film.
# A film of 30 s is one part: in parts of boto3's 8 MB it takes a quarter longer.
_TRANSFER = TransferConfig(
    use_threads=False, multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES
)


class ObjectStore(Bucket):
    """A bucket whose objects carry their digests; safe to use from several threads.

    Args:
        client: A boto3 client.
        bucket: The bucket's name.
        link_seconds: How long links are valid.
        video_cache: This machine's cache of the videos it has stored.
        retry_seconds: How long to retry while S3 does not answer.
        remedy: Ends the error message about a damaged object, by its key: how to replace it.
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
        super().__init__(client, bucket, link_seconds, retry_seconds)
        self.video_cache = video_cache
        self.remedy = remedy
        self._damage = DamageDetector(remedy)

    @retry_unavailable
    def head(self, key: str) -> StoredObject | None:
        """Return what is stored under `key`, None if nothing is."""
        try:
            with self._translated("look up", key):
                answer = self.client.head_object(Bucket=self.bucket, Key=key)
        except NotStored:
            return None
        return self._answered(key, answer)

    def find(self, key: str) -> StoredObject:
        """Return what is stored under `key`.

        Raises:
            NotStored: Nothing is.
        """
        stored = self.head(key)
        if stored is None:
            raise NotStored(f"nothing is stored at {self.uri(key)}", uri=self.uri(key))
        return stored

    @retry_unavailable
    def put_bytes(
        self, key: str, content: bytes, content_type: str, record: Mapping[str, str] | None = None
    ) -> StoredObject:
        """Store a small object atomically."""
        return self._put(key, content, content_type, record or {})

    @retry_unavailable
    def replace_bytes(
        self, key: str, content: bytes, content_type: str, *, before: StoredObject | None
    ) -> StoredObject:
        """Store a small object, but only in place of the version `before`, None for no object.

        Raises:
            Changed: Another process has written it meanwhile; nothing is written then.
        """
        condition = {"IfNoneMatch": "*"} if before is None else {"IfMatch": f'"{before.etag}"'}
        return self._put(key, content, content_type, {}, **condition)

    def _put(
        self,
        key: str,
        content: bytes,
        content_type: str,
        record: Mapping[str, str],
        **condition: str,
    ) -> StoredObject:
        full = {**record, **Content.of_bytes(content).as_metadata()}
        with self._translated("write", key):
            self._damage.forget(key)
            answer = self.client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=content,
                ContentType=content_type,
                Metadata=ascii_record(full),
                **condition,
            )
        return self._stored(key, len(content), answer.get("ETag", ""), full)

    @retry_unavailable
    def put_file(
        self, key: str, path: Path, content_type: str, record: Mapping[str, str] | None = None
    ) -> StoredObject:
        """Store a file atomically, streamed."""
        content = Content.of_file(path)
        full = {**(record or {}), **content.as_metadata()}
        with self._translated("write", key):
            self._damage.forget(key)
            self.client.upload_file(
                os.fspath(path),
                self.bucket,
                key,
                ExtraArgs={"ContentType": content_type, "Metadata": ascii_record(full)},
                Config=_TRANSFER,
            )
        return self._stored(key, content.size, "", full)

    @retry_unavailable
    def copy(self, stored: StoredObject, key: str, content_type: str) -> StoredObject:
        """Copy an object to another key on the server, with its record.

        Raises:
            NotStored: It is no longer stored.
            StorageError: S3 refuses the copy.
        """
        with self._translated("copy", key):
            self._damage.forget(key)
            # In parts of the same size as it was uploaded in: the ETag in its record depends on it.
            self.client.copy(
                {"Bucket": self.bucket, "Key": stored.key},
                self.bucket,
                key,
                ExtraArgs={
                    "ContentType": content_type,
                    "Metadata": ascii_record(stored.record),
                    "MetadataDirective": "REPLACE",
                },
                Config=_TRANSFER,
            )
        return self._stored(key, stored.size, "", stored.record)

    @retry_unavailable
    def delete(self, key: str) -> None:
        """Delete an object; does nothing if there is none."""
        with self._translated("delete", key):
            self._damage.forget(key)
            self.client.delete_object(Bucket=self.bucket, Key=key)

    @retry_unavailable
    def get_bytes(self, key: str, *, max_bytes: int = 64 << 20) -> tuple[bytes, StoredObject]:
        """Read a small object.

        Raises:
            NotStored: There is none.
            Damaged: It is not what was written, twice.
            StorageError: It is larger than `max_bytes`, or S3 does not return it.
        """
        return read_twice(lambda is_last: self._get(key, max_bytes, is_last=is_last))

    def _get(self, key: str, max_bytes: int, *, is_last: bool) -> tuple[bytes, StoredObject]:
        with self._translated("read", key):
            answer = self.client.get_object(Bucket=self.bucket, Key=key)
            size = answer.get("ContentLength", 0)
            if size > max_bytes:
                answer["Body"].close()
                raise StorageError(f"{self.uri(key)} has {size} bytes; the limit is {max_bytes}")
            content = answer["Body"].read()
        digester = Digester()
        digester.update(content)
        return content, self._verified(key, answer, digester, is_last=is_last)

    @retry_unavailable
    def download(self, key: str, path: Path) -> StoredObject:
        """Read an object into a file, streamed and written atomically.

        Raises:
            NotStored: There is none.
            Damaged: It is not what was written, twice.
            StorageError: S3 does not return it, or the disk refuses it.
        """

        def read(is_last: bool) -> StoredObject:
            with atomic_write(path) as part:
                part.touch(0o600)
                with part.open("wb") as file:
                    return self._read(key, file.write, is_last=is_last)

        return read_twice(read)

    @retry_unavailable
    def damage(self, stored: StoredObject) -> str:
        """Describe the damage of one of our own objects; empty if none is known.

        The object is read only if its header differs from what was written. Damage found by an
        earlier read is remembered.

        Raises:
            StorageError: S3 does not return it.
        """
        if not has_sha256(stored):
            return "its record is missing or damaged"
        if (known := self._damage.known(stored)) is not None:
            return known
        if not self._damage.looks_changed(stored, stored.record):
            return ""
        return self._damage_when_read(stored)

    def remember_damage(self, stored: StoredObject, reason: str) -> None:
        """Have `damage` return this reason until the object is written again."""
        self._damage.remember(self.head(stored.key) or stored, reason)

    def holds(self, stored: StoredObject, content: Content) -> bool:
        """Tell whether an object has this content, according to S3 and not only to its record.

        Raises:
            StorageError: S3 does not return it.
        """
        if stored.sha256 != content.sha256 or self._damage.known(stored):
            return False
        return not self._damage.looks_changed(stored, content.as_metadata()) or (
            not self._damage_when_read(stored)
        )

    def _damage_when_read(self, stored: StoredObject) -> str:
        try:
            read_twice(lambda is_last: self._read(stored.key, lambda _block: None, is_last=is_last))
        except Damaged as error:
            reason = str(error.data["reason"])
            self._damage.remember(stored, reason)
            return reason
        except NotStored:
            return "it is missing"
        self._damage.found_whole(stored)
        return ""

    def _read(self, key: str, write: Callable[[bytes], object], *, is_last: bool) -> StoredObject:
        digester = Digester()
        part: dict[str, Any] = {}
        with self._translated("read", key):
            for part in object_parts(self.client, self.bucket, key):
                for block in part["Body"].iter_chunks(_BLOCK):
                    digester.update(block)
                    write(block)
        return self._verified(key, part, digester, is_last=is_last)

    def _stored(self, key: str, size: int, etag: str, record: Mapping[str, str]) -> StoredObject:
        return StoredObject(key, self.uri(key), size, etag.strip('"'), dict(record))

    def _answered(self, key: str, answer: Mapping[str, Any]) -> StoredObject:
        size, etag = answer.get("ContentLength", 0), answer.get("ETag", "")
        stored = self._stored(key, size, etag, answer.get("Metadata", {}))
        return replace(stored, last_modified=answer.get("LastModified"))

    def _verified(
        self, key: str, answer: Mapping[str, Any], read: Digester, *, is_last: bool
    ) -> StoredObject:
        stored = self._answered(key, {**answer, "ContentLength": read.size})
        try:
            self._damage.verify(stored, read, is_last=is_last)
        except Damaged as error:
            if is_last:
                # By its header, which may report another size than what was read.
                self.remember_damage(stored, str(error.data["reason"]))
            raise
        return stored
