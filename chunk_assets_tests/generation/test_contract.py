"""Every generator with a ledger passes the same tests: Replicate, ComfyUI and the example."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chunk_assets.storage.store import ObjectStore
from chunk_assets.testing import Backend, GeneratorContract
from chunk_assets_example.backend import ExampleBackend
from chunk_assets_example.service import Service
from chunk_assets_tests.fake_comfyui import FakeComfyUI
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.generation.backends import ComfyUIBackend, ReplicateBackend

pytestmark = pytest.mark.slow


class _OnOurServer(GeneratorContract):
    """The contract on the tests' own S3 server."""

    @pytest.fixture
    def contract_store(self, shared_store: ObjectStore) -> ObjectStore:
        """A bucket there."""
        return shared_store


class TestReplicate(_OnOurServer):
    """The contract."""

    @pytest.fixture
    def backend(self) -> Iterator[Backend]:
        """An account that pays."""
        with FakeReplicate() as fake:
            yield ReplicateBackend(fake)


class TestComfyUI(_OnOurServer):
    """The contract."""

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Iterator[Backend]:
        """A server of one's own."""
        with FakeComfyUI() as fake:
            yield ComfyUIBackend(fake, tmp_path)


class TestExample(_OnOurServer):
    """The contract."""

    @pytest.fixture
    def backend(self) -> Iterator[Backend]:
        """The example's service."""
        with Service() as service:
            yield ExampleBackend(service)
