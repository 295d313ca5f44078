"""Check that a bucket supports conditional writes, without which a clip may be paid for twice."""

import secrets
from contextlib import suppress
from weakref import WeakSet

from chunk_assets.errors import Changed, StorageError
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject

FEATURE = "conditional writes (If-None-Match, If-Match)"

_FOLDER = "doctor/"
_TEXT = "text/plain"

_UNSUPPORTED = {"NotImplemented", "501", "InvalidArgument", "InvalidRequest", "MethodNotAllowed"}
"""How servers answer a header that they do not support."""

_checked: WeakSet[ObjectStore] = WeakSet()
"""Buckets known to support them; each process checks a bucket once."""


def require_conditional_writes(store: ObjectStore) -> None:
    """Check that the bucket supports conditional writes, once per process.

    Raises:
        StorageError: It does not, so nothing may be paid for.
    """
    if store in _checked:
        return
    if faults := conditional_write_faults(store):
        raise StorageError(
            f"the bucket {store.bucket!r} at {store.endpoint} does not support {FEATURE}: "
            f"{'; '.join(faults)}; without them two runs may pay for one clip, so paid "
            "generators are refused: use S3 storage that supports them, or the generator 'preview'",
            bucket=store.bucket,
        )
    _checked.add(store)


def conditional_write_faults(store: ObjectStore) -> list[str]:
    """Write a scratch object under true and false conditions; return what went wrong.

    Raises:
        StorageError: S3 cannot be reached, or refuses every write.
    """
    key = f"{_FOLDER}{secrets.token_hex(8)}"
    try:
        return _faults(store, key)
    finally:
        # Some accounts may not delete: a few bytes remain then, which `doctor` reports.
        with suppress(Exception):
            store.client.delete_object(Bucket=store.bucket, Key=key)


def _faults(store: ObjectStore, key: str) -> list[str]:
    ignored = []
    first = _accepted(store, key, b"first", before=None)
    if isinstance(first, str):
        return [f"If-None-Match: * {first}"]
    if not _is_refused(store, key, before=None):
        ignored.append("If-None-Match")
    content, stored = store.get_bytes(key)
    second = _accepted(store, key, b"second", before=stored)
    if isinstance(second, str):
        return [f"If-Match {second}"]
    if not _is_refused(store, key, before=first):
        ignored.append("If-Match")
    if ignored:
        return [f"the second write was accepted ({' and '.join(ignored)} is ignored)"]
    if content != b"first" or store.get_bytes(key)[0] != b"second":
        return ["a write that was refused has changed the object"]
    return []


def _accepted(
    store: ObjectStore, key: str, content: bytes, before: StoredObject | None
) -> StoredObject | str:
    """Write under a true condition; return the reason if it is refused."""
    try:
        return store.replace_bytes(key, content, _TEXT, before=before)
    except Changed:
        # The first attempt may have succeeded, its answer lost, and boto3 have retried it.
        found, stored = store.get_bytes(key)
        return stored if found == content else "is refused although its condition holds"
    except StorageError as error:
        code = error.data.get("code")
        if code not in _UNSUPPORTED:
            raise
        return f"is answered with {code}"


def _is_refused(store: ObjectStore, key: str, before: StoredObject | None) -> bool:
    """Write under a false condition; tell whether it is refused."""
    try:
        store.replace_bytes(key, b"refused", _TEXT, before=before)
    except Changed:
        return True
    return False
