"""Retirement: finished films leave the partition grid."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from chunk_assets.dagster_internals.instance import film_lock
from chunk_assets.defs.partitions.observations import announce, latest_observations, record_retired
from chunk_assets.defs.partitions.retire_job import retire_films
from chunk_assets.defs.partitions.retirement import (
    BATCH,
    IN_TERMINAL,
    MEANWHILE,
    Retirement,
    retire,
)
from chunk_assets.defs.partitions.retirement import retired_films as retired
from chunk_assets.errors import SpecError
from chunk_assets.film.listing import list_films
from chunk_assets.settings import Settings
from chunk_assets.storage import keys
from chunk_assets.storage.bucket import ListedObject
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.defs.test_new_animatics import put, put_manifest
from chunk_assets_tests.films import Studio, failure
from chunk_assets_tests.generators import HoldingGenerator
from chunk_assets_tests.manifests import small_manifest
from chunk_assets_tests.sensing import Sensing

pytestmark = pytest.mark.slow

HELD = {"generator": HoldingGenerator.name}


@pytest.fixture
def studio(store: ObjectStore, instance: dg.DagsterInstance) -> Studio:
    """A deployment that knows one generator."""
    return Studio(store, instance, HoldingGenerator())


@pytest.fixture
def film(studio: Studio) -> str:
    """A finished film: rendered, stitched, and nothing changed since."""
    studio.submit(document=small_manifest(**HELD))
    assert studio.render(range(3), reuse="matching").success
    assert studio.stitch().success
    return "film"


def grid(instance: dg.DagsterInstance) -> list[str]:
    """The films in the grid."""
    return sorted(instance.get_dynamic_partitions("video_id"))


def put_finished(studio: Studio, settings: Settings, names: list[str]) -> None:
    """Store what listings show of finished films, with dummy contents, and register them."""
    for name in names:
        studio.store.put_bytes(keys.manifest(name), b"{}", "application/json")
        studio.store.put_bytes(keys.chunk_video(name, 0), b"clip", "video/mp4")
    time.sleep(1.1)  # S3 lists whole seconds, and a film must be newer than what it is made from
    for name in names:
        studio.store.put_bytes(keys.stitched_video(name), b"film", "video/mp4")
        studio.store.put_bytes(keys.output(name), b"{}", "application/json")
    studio.instance.add_dynamic_partitions("video_id", names)


def later(store: ObjectStore, video_id: str = "film") -> None:
    """Wait until objects written now are newer than the film: S3 lists whole seconds."""
    written = list_films(store, [video_id]).films[video_id]
    while datetime.now(UTC) < written + timedelta(seconds=1.1):
        time.sleep(0.1)


def test_a_finished_film(studio: Studio, settings: Settings, film: str):
    """It leaves the grid; objects, events and chunk numbers stay."""
    store, instance = studio.store, studio.instance
    objects = {key: store.head(key) for key in store.keys("")}
    clips = dg.AssetKey("chunk_videos")
    recorded = instance.get_materialized_partitions(clips)
    found = retire(instance, store, settings)
    assert found == Retirement(retired=["film"])
    assert grid(instance) == []
    assert retired(instance) == {"film"}
    assert {key: store.head(key) for key in store.keys("")} == objects
    assert instance.get_materialized_partitions(clips) == recorded
    assert list(instance.get_dynamic_partitions("chunk_num")) == ["00", "01", "02"]


def test_again(studio: Studio, settings: Settings, film: str):
    """A second retirement has nothing to do, and says so of a named film."""
    retire(studio.instance, studio.store, settings)
    assert retire(studio.instance, studio.store, settings) == Retirement()
    found = retire(studio.instance, studio.store, settings, names=["film"])
    assert found == Retirement(already=["film"])


def test_a_name_that_is_no_film(studio: Studio, settings: Settings, film: str):
    """It is refused before anything is retired."""
    with pytest.raises(SpecError, match="there is no film 'flim' in the partition grid"):
        retire(studio.instance, studio.store, settings, names=["film", "flim"])
    assert grid(studio.instance) == ["film"]


def test_a_dry_run(studio: Studio, settings: Settings, film: str):
    """It returns what would be retired, and changes and records nothing."""
    before = latest_observations(studio.instance, ["film"])["film"].storage_id
    found = retire(studio.instance, studio.store, settings, is_dry_run=True)
    assert found == Retirement(retired=["film"])
    assert grid(studio.instance) == ["film"]
    assert latest_observations(studio.instance, ["film"])["film"].storage_id == before


def test_films_that_are_not_finished(studio: Studio, settings: Settings):
    """A film that is not rendered and one that is not stitched stay, with a reason."""
    studio.submit("planned")
    studio.submit("rendered", small_manifest(**HELD))
    studio.render(range(3), "rendered")
    found = retire(studio.instance, studio.store, settings)
    why = "it is not stitched"
    assert found == Retirement(unfinished={"planned": why, "rendered": why})
    assert grid(studio.instance) == ["planned", "rendered"]


def test_a_clip_younger_than_the_film(studio: Studio, settings: Settings, film: str):
    """A film with a new take stays until it is stitched again."""
    later(studio.store)
    assert studio.render([2], reuse="this_run").success
    found = retire(studio.instance, studio.store, settings)
    assert list(found.unfinished) == ["film"]
    assert "written after it was stitched" in found.unfinished["film"]
    assert studio.stitch().success
    assert retire(studio.instance, studio.store, settings).retired == ["film"]


def test_a_manifest_younger_than_the_film(studio: Studio, settings: Settings, film: str):
    """With another prompt the film stays; with the same content it is finished."""
    later(studio.store)
    changed = small_manifest(**HELD)
    changed["beats"][1]["prompt_template"] = "{product_name} flies"
    put_manifest(studio.store, "film", json.dumps(changed))
    assert list(retire(studio.instance, studio.store, settings).unfinished) == ["film"]
    put_manifest(studio.store, "film", json.dumps(small_manifest(**HELD)))
    assert retire(studio.instance, studio.store, settings).retired == ["film"]


def test_a_manifest_that_cannot_be_used(studio: Studio, settings: Settings, film: str):
    """Its film stays, with the reason, and others are retired."""
    put_finished(studio, settings, ["other"])
    later(studio.store)
    put_manifest(studio.store, "film", "{}")
    found = retire(studio.instance, studio.store, settings)
    assert "duration is missing" in found.unfinished["film"]
    assert found.retired == ["other"]


def test_young_films(studio: Studio, settings: Settings, film: str):
    """A film stays until it is old enough, by its stitching and by its last submission."""
    found = retire(studio.instance, studio.store, settings, older_than=timedelta(hours=1))
    assert found == Retirement(too_recent=["film"])
    retire(studio.instance, studio.store, settings)
    studio.submit(document=small_manifest(**HELD))  # the same: it only comes back
    put_finished(studio, settings, ["unseen"])  # no event speaks of its age, but its film does
    found = retire(studio.instance, studio.store, settings, older_than=timedelta(hours=1))
    assert found == Retirement(too_recent=["film", "unseen"])
    assert grid(studio.instance) == ["film", "unseen"]


def test_an_active_run(studio: Studio, settings: Settings, film: str):
    """Its film stays, with the reason; once the run has ended, it is retired."""
    job = studio.definitions.resolve_job_def("render_chunks")
    run = studio.instance.create_run_for_job(
        job, tags={"film": "film"}, status=dg.DagsterRunStatus.STARTED
    )
    found = retire(studio.instance, studio.store, settings)
    assert found.in_use == {"film": f"its run {run.run_id[:8]} (render_chunks) is active"}
    assert grid(studio.instance) == ["film"]
    studio.instance.report_run_canceled(run)
    assert retire(studio.instance, studio.store, settings).retired == ["film"]


def test_an_active_run_over_a_range_of_films(studio: Studio, settings: Settings):
    """All films in its range stay, and others are retired."""
    names = ["a", "b", "c", "d"]
    put_finished(studio, settings, names)
    studio.instance.add_dynamic_partitions("chunk_num", ["00", "01"])
    job = studio.definitions.resolve_job_def("render_chunks")
    ends = {
        "dagster/asset_partition_range_start": "01|b",
        "dagster/asset_partition_range_end": "01|d",
    }
    studio.instance.create_run_for_job(job, tags=ends, status=dg.DagsterRunStatus.STARTED)
    found = retire(studio.instance, studio.store, settings)
    assert found.retired == ["a"]
    assert sorted(found.in_use) == ["b", "c", "d"]


def test_an_active_backfill(studio: Studio, settings: Settings, film: str):
    """Its films stay, even before it has a run."""
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id="selected",
        asset_graph=studio.definitions.get_repository_def().asset_graph,
        partition_names=["01|film"],
        asset_selection=[dg.AssetKey("chunk_videos")],
        backfill_timestamp=time.time(),
        tags={},
        dynamic_partitions_store=studio.instance,
        all_partitions=False,
        title=None,
        description=None,
        run_config=None,
    )
    studio.instance.add_backfill(backfill)
    put_finished(studio, settings, ["other"])
    found = retire(studio.instance, studio.store, settings)
    assert found.in_use == {"film": "the backfill selected covers it"}
    assert found.retired == ["other"]
    studio.instance.update_backfill(backfill.with_status(BulkActionStatus.COMPLETED_SUCCESS))
    assert retire(studio.instance, studio.store, settings).retired == ["film"]


def test_a_film_in_a_terminal(studio: Studio, settings: Settings, film: str):
    """A film that `render` has locked on this machine stays."""
    with film_lock(settings, "film"):
        found = retire(studio.instance, studio.store, settings)
        assert found == Retirement(in_use={"film": IN_TERMINAL})
    assert retire(studio.instance, studio.store, settings).retired == ["film"]


class Submitting(ObjectStore):
    """A store that submits the film again, once, while its clips are listed."""

    def __init__(self, store: ObjectStore, studio: Studio):
        super().__init__(store.client, store.bucket)
        self._studio: Studio | None = studio

    def listing(
        self, prefix: str, suffix: str = "", *, deep: bool = False
    ) -> Iterator[ListedObject]:
        if prefix == keys.clips("film") and self._studio is not None:
            studio, self._studio = self._studio, None
            studio.submit(document=small_manifest(**HELD, fps=12))
        yield from super().listing(prefix, suffix, deep=deep)


def test_submitted_while_it_is_looked_at(studio: Studio, settings: Settings, film: str):
    """A film that is submitted after the listing stays in the grid."""
    later(studio.store)
    assert studio.stitch().success  # a second after its clips: the listing alone decides
    store = Submitting(studio.store, studio)
    found = retire(studio.instance, store, settings)
    assert found == Retirement(in_use={"film": MEANWHILE})
    assert grid(studio.instance) == ["film"]


def test_the_sensor_leaves_an_unchanged_manifest(studio: Studio, settings: Settings):
    """A retired film stays retired, even if the sensor's cursor is lost."""
    sensing = Sensing(studio, "new_animatics")
    put(studio.store, "film")
    sensing.launch(sensing.tick()[0])
    studio.stitch()
    assert sensing.tick() == []
    assert retire(studio.instance, studio.store, settings).retired == ["film"]
    assert sensing.tick() == []
    sensing.cursor = None
    assert sensing.tick() == []
    assert grid(studio.instance) == []


