"""S3: the bucket exists and behaves as films need."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from chunk_assets.defs.resources import connect
from chunk_assets.doctor.findings import Finding, fails, ok
from chunk_assets.errors import StorageError
from chunk_assets.settings import Settings
from chunk_assets.storage.conditional_writes import FEATURE, conditional_write_faults
from chunk_assets.storage.store import ObjectStore

MAX_SKEW_SECONDS = 5.0
"""Times of objects and runs are compared; S3 itself refuses requests that are 15 minutes off."""

_TEXT = "text/plain"


def s3_bucket(settings: Settings) -> Finding:
    """Check that the bucket exists and is accessible."""
    store = connect(settings)
    seconds = _timed(store.check)
    kind = "this machine's own server" if settings.is_local else "your bucket"
    return ok(f"{store.uri('')} at {store.endpoint} ({kind}), answers in {_ms(seconds)}")


def s3_write(settings: Settings) -> Finding:
    """Check that an object can be written and deleted."""
    store = connect(settings)
    with _scratch(store) as key:
        seconds = _timed(lambda: store.put_bytes(key, b"doctor", _TEXT))
        _remove(store, key)
        left = store.head(key)
    if left is not None:
        return fails(f"{left.uri} still exists after its deletion")
    return ok(f"an object written in {_ms(seconds)} and deleted")


def s3_read(settings: Settings) -> Finding:
    """Check that an object is read back with its metadata, and is listed at once."""
    store, content = connect(settings), secrets.token_bytes(1000)
    with _scratch(store) as key:
        store.put_bytes(key, content, _TEXT, {"made-by": "doctor"})
        began = time.monotonic()
        read, stored = store.get_bytes(key)
        seconds = time.monotonic() - began
        is_listed = key in store.keys(key)
    if read != content or stored.record.get("made-by") != "doctor":
        return fails(
            f"{stored.uri} differs from what was written", "use S3 storage that keeps metadata"
        )
    if not is_listed:
        return fails(
            f"{stored.uri} is not listed right after it was written",
            "use S3 storage with consistent listings",
        )
    return ok(f"1 kB read in {_ms(seconds)}, with its metadata, and listed at once")


def s3_conditional_write(settings: Settings) -> Finding:
    """Check that a second writer is refused, without which a clip may be paid for twice."""
    faults = conditional_write_faults(connect(settings))
    if faults:
        return fails(
            "; ".join(faults),
            f"use S3 storage with {FEATURE}: without them two runs may pay for one clip, so paid "
            "generators are refused",
        )
    return ok("the second write is refused, by If-None-Match and by If-Match")


def s3_clock(settings: Settings) -> Finding:
    """Check that this machine's clock agrees with S3's."""
    store = connect(settings)
    before = datetime.now(UTC)
    answer = store.client.head_bucket(Bucket=store.bucket)
    after = datetime.now(UTC)
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    if date is None:
        return fails("S3 sends no Date header", "check whether a proxy removes it")
    # The header has whole seconds: the true time is up to one second later.
    there = parsedate_to_datetime(date)
    ahead = (before - there).total_seconds() - 1.0
    behind = (there - after).total_seconds()
    skew = max(ahead, behind, 0.0)
    if skew > MAX_SKEW_SECONDS:
        side = "ahead of" if ahead > behind else "behind"
        return fails(
            f"this clock is {skew:.0f} s {side} S3's; limit {MAX_SKEW_SECONDS:.0f} s",
            "synchronize the clocks by NTP",
        )
    return ok(f"{skew:.0f} s from S3's clock; limit {MAX_SKEW_SECONDS:.0f} s")


@contextmanager
def _scratch(store: ObjectStore) -> Iterator[str]:
    """Yield an unused key, and delete its object afterwards."""
    key = f"doctor/{secrets.token_hex(8)}"
    try:
        yield key
    finally:
        _remove(store, key)


def _remove(store: ObjectStore, key: str) -> None:
    try:
        store.client.delete_object(Bucket=store.bucket, Key=key)
    except Exception as error:
        message = f"{store.uri(key)} was written and cannot be deleted: {type(error).__name__}"
        raise StorageError(message) from error


def _timed(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
