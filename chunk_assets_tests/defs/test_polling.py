"""`new_animatics` waits within a tick on this machine's own server only."""

import threading
import time

import dagster as dg
import pytest

from chunk_assets.dagster_internals.instance import FILM_TAG
from chunk_assets.defs.resources import connect
from chunk_assets.settings import Settings, load_settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import Studio, put_animatic
from chunk_assets_tests.generators import HoldingGenerator
from chunk_assets_tests.manifests import small_manifest
from chunk_assets_tests.sensing import Sensing

pytestmark = pytest.mark.slow

DOCUMENT = small_manifest(generator=HoldingGenerator.name)


def test_an_animatic_that_comes_while_a_tick_waits(
    settings: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    """Its film is requested in the same tick, not at the daemon's next loop."""
    for name in ("CHUNK_ASSETS_BUCKET", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    store = connect(load_settings())
    sensing = Sensing(Studio(store, instance, HoldingGenerator()), "new_animatics")
    assert sensing.tick() == []
    monkeypatch.setenv("CHUNK_ASSETS_SENSOR_PATIENCE", "30")
    began = time.monotonic()
    dropping = threading.Timer(1, put_animatic, (store, "film", DOCUMENT))
    dropping.start()
    requests = sensing.tick()
    assert [request.tags[FILM_TAG] for request in requests] == ["film"]
    assert 1 <= time.monotonic() - began < 20
    dropping.join()


def test_a_bucket_of_ones_own_is_looked_at_once(
    store: ObjectStore, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    """Each look costs a request there."""
    sensing = Sensing(Studio(store, instance, HoldingGenerator()), "new_animatics")
    monkeypatch.setenv("CHUNK_ASSETS_SENSOR_PATIENCE", "30")
    began = time.monotonic()
    assert sensing.tick() == []
    assert time.monotonic() - began < 20