def test_the_sensor_leaves_a_film_that_it_has_never_seen(
    studio: Studio, settings: Settings, film: str
):
    """A film rendered by hand does not return at the sensor's first tick."""
    assert retire(studio.instance, studio.store, settings).retired == ["film"]
    assert Sensing(studio, "new_animatics").tick() == []
    assert grid(studio.instance) == []


def test_a_changed_manifest_brings_it_back(studio: Studio, settings: Settings, film: str):
    """The sensor registers the film and requests a run, which renders what changed."""
    retire(studio.instance, studio.store, settings)
    changed = small_manifest(**HELD)
    changed["beats"][1]["prompt_template"] = "{product_name} flies"
    put_manifest(studio.store, "film", json.dumps(changed))
    sensing = Sensing(studio, "new_animatics")
    [request] = sensing.tick()
    assert grid(studio.instance) == ["film"]
    studio.generator.requests.clear()
    assert sensing.launch(request).success
    assert studio.generator.chunks == [2]
    [stitch] = Sensing(studio, "finished_films").tick()
    assert sensing.launch(stitch).success
    assert retire(studio.instance, studio.store, settings).retired == ["film"]


def test_submitted_again_unchanged(studio: Studio, settings: Settings, film: str):
    """It returns to the grid with its history, nothing is rendered, and the sensor keeps it."""
    retire(studio.instance, studio.store, settings)
    plan = studio.submit(document=small_manifest(**HELD))
    assert grid(studio.instance) == ["film"]
    assert latest_observations(studio.instance, ["film"])["film"].version == plan.version
    studio.generator.requests.clear()
    assert Sensing(studio, "new_animatics").tick() == []
    assert studio.render(range(3), reuse="matching").success
    assert studio.generator.chunks == []
    announce(studio.instance, studio.store, plan)  # once is enough
    before = latest_observations(studio.instance, ["film"])["film"].storage_id
    announce(studio.instance, studio.store, plan)
    assert latest_observations(studio.instance, ["film"])["film"].storage_id == before


