"""The example's generator keeps the contract of all generators."""

from collections.abc import Iterator
from importlib.metadata import entry_points

import pytest

from chunk_assets.testing import Backend, GeneratorContract
from chunk_assets_example.backend import ExampleBackend
from chunk_assets_example.service import Service


class TestExample(GeneratorContract):
    """Each test of the contract, against the service on loopback."""

    @pytest.fixture
    def backend(self) -> Iterator[Backend]:
        """A service of its own for each test."""
        with Service() as service:
            yield ExampleBackend(service)


def test_the_package_is_installed():
    """Its entry point names the function that builds the generator."""
    [entry] = entry_points(group="chunk_assets.generators", name="example")
    assert entry.load().__name__ == "build"
