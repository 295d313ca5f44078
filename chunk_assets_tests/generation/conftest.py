"""What the tests of generators share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chunk_assets.generation.catalog import Catalog, load_catalog
from chunk_assets.storage.local.weed import Server
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.conftest import deploy, emptied


@pytest.fixture(scope="module")
def shared_store(
    s3_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ObjectStore]:
    """A bucket for all tests of a module: a new client for each takes as long as a test."""
    with pytest.MonkeyPatch.context() as patch:
        yield emptied(deploy(s3_server, tmp_path_factory.mktemp("shared") / "home", patch))


@pytest.fixture
def extra(tmp_path: Path) -> Callable[[str | bytes], Catalog]:
    """Load the catalog with a user's file that contains a text."""

    def load(text: str | bytes) -> Catalog:
        path = tmp_path / "own.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_catalog(path)

    return load
