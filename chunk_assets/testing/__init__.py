"""Tests that every generator passes, for packages that have one; needs pytest.

::

    from chunk_assets.testing import Backend, GeneratorContract

    class TestMyGenerator(GeneratorContract):
        @pytest.fixture
        def backend(self, tmp_path):
            with MyFakeProvider() as provider:
                yield MyBackend(provider)

docs/plugins.md is the guide, examples/plugin has a package that does this.
"""

import pytest

pytest.register_assert_rewrite("chunk_assets.testing.contract", "chunk_assets.testing.studio")

from chunk_assets.testing.backend import Backend  # noqa: E402 - after the registration
from chunk_assets.testing.contract import GeneratorContract  # noqa: E402
from chunk_assets.testing.studio import Studio  # noqa: E402

__all__ = ["Backend", "GeneratorContract", "Studio"]
