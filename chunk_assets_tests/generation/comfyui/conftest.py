"""A fake ComfyUI for each test, and a studio that uses it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.fake_comfyui import FakeComfyUI
from chunk_assets_tests.generation.comfyui.studio import ComfyStudio
from chunk_assets_tests.media.media import photo


@pytest.fixture
def fake() -> Iterator[FakeComfyUI]:
    """A server whose prompts take no time."""
    with FakeComfyUI() as running:
        yield running


@pytest.fixture
def studio(fake: FakeComfyUI, shared_store: ObjectStore, tmp_path: Path) -> Iterator[ComfyStudio]:
    """A studio with one server."""
    for name, picture in (("still", "coffee"), ("end", "chelsea")):
        Image.fromarray(photo(picture, (128, 72))).save(tmp_path / f"{name}.png")
    for key in shared_store.keys("chunks/film/"):
        shared_store.client.delete_object(Bucket=shared_store.bucket, Key=key)
    made = ComfyStudio([fake.url], shared_store, Settings(), tmp_path)
    yield made
    made.close()
