"""The links of events in Dagit: each plays the take that the event recorded."""

import hashlib
from urllib.request import urlopen

import dagster as dg
import pytest

from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import Studio
from chunk_assets_tests.generators import HoldingGenerator

pytestmark = pytest.mark.slow


def test_each_event_plays_its_own_take(store: ObjectStore, instance: dg.DagsterInstance):
    """Three events of one partition link to three clips, also after the first is chosen again."""
    studio = Studio(store, instance, HoldingGenerator())
    studio.submit()
    for _ in range(3):
        assert studio.render([0]).success
    assert studio.render([0], take=1).success
    wanted = dg.AssetRecordsFilter(dg.AssetKey("chunk_videos"), asset_partitions=["00|film"])
    records = instance.fetch_materializations(wanted, limit=10).records
    played = []
    for record in reversed(records):
        assert record.asset_materialization is not None
        watch = str(record.asset_materialization.metadata["watch"].value)
        link = watch.removeprefix("[watch](").removesuffix(")")
        with urlopen(link) as answer:  # noqa: S310 - the test server's
            played.append(hashlib.sha256(answer.read()).hexdigest())
    takes = [store.find(f"{keys.take('film', 0, number)}clip.mp4").sha256 for number in (1, 2, 3)]
    assert played == [*takes, takes[0]]
    assert len(set(takes)) == 3
