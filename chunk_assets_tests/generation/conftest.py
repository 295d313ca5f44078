"""What the tests of generators share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from chunk_assets.generation.catalog import Catalog, load_catalog


@pytest.fixture
def extra(tmp_path: Path) -> Callable[[str | bytes], Catalog]:
    """Load the catalog with a user's file that contains a text."""

    def load(text: str | bytes) -> Catalog:
        path = tmp_path / "own.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_catalog(path)

    return load
