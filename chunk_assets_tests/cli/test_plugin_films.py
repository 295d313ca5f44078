"""A film on a generator of another package, chosen by its name like any other."""

import pytest

from chunk_assets.storage.store import ObjectStore
from chunk_assets_example.service import Service
from chunk_assets_tests.cli.commands import done, sentence
from chunk_assets_tests.cli.conftest import Animatics
from chunk_assets_tests.installing import Install

pytestmark = pytest.mark.slow


def test_a_film_is_rendered_by_the_example(
    install: Install, store: ObjectStore, animatic: Animatics, monkeypatch: pytest.MonkeyPatch
):
    """Its cost is in the film's bill, and what it lacks is one sentence."""
    animatic()
    monkeypatch.delenv("EXAMPLE_TOKEN", raising=False)
    said = sentence("render", "film", "--generator", "example")
    assert "there is no generator 'example': choose one of comfyui, preview, replicate" in said
    install("plug_example", "example = chunk_assets_example.generator:build", "")
    said = sentence("render", "film", "--generator", "example")
    assert "needs EXAMPLE_URL and EXAMPLE_TOKEN" in said
    with Service() as service:
        monkeypatch.setenv("EXAMPLE_URL", service.url)
        monkeypatch.setenv("EXAMPLE_TOKEN", service.token)
        ended = done("render", "film", "--generator", "example", "--json")
        assert len(service.jobs) == 3
        assert ended.document["total_cost"] == pytest.approx(service.billed_usd)
