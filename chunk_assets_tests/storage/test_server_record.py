"""What the local S3 server remembers: used, or as good as nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from chunk_assets.storage.local.weed import Server

GOOD: dict[str, Any] = {
    "access_key_id": "0123456789ABCDEF0123",
    "secret_access_key": "secret-of-this-server",
    "ports": {"s3.port": 20_001, "s3.port.grpc": 20_002},
}


def load(directory: Path, text: str) -> Server | None:
    """What is remembered by this server.json."""
    (directory / "server.json").write_text(text)
    return Server.load(directory)


def test_a_record_that_was_written(tmp_path: Path):
    """It is read back."""
    assert load(tmp_path, json.dumps(GOOD)) == Server(**GOOD)


@pytest.mark.parametrize(
    "changes",
    [
        {"ports": {}},
        {"ports": []},
        {"ports": {"s3.port": 0}},
        {"ports": {"s3.port": 65_536}},
        {"ports": {"s3.port": True}},
        {"ports": {"s3.port": 20_001, "master.port": -1}},
        {"ports": {"s3.port": 20_001, "a\nb": 20_002}},
        {"access_key_id": ""},
        {"access_key_id": {"a": 1}},
        {"access_key_id": "é"},
        {"secret_access_key": "a\nb"},
        {"secret_access_key": None},
        {"other": 1},
    ],
)
def test_a_record_that_cannot_be_used(tmp_path: Path, changes: dict[str, Any]):
    """A port that is none, or a credential that no header carries."""
    assert load(tmp_path, json.dumps(GOOD | changes)) is None


@pytest.mark.parametrize("text", ["", "[]", "null", "[" * 100_000, "\0", '{"ports": {}}'])
def test_what_is_no_record(tmp_path: Path, text: str):
    """No JSON, other JSON, or JSON without end."""
    assert load(tmp_path, text) is None
