"""The film that the staleness tests change."""

from collections.abc import Iterator

import dagster as dg
import pytest

from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.defs.staleness.walk import FILM, ShadingGenerator, Walk
from chunk_assets_tests.films import Studio


@pytest.fixture
def walk(store: ObjectStore) -> Iterator[Walk]:
    """A film of four chunks and three beats, beside a longer one; nothing is rendered."""
    generator = ShadingGenerator()
    with dg.DagsterInstance.ephemeral() as instance:  # in memory
        walk = Walk(Studio(store, instance, generator), generator)
        walk.submit(FILM)
        yield walk
