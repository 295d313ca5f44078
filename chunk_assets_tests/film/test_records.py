"""The records of a chunk's objects: valid numbers, or an error."""

import pytest

from chunk_assets.errors import StorageError
from chunk_assets.film.records import ClipRecord, CompositeRecord
from chunk_assets.storage.stored import StoredObject

CLIP = {
    "fingerprint": "f",
    "generator": "preview",
    "model": "preview",
    "seed": "1",
    "take": "1",
    "cost-usd": "0.5",
    "spent-usd": "1.0",
    "seconds": "2.5",
}
COMPOSITE = {"fingerprint": "f", "pixels": "0" * 64, "weights": "0.7 0.3 0.7"}


def stored(record: dict[str, str]) -> StoredObject:
    """An object with this record."""
    return StoredObject("key", "s3://b/key", 1, "etag", record)


def test_records_are_read_back():
    """Text in S3 metadata becomes numbers."""
    assert ClipRecord.of(stored(CLIP)).spent_usd == 1.0
    assert CompositeRecord.of(stored(COMPOSITE)).used_weights.style == 0.3


@pytest.mark.parametrize("name", ["cost-usd", "spent-usd", "seconds"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "much"])
def test_numbers_must_be_finite(name: str, value: str):
    """One NaN would make the film's cost NaN, and no limit would hold."""
    with pytest.raises(StorageError, match="was not written by chunk_assets"):
        ClipRecord.of(stored(CLIP | {name: value}))


@pytest.mark.parametrize("value", ["-0.01", "1e308"])
def test_a_cost_must_be_plausible(value: str):
    """A negative or enormous cost is refused."""
    with pytest.raises(StorageError):
        ClipRecord.of(stored(CLIP | {"cost-usd": value}))


@pytest.mark.parametrize("weights", ["", "0.7 0.3", "0.7 0.3 nan", "0.7 0.3 2", "1 1 1 1", "a b c"])
def test_invalid_weights_are_refused(weights: str):
    """A composite has three weights from 0 to 1."""
    with pytest.raises(StorageError):
        CompositeRecord.of(stored(COMPOSITE | {"weights": weights}))
