"""The check `animatic_is_usable`, by the sensor and by a person, by situation."""

import json

import dagster as dg
import pytest

from chunk_assets.checks.results import USABLE
from chunk_assets.defs.partitions.observations import ANIMATICS
from chunk_assets.defs.partitions.retirement import retire
from chunk_assets.settings import Settings
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.check_results import Result, check_result
from chunk_assets_tests.defs.test_new_animatics import HELD, put, put_manifest
from chunk_assets_tests.films import Studio
from chunk_assets_tests.generators import HoldingGenerator
from chunk_assets_tests.manifests import small_manifest
from chunk_assets_tests.sensing import Sensing

pytestmark = pytest.mark.slow


@pytest.fixture
def studio(store: ObjectStore, instance: dg.DagsterInstance) -> Studio:
    """A deployment that knows one generator."""
    return Studio(store, instance, HoldingGenerator())


@pytest.fixture
def sensing(studio: Studio) -> Sensing:
    """The sensor of animatics."""
    return Sensing(studio, "new_animatics")


def usable(instance: dg.DagsterInstance, film: str = "film") -> Result | None:
    """What Dagit shows beside the animatic."""
    return check_result(instance, ANIMATICS, USABLE, film)


def delete(store: ObjectStore, film: str) -> None:
    """Delete a manifest."""
    store.client.delete_object(Bucket=store.bucket, Key=keys.manifest(film))


def test_a_usable_animatic(sensing: Sensing, store: ObjectStore, instance: dg.DagsterInstance):
    """It passes as soon as the sensor has seen it."""
    put(store, "film")
    sensing.tick()
    assert usable(instance) == Result(True, "ERROR", "3 chunks are planned from it")


def test_an_unusable_animatic(sensing: Sensing, store: ObjectStore, instance: dg.DagsterInstance):
    """It fails as an error that names the cause, also a film's first; again and again."""
    put(store, "film")  # its pictures
    for good in (False, True, False, True):
        text = json.dumps(small_manifest(**HELD)) if good else "{not json"
        put_manifest(store, "film", text)
        sensing.tick()
        found = usable(instance)
        assert found is not None
        assert (found.passed, found.severity) == (good, "ERROR")
        assert good or "this is not JSON" in found.sentence
    assert list(instance.get_dynamic_partitions("video_id")) == ["film"]


def test_a_missing_picture(sensing: Sensing, store: ObjectStore, instance: dg.DagsterInstance):
    """It fails until the picture is there, though the manifest stays the same."""
    put(store, "film")
    picture = keys.animatic_file("film", small_manifest()["frames"][0])
    kept = store.client.get_object(Bucket=store.bucket, Key=picture)["Body"].read()
    store.client.delete_object(Bucket=store.bucket, Key=picture)
    sensing.tick()
    found = usable(instance)
    assert found is not None
    assert not found.passed
    assert picture in found.sentence
    store.put_bytes(picture, kept, "image/png")
    assert len(sensing.tick()) == 1
    assert usable(instance) == Result(True, "ERROR", "3 chunks are planned from it")


def test_a_manifest_that_is_gone(
    sensing: Sensing, store: ObjectStore, instance: dg.DagsterInstance
):
    """It fails, also where the cursor was lost meanwhile, and passes when the manifest is back."""
    for film in ("film", "other"):
        put(store, film)
    sensing.tick()
    delete(store, "film")
    assert sensing.tick() == []
    found = usable(instance)
    assert found is not None
    assert not found.passed
    assert found.sentence.startswith("The manifest of film 'film' is gone: s3://tests/animatics/")
    recorded = len(instance.fetch_observations(ANIMATICS, limit=99).records)
    sensing.tick()
    assert len(instance.fetch_observations(ANIMATICS, limit=99).records) == recorded
    delete(store, "other")
    sensing.cursor = None
    sensing.tick()
    other = usable(instance, "other")
    assert other is not None
    assert not other.passed
    put(store, "film")
    sensing.tick()
    assert usable(instance) == Result(True, "ERROR", "3 chunks are planned from it")


def test_a_retired_film_whose_manifest_is_deleted(
    sensing: Sensing, studio: Studio, settings: Settings, instance: dg.DagsterInstance
):
    """It stays out of the grid, and its check stays as it was."""
    put(studio.store, "film")
    sensing.launch(sensing.tick()[0])
    studio.stitch()
    assert retire(instance, studio.store, settings).retired == ["film"]
    delete(studio.store, "film")
    assert sensing.tick() == []
    assert list(instance.get_dynamic_partitions("video_id")) == []
    found = usable(instance)
    assert found is not None
    assert found.passed


def test_a_film_whose_key_was_typed(sensing: Sensing, instance: dg.DagsterInstance):
    """A film's name that was added by hand and never had a manifest is not missed."""
    instance.add_dynamic_partitions("video_id", ["ghost"])
    sensing.tick()
    assert usable(instance, "ghost") is None


def test_a_person_looks(sensing: Sensing, studio: Studio, instance: dg.DagsterInstance):
    """Executed by hand, the check says of each animatic in the grid what is so now."""
    put(studio.store, "film")
    put(studio.store, "gone")
    sensing.tick()
    delete(studio.store, "gone")
    job = studio.definitions.resolve_implicit_global_asset_job_def()
    chosen = {dg.AssetCheckKey(ANIMATICS, USABLE)}
    check = job.get_subset(asset_check_selection=chosen, asset_selection=set())
    assert check.execute_in_process(instance=instance).success
    assert usable(instance) == Result(True, "ERROR", "3 chunks are planned from it")
    found = usable(instance, "gone")
    assert found is not None
    assert not found.passed
    assert found.sentence.startswith("there is no animatic 'gone'")
