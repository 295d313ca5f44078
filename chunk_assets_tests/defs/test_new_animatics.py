"""The sensor of animatics with a real S3 server and a real instance, by situation."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from chunk_assets.dagster_internals.instance import FILM_TAG, TERMINAL_TAG, film_lock
from chunk_assets.dagster_internals.tag_names import PARTITION
from chunk_assets.definitions import build_definitions
from chunk_assets.defs.partitions.observations import (
    ANIMATICS,
    Observation,
    latest_observations,
    record_settled,
)
from chunk_assets.defs.resources import connect
from chunk_assets.defs.sensors.manifest_cursor import (
    BUCKETS,
    ListedManifest,
    ManifestCursor,
    bucket_digest,
)
from chunk_assets.generation.registry import GENERATORS
from chunk_assets.media.images import save_png
from chunk_assets.settings import Settings, load_settings
from chunk_assets.storage import keys
from chunk_assets.storage.bucket import ListedObject
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import Studio, put_animatic
from chunk_assets_tests.generators import BUSY, HoldingGenerator, only
from chunk_assets_tests.manifests import picture, small_manifest
from chunk_assets_tests.sensing import Sensing

pytestmark = pytest.mark.slow

HELD = {"generator": HoldingGenerator.name}


@pytest.fixture
def studio(store: ObjectStore, instance: dg.DagsterInstance) -> Studio:
    """A deployment that knows one generator."""
    return Studio(store, instance, HoldingGenerator())


@pytest.fixture
def sensing(studio: Studio) -> Sensing:
    """The sensor of animatics."""
    return Sensing(studio, "new_animatics")


def put(store: ObjectStore, video_id: str, **changes: Any) -> None:
    """An animatic for the test's generator."""
    put_animatic(store, video_id, small_manifest(**{**HELD, **changes}))


def put_manifest(store: ObjectStore, video_id: str, text: str) -> None:
    """A manifest alone, written at another time than the one before.

    The server tells writings of the same content apart by the second.
    """
    before = {listed.name: listed for listed in store.listing(keys.ANIMATICS, ".json")}
    key = keys.manifest(video_id)
    store.put_bytes(key, text.encode(), "application/json")
    while before.get(video_id) in list(store.listing(keys.ANIMATICS, ".json")):
        time.sleep(0.2)
        store.put_bytes(key, text.encode(), "application/json")


def films(requests: list[dg.RunRequest]) -> list[str]:
    """The films of these requests."""
    return sorted(request.tags[FILM_TAG] for request in requests)


def refusals(instance: dg.DagsterInstance, video_id: str) -> list[str]:
    """What Dagit shows of an animatic that could not be used."""
    wanted = dg.AssetRecordsFilter(asset_key=ANIMATICS, asset_partitions=[video_id])
    observed = [
        record.event_log_entry.asset_observation
        for record in instance.fetch_observations(wanted, limit=99).records
    ]
    said = [str(each.description or "") for each in observed if each]
    return [each for each in said if "not rendered" in each]


def test_nothing_new(sensing: Sensing):
    """An empty folder requests nothing, and says so."""
    assert sensing.tick() == []
    assert sensing.said == "0 animatics, nothing new."


def test_first_animatics(sensing: Sensing, store: ObjectStore, instance: dg.DagsterInstance):
    """Each film gets partitions, a recorded version, and one run over its range; once."""
    put(store, "alpha")
    put(store, "beta")
    requests = sensing.tick()
    assert films(requests) == ["alpha", "beta"]
    [alpha] = [request for request in requests if request.tags[FILM_TAG] == "alpha"]
    assert alpha.job_name == "render_chunks"
    assert alpha.tags["dagster/asset_partition_range_start"] == "00|alpha"
    assert alpha.tags["dagster/asset_partition_range_end"] == "02|alpha"
    config = {"generator": "holding", "reuse": "matching"}
    assert alpha.run_config == {"ops": {"film_chunks": {"config": config}}}
    version = latest_observations(instance, ["alpha"])["alpha"].version
    assert str(alpha.run_key).startswith(f"alpha:{version}:")
    assert sorted(instance.get_dynamic_partitions("video_id")) == ["alpha", "beta"]
    assert list(instance.get_dynamic_partitions("chunk_num")) == ["00", "01", "02"]
    assert sensing.tick() == []


def test_a_manifest_without_a_generator(sensing: Sensing, store: ObjectStore):
    """It is meant for the free preview; this deployment has none, and the sentence says so."""
    put_animatic(store, "film", small_manifest())
    assert sensing.tick() == []
    assert "there is no generator 'preview'" in sensing.said


