"""The sensor `finished_films`, with a real S3 server and a real instance."""

import threading

import dagster as dg
import pytest

from chunk_assets.dagster_internals.instance import film_lock
from chunk_assets.dagster_internals.tag_names import PARTITION
from chunk_assets.defs.sensors.finished_films import MAX_FILMS, StitchingCursor
from chunk_assets.settings import Settings
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import Studio
from chunk_assets_tests.generators import HoldingGenerator
from chunk_assets_tests.manifests import small_manifest
from chunk_assets_tests.sensing import Sensing

pytestmark = pytest.mark.slow


@pytest.fixture
def studio(store: ObjectStore, instance: dg.DagsterInstance) -> Studio:
    """A deployment with a film of three chunks, of which the first two are rendered."""
    studio = Studio(store, instance, HoldingGenerator())
    studio.submit()
    studio.render(range(2))
    return studio


@pytest.fixture
def sensing(studio: Studio) -> Sensing:
    """The sensor `finished_films`."""
    return Sensing(studio, "finished_films")


def films(requests: list[dg.RunRequest]) -> list[str]:
    """The films that the requests stitch."""
    assert {request.job_name for request in requests} <= {"stitch_film"}
    return [request.tags[PARTITION] for request in requests]


def test_chunks_that_are_missing(sensing: Sensing, studio: Studio):
    """Nothing is stitched until the last chunk is stored; then the film is stitched once."""
    assert sensing.tick() == []
    assert sensing.said == "No film is complete."
    studio.render([2])
    [request] = sensing.tick()
    assert films([request]) == ["film"]
    assert sensing.tick() == []
    assert sensing.said == "No clip was recorded since the last poll."
    assert sensing.launch(request).success
    assert sensing.tick() == []


def test_a_chunk_that_is_rendered_again(sensing: Sensing, studio: Studio):
    """A new take of the last chunk is stitched at once; one of the first after the later chunks."""
    studio.render([2])
    sensing.launch(sensing.tick()[0])
    studio.render([2])
    assert films(sensing.tick()) == ["film"]
    studio.render([0])
    assert sensing.tick() == []
    assert sensing.said == "No film is complete."
    studio.render([1, 2], reuse="matching")
    assert films(sensing.tick()) == ["film"]


def test_a_run_that_fails_behind_the_last_chunk(sensing: Sensing, studio: Studio):
    """Recorded clips count, even if their run failed."""
    studio.submit("zoo")
    both = {"dagster/asset_partition_range_end": "02|zoo"}  # which has no chunk 1 yet
    assert not studio.render([2], tags=both).success
    assert films(sensing.tick()) == ["film"]


def test_a_stitching_that_fails(sensing: Sensing, studio: Studio):
    """It is not requested again for the same clips, since it would fail again."""
    studio.render([2])
    assert films(sensing.tick()) == ["film"]
    sensing.cursor = None
    assert sensing.tick() == []


def test_clips_that_come_back(sensing: Sensing, studio: Studio, store: ObjectStore):
    """They are stitched again, although they were stitched before other clips replaced them."""
    studio.render([2])
    clip = keys.chunk_video("film", 2)
    first = store.client.get_object(Bucket=store.bucket, Key=clip)
    body, record = first["Body"].read(), first["Metadata"]
    assert sensing.launch(sensing.tick()[0]).success
    studio.render([2])
    assert sensing.launch(sensing.tick()[0]).success
    store.client.put_object(Bucket=store.bucket, Key=clip, Body=body, Metadata=record)
    sensing.cursor = None
    assert films(sensing.tick()) == ["film"]


def test_a_film_that_is_being_stitched(sensing: Sensing, studio: Studio):
    """A chunk rendered meanwhile is stitched after the active stitching."""
    studio.render([2])
    run = sensing.queue(sensing.tick()[0])
    studio.render([2])
    for _ in range(2):
        assert sensing.tick() == []
        assert sensing.said == "film 'film' is being stitched"
    studio.instance.report_run_failed(run)
    assert films(sensing.tick()) == ["film"]


def test_a_film_in_the_terminal(sensing: Sensing, studio: Studio, settings: Settings):
    """`render` stitches the film itself; if it is stopped before, the sensor does."""
    studio.render([2])
    with film_lock(settings, "film"):
        assert sensing.tick() == []
        assert sensing.said == "film 'film' is being rendered in a terminal"
    assert films(sensing.tick()) == ["film"]


def test_an_animatic_that_is_gone(sensing: Sensing, studio: Studio, store: ObjectStore):
    """Its film is skipped, with the reason."""
    studio.render([2])
    store.client.delete_object(Bucket=store.bucket, Key=keys.manifest("film"))
    assert sensing.tick() == []
    assert sensing.said.startswith("there is no animatic 'film'")
    assert StitchingCursor.read(sensing.cursor).pending == []


def test_s3_that_cannot_be_reached(
    sensing: Sensing, studio: Studio, monkeypatch: pytest.MonkeyPatch
):
    """The tick reports that, and the film is stitched later."""
    studio.render([2])
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        assert sensing.tick() == []
    assert sensing.said.startswith("Nothing was checked: S3 at http://127.0.0.1:9 could not")
    assert films(sensing.tick()) == ["film"]


def test_a_backlog(sensing: Sensing, studio: Studio, instance: dg.DagsterInstance):
    """Each tick looks at a limited number of films; the next one continues."""
    studio.submit("zoo", small_manifest())
    names = [f"gone{number}" for number in range(2 * MAX_FILMS)]
    for name in names:
        partition = dg.MultiPartitionKey({"video_id": name, "chunk_num": "00"})
        instance.report_runless_asset_event(
            dg.AssetMaterialization("chunk_videos", partition=partition)
        )
    studio.render(range(3), "zoo")
    seen, requested = [], []
    for _ in range(4):
        requested.append(films(sensing.tick()))
        seen.append(sensing.said.count("there is no animatic"))
    assert requested == [[], [], ["zoo"], []]
    assert seen[0] == MAX_FILMS - 1  # and the film that is not complete
    assert seen[1] == MAX_FILMS


def test_a_cursor_that_cannot_be_read(sensing: Sensing, studio: Studio):
    """It counts as empty: every film is checked again, and none is stitched twice."""
    studio.render([2])
    sensing.launch(sensing.tick()[0])
    for cursor in ("nonsense", "[]", '{"after":"x","pending":[]}'):
        sensing.cursor = cursor
        assert sensing.tick() == []


def test_a_clip_that_comes_while_a_tick_waits(
    sensing: Sensing, studio: Studio, monkeypatch: pytest.MonkeyPatch
):
    """The film is requested in the same tick, not in the daemon's next loop."""
    assert sensing.tick() == []
    monkeypatch.setenv("CHUNK_ASSETS_SENSOR_PATIENCE", "30")
    rendering = threading.Thread(target=studio.render, args=([2],))
    rendering.start()
    assert films(sensing.tick()) == ["film"]
    rendering.join()
