"""A fake Replicate for each test, and our client for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from pydantic import SecretStr

from chunk_assets.generation.replicate.api import ReplicateApi
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.generation.replicate.studio import FAST, ReplicateStudio
from chunk_assets_tests.media.media import photo


@pytest.fixture
def fake() -> Iterator[FakeReplicate]:
    """A server whose predictions take no time."""
    with FakeReplicate() as running:
        yield running


@pytest.fixture
def retries() -> list[str]:
    """What the client reported about its retries."""
    return []


@pytest.fixture
def api(fake: FakeReplicate, retries: list[str]) -> Iterator[ReplicateApi]:
    """Our client for the fake."""
    token = SecretStr(fake.token or "")
    with ReplicateApi(
        token, fake.base_url, cancel_after=600, timeout=5, retries=FAST, on_retry=retries.append
    ) as opened:
        yield opened


@pytest.fixture
def still(tmp_path: Path) -> Path:
    """A conditioning image."""
    path = tmp_path / "still.png"
    Image.fromarray(photo("coffee", (128, 72))).save(path)
    return path


@pytest.fixture
def studio(
    fake: FakeReplicate, store: ObjectStore, still: Path, tmp_path: Path
) -> Iterator[ReplicateStudio]:
    """A studio with an account."""
    workdir = tmp_path / "work"
    workdir.mkdir()
    made = ReplicateStudio(fake, store, still, workdir)
    yield made
    made.close()