def test_a_film_by_itself(sensing: Sensing, studio: Studio, store: ObjectStore):
    """From the manifest to the stitched film without a click, and then there is nothing to do."""
    stitching = Sensing(studio, "finished_films")
    put(store, "film")
    [request] = sensing.tick()
    assert stitching.tick() == []
    assert sensing.launch(request).success
    [stitch] = stitching.tick()
    assert (stitch.job_name, stitch.tags[PARTITION]) == ("stitch_film", "film")
    assert stitching.launch(stitch).success
    assert store.head(keys.stitched_video("film")) is not None
    assert (sensing.tick(), stitching.tick()) == ([], [])


def test_a_changed_manifest(sensing: Sensing, studio: Studio, store: ObjectStore):
    """It starts a run, which renders what changed; one that is changed back has its old clip."""
    put(store, "film")
    sensing.launch(sensing.tick()[0])
    before = small_manifest(**HELD)
    after = small_manifest(**HELD)
    after["beats"][1]["prompt_template"] = "{product_name} flies"
    for document, rendered in ((after, [2]), (before, [])):
        studio.generator.requests.clear()
        put_manifest(store, "film", json.dumps(document))
        [request] = sensing.tick()
        assert sensing.launch(request).success
        assert studio.generator.chunks == rendered


def test_changed_pictures_only(sensing: Sensing, studio: Studio, store: ObjectStore):
    """The manifest is written again with the same content: the new picture's chunks follow."""
    put(store, "film")
    sensing.launch(sensing.tick()[0])
    studio.generator.requests.clear()
    path = save_png(picture(77))
    store.put_file(keys.animatic_file("film", "two.png"), path, "image/png")
    path.unlink()
    put_manifest(store, "film", json.dumps(small_manifest(**HELD)))
    [request] = sensing.tick()
    assert sensing.launch(request).success
    assert studio.generator.chunks == [2]


def test_the_same_written_again(sensing: Sensing, store: ObjectStore):
    """It starts nothing, though the first run has not rendered anything yet."""
    put(store, "film")
    assert films(sensing.tick()) == ["film"]
    assert sensing.tick() == []
    put_manifest(store, "film", json.dumps(small_manifest(**HELD)))
    assert sensing.tick() == []


def test_a_broken_manifest(sensing: Sensing, store: ObjectStore, instance: dg.DagsterInstance):
    """It is reported once by name and reason, stops no other, and starts when it is mended."""
    put_manifest(store, "broken", "{not json")
    put_manifest(store, "no|name", "{}")
    put(store, "good")
    assert films(sensing.tick()) == ["good"]
    [said] = refusals(instance, "broken")
    assert said.startswith("Film 'broken' is not rendered: ")
    assert "this is not JSON" in said
    assert "the video id 'no|name' cannot be used" in refusals(instance, "no|name")[0]
    assert sorted(instance.get_dynamic_partitions("video_id")) == ["broken", "good"]
    assert list(instance.get_dynamic_partitions("chunk_num")) == ["00", "01", "02"]
    for _ in range(2):
        assert sensing.tick() == []
    sensing.cursor = None  # as after a reset in Dagit
    assert sensing.tick() == []
    assert len(refusals(instance, "broken")) == 1
    put(store, "broken")
    assert films(sensing.tick()) == ["broken"]


def test_a_manifest_that_breaks(sensing: Sensing, store: ObjectStore, instance: dg.DagsterInstance):
    """The version of before stays recorded: nothing of the film becomes stale by a typing error."""
    put(store, "film")
    sensing.launch(sensing.tick()[0])
    sensing.tick()
    version = latest_observations(instance, ["film"])["film"].version
    put_manifest(store, "film", "{")
    assert sensing.tick() == []
    assert latest_observations(instance, ["film"])["film"].version == version


def test_pictures_that_come_after_the_manifest(
    sensing: Sensing, store: ObjectStore, instance: dg.DagsterInstance
):
    """A missing picture is named, once; the film starts as soon as it is there."""
    put(store, "film")
    store.client.delete_object(Bucket=store.bucket, Key=keys.animatic_file("film", "two.png"))
    for _ in range(2):
        assert sensing.tick() == []
    [said] = refusals(instance, "film")
    assert "names the picture 'two.png', but nothing is stored at" in said
    path = save_png(picture(1))
    store.put_file(keys.animatic_file("film", "two.png"), path, "image/png")
    path.unlink()
    assert films(sensing.tick()) == ["film"]


