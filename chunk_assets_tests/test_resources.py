"""The client with which the bucket is asked."""

from datetime import UTC, datetime

import pytest

from chunk_assets.resources import _moment


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
