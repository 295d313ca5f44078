"""The client with which the bucket is asked."""

import multiprocessing
from datetime import UTC, datetime

import pytest

from chunk_assets.defs.resources import _moment, connect
from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-11-26T08:00:00.250Z", datetime(2026, 11, 26, 8, 0, 0, 250_000, UTC)),
        ("2026-11-26T10:00:00+02:00", datetime(2026, 11, 26, 8, tzinfo=UTC)),
        ("Thu, 26 Nov 2026 08:00:00 GMT", datetime(2026, 11, 26, 8, tzinfo=UTC)),
        (1.5, datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC)),
    ],
)
def test_times_are_read_however_s3_writes_them(written: str | float, moment: datetime):
    """In a listing and in headers; always with a time zone."""
    found = _moment(written)
    assert found == moment
    assert found.tzinfo is not None


def keep_busy(settings: Settings, name: str) -> None:
    """Put and read objects; what is read is compared with what was written."""
    store = connect(settings)
    for number in range(30):
        content = f"{name} {number} ".encode() * 2000
        store.put_bytes(f"{name}/{number}", content, "text/plain")
        assert store.get_bytes(f"{name}/{number}")[0] == content


def test_forks_share_no_connection(settings: Settings, store: ObjectStore):
    """A worker has asked S3 before its slots are forked; none is given another's answer."""
    connect(settings).put_bytes("before", b"the connection is open", "text/plain")
    fork = multiprocessing.get_context("fork")
    slots = [fork.Process(target=keep_busy, args=(settings, f"slot-{n}")) for n in range(3)]
    for slot in slots:
        slot.start()
    for slot in slots:
        slot.join(60)
    assert [slot.exitcode for slot in slots] == [0, 0, 0]
    assert connect(settings).get_bytes("before")[0] == b"the connection is open"