def test_a_deleted_animatic(sensing: Sensing, store: ObjectStore, instance: dg.DagsterInstance):
    """Its partition stays, and the cursor is that of a folder without it."""
    put(store, "stays")
    sensing.tick()
    sensing.tick()
    without = sensing.cursor
    put(store, "goes")
    sensing.tick()
    assert sensing.cursor != without
    store.client.delete_object(Bucket=store.bucket, Key=keys.manifest("goes"))
    assert sensing.tick() == []
    assert sensing.cursor == without
    assert "goes" in instance.get_dynamic_partitions("video_id")


def test_a_deleted_animatic_that_is_restored_with_its_old_time(
    store: ObjectStore, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    """In a versioned bucket a restored manifest keeps its time; its film is rendered, once."""
    store.client.create_bucket(Bucket="versioned")
    status = {"Status": "Enabled"}
    store.client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration=status)
    monkeypatch.setenv("CHUNK_ASSETS_BUCKET", "versioned")
    bucket = connect(load_settings())
    sensing = Sensing(Studio(bucket, instance, HoldingGenerator()), "new_animatics")
    put(bucket, "film")
    [written] = bucket.listing(keys.ANIMATICS, ".json")
    manifest = {"Bucket": "versioned", "Key": keys.manifest("film")}
    marker = store.client.delete_object(**manifest)["VersionId"]
    assert sensing.tick() == []
    put(bucket, "another")
    assert films(sensing.tick()) == ["another"]
    store.client.delete_object(**manifest, VersionId=marker)
    assert written in bucket.listing(keys.ANIMATICS, ".json")
    assert films(sensing.tick()) == ["film"]
    assert sensing.tick() == []


def test_a_restart(sensing: Sensing, studio: Studio, store: ObjectStore):
    """A new process continues from the cursor, or from Dagster's events if the cursor is lost."""
    put(store, "film")
    assert len(sensing.tick()) == 1
    for cursor in (sensing.cursor, None, "nonsense", '{"seen":"AA=="}'):
        sensing.tick()
        again = Sensing(studio, "new_animatics", cursor)
        assert again.tick() == []


def test_a_daemon_that_dies_before_it_has_the_requests(
    sensing: Sensing, studio: Studio, store: ObjectStore
):
    """Neither cursor nor requests are stored then: the film is requested again, by the same key."""
    put(store, "film")
    [lost] = sensing.tick()
    [again] = Sensing(studio, "new_animatics").tick()
    assert again.run_key == lost.run_key


def test_a_film_whose_run_failed(sensing: Sensing, studio: Studio, store: ObjectStore):
    """It is not started again, since it would fail for ever; a changed manifest starts it."""
    put(store, "film")
    [request] = sensing.tick()
    studio.generator.fails_at = {1: BUSY}
    assert not sensing.launch(request).success
    for _ in range(2):
        assert sensing.tick() == []
    put(store, "film", negative_prompt="rain")
    assert films(sensing.tick()) == ["film"]


def test_a_film_that_is_being_rendered(sensing: Sensing, store: ObjectStore):
    """A change waits for the active run, and is not forgotten."""
    put(store, "film")
    run = sensing.queue(sensing.tick()[0])
    put(store, "film", negative_prompt="rain")
    assert sensing.tick() == []
    assert sensing.said == "film 'film' waits for its active run to end"
    sensing.studio.instance.report_run_failed(run)
    assert films(sensing.tick()) == ["film"]


def test_a_film_in_the_terminal(sensing: Sensing, store: ObjectStore, settings: Settings):
    """`render` has the film's lock: no second run, neither meanwhile nor when it was stopped."""
    with film_lock(settings, "film"):
        put(store, "film")
        assert sensing.tick() == []
        assert sensing.said == "film 'film' is being rendered in a terminal"
        job = sensing.studio.definitions.resolve_job_def("stitch_film")
        time.sleep(1.1)  # S3's clock shows seconds
        run = sensing.studio.instance.create_run_for_job(
            job, tags={FILM_TAG: "film", TERMINAL_TAG: "terminal"}
        )
    sensing.studio.instance.report_run_canceled(run)
    for _ in range(2):
        assert sensing.tick() == []
    assert sensing.said == "1 animatics, nothing new."
    time.sleep(1.1)
    put_manifest(store, "film", json.dumps(small_manifest(**HELD, negative_prompt="rain")))
    assert films(sensing.tick()) == ["film"]


def test_a_film_that_was_submitted(sensing: Sensing, studio: Studio):
    """`submit` records the version and starts nothing: that is left to the sensor."""
    studio.submit("film", small_manifest(**HELD))
    assert films(sensing.tick()) == ["film"]
    assert sensing.tick() == []


def test_a_film_that_is_finished(sensing: Sensing, studio: Studio):
    """Nothing is requested for it, be it unknown to the sensor."""
    studio.submit("film", small_manifest(**HELD))
    studio.render(range(3))
    studio.stitch()
    assert sensing.tick() == []