def test_killed_in_the_middle_and_again(studio: Studio, settings: Settings):
    """Complete batches are retired, and the second retirement continues."""
    names = [f"film-{number:03d}" for number in range(BATCH + 20)]
    put_finished(studio, settings, names)

    def killed(done: int, _of: int) -> None:
        raise KeyboardInterrupt(done)

    with pytest.raises(KeyboardInterrupt):
        retire(studio.instance, studio.store, settings, progress=killed)
    assert grid(studio.instance) == names[BATCH:]
    assert retire(studio.instance, studio.store, settings).retired == names[BATCH:]
    assert grid(studio.instance) == []


def test_killed_between_record_and_deletion(studio: Studio, settings: Settings, film: str):
    """The record of a retirement does not make a film newer: the next retirement takes it."""
    seen = latest_observations(studio.instance, ["film"])["film"]
    assert time.time() - seen.recorded < 60
    record_retired(studio.instance, studio.store, "film", seen, "stamp")
    assert latest_observations(studio.instance, ["film"])["film"].recorded == 0
    assert retire(studio.instance, studio.store, settings).retired == ["film"]


def test_the_job(studio: Studio, settings: Settings, film: str):
    """It runs with the defaults, keeps recent films, and reports what it retired."""
    job = studio.definitions.resolve_job_def(retire_films.name)
    assert job.execute_in_process(instance=studio.instance).success
    assert grid(studio.instance) == ["film"]
    config = {"ops": {"retire_finished": {"config": {"older_than_days": 0, "films": ["film"]}}}}
    later(studio.store)
    result = job.execute_in_process(run_config=config, instance=studio.instance)
    assert result.success
    assert grid(studio.instance) == []


def test_the_job_with_what_it_cannot_use(studio: Studio):
    """An unknown film fails the run with one sentence; negative days are refused."""
    job = studio.definitions.resolve_job_def(retire_films.name)
    config = {"ops": {"retire_finished": {"config": {"films": ["nobody"]}}}}
    result = job.execute_in_process(
        run_config=config, instance=studio.instance, raise_on_error=False
    )
    assert failure(result) == "there is no film 'nobody' in the partition grid: see " + (
        "chunk-assets status"
    )
    config = {"ops": {"retire_finished": {"config": {"older_than_days": -1}}}}
    with pytest.raises(Exception, match="greater than or equal to 0"):
        job.execute_in_process(run_config=config, instance=studio.instance)