def test_other_transitions_only(sensing: Sensing, studio: Studio, store: ObjectStore):
    """No chunk changes: the film is stitched, nothing rendered."""
    studio.submit("film", small_manifest(**HELD, transitions=[{"type": "dissolve"}]))
    studio.render(range(3))
    studio.stitch()
    put(store, "film", transitions=[{"type": "fade"}])
    [request] = sensing.tick()
    assert (request.job_name, request.tags[PARTITION]) == ("stitch_film", "film")


def test_clips_that_cost_money(sensing: Sensing, studio: Studio, instance: dg.DagsterInstance):
    """They are never replaced by previews."""
    studio.definitions = build_definitions({**GENERATORS, **only(studio.generator)})
    studio.submit("film", small_manifest())
    studio.render(range(3))
    put_animatic(studio.store, "film", small_manifest(negative_prompt="rain"))
    assert sensing.tick() == []
    assert "its clips were made by 'holding'" in refusals(instance, "film")[0]


def test_s3_that_cannot_be_reached(
    sensing: Sensing, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
):
    """The tick says so in one sentence, and nothing is forgotten."""
    put(store, "film")
    sensing.tick()
    cursor = sensing.cursor
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        assert sensing.tick() == []
    assert sensing.said.startswith("Nothing was checked: S3 at http://127.0.0.1:9 could not")
    assert sensing.cursor == cursor
    assert sensing.tick() == []


def test_more_films_than_a_tick_takes(
    sensing: Sensing, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
):
    """The next tick continues with the rest, and no film is requested twice."""
    # A constant, to be fast.
    monkeypatch.setattr("chunk_assets.defs.sensors.film_handler.MAX_FILMS", 2)
    names = [f"film{number}" for number in range(5)]
    for name in names:
        put(store, name)
    ticks = [films(sensing.tick()) for _ in range(4)]
    assert [len(tick) for tick in ticks] == [2, 2, 1, 0]
    assert sorted(name for tick in ticks for name in tick) == names


@pytest.mark.endurance
def test_thousands_of_manifests(sensing: Sensing, store: ObjectStore, instance: dg.DagsterInstance):
    """Of 2,000, three are new: exactly these are requested, and S3 is asked about no other.

    Counted in requests and processor time, which a busy machine does not change;
    `benchmarks/sensor.py` has the seconds for 10,000.
    """
    many = [keys.manifest(f"film{number}") for number in range(2000)]
    put(store, "first")  # the first tick of a process connects to S3
    sensing.launch(sensing.tick()[0])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.put_bytes(key, b"{}", "application/json"), many))
    try:
        cursor = ManifestCursor(buckets=[0] * BUCKETS)  # each was looked into
        new = {ListedManifest(_named(name)).bucket for name in ("new1", "new2", "new3")}
        for listed in store.listing(keys.ANIMATICS, ".json"):
            manifest = ListedManifest(listed)
            cursor.buckets[manifest.bucket] ^= bucket_digest([manifest])
            if manifest.bucket in new:  # Dagster is asked about no other
                record_settled(instance, store, manifest.name, "1", manifest.stamp, "known")
        sensing.cursor = cursor.written()
        assert len(sensing.cursor) < 1200
        assert sensing.tick() == []
        assert sensing.said == "2001 animatics, nothing new."
        for name in ("new1", "new2", "new3"):
            put(store, name)
        asked: list[str] = []

        def note(model: Any, **_others: Any) -> None:
            asked.append(model.name)

        store.client.meta.events.register("before-call.s3", note)
        requests = sensing.tick()
        store.client.meta.events.unregister("before-call.s3", note)
        assert films(requests) == ["new1", "new2", "new3"]
        assert asked.count("GetObject") == 3  # the new manifests
        assert asked.count("ListObjectsV2") == 3 + 3  # a thousand a page; what a film has stored
        assert asked.count("HeadObject") == 3 * 4  # pictures
        assert len(asked) == 3 + 6 + 12
    finally:
        for start in range(0, len(many), 1000):
            some = [{"Key": key} for key in many[start : start + 1000]]
            store.client.delete_objects(Bucket=store.bucket, Delete={"Objects": some})


def _named(name: str) -> ListedObject:
    return ListedObject(name, 0, "", datetime.now(UTC))


def test_what_dagster_knows_of_an_animatic_never_seen(instance: dg.DagsterInstance):
    """Nothing."""
    assert latest_observations(instance, ["film"]) == {}
    assert latest_observations(instance, []) == {}
    assert not Observation(version="1").is_settled("1")
