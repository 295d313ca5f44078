"""Partition keys that were typed into Dagit and name no film or no chunk."""

from typing import Any

import dagster as dg
import pytest

from chunk_assets.defs.partitions.definitions import (
    CHUNK_NUM,
    VIDEO_ID,
    by_film,
    chunk_key,
    is_usable,
    read_chunk_key,
    refuse_foreign,
)
from chunk_assets.defs.partitions.observations import announce
from chunk_assets.defs.partitions.registry import foreign_keys, register
from chunk_assets.defs.partitions.retirement import retire, retired_films
from chunk_assets.defs.runs.chunk_locks import RunChunkLocks
from chunk_assets.errors import SpecError
from chunk_assets.settings import Settings
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cli.commands import run
from chunk_assets_tests.films import Studio, failure, put_animatic
from chunk_assets_tests.generators import HoldingGenerator
from chunk_assets_tests.manifests import small_manifest
from chunk_assets_tests.sensing import Sensing

pytestmark = pytest.mark.slow

NO_NUMBERS = [
    "seven",
    "2",
    "002",
    "-1",
    "+1",
    " 01",
    "1.0",
    "٠١",
    "0x1",
    "",
    "9" * 5000,
    "1|2",
    "01\u200b",
]
NO_FILMS = [
    "my film",
    "a|b",
    "",
    "x" * 65,
    "../film",
    "a/b",
    "film.json ",
    "ﬁlm",
    ".hidden",
    "a..b",
]


@pytest.fixture
def studio(store: ObjectStore, instance: dg.DagsterInstance) -> Studio:
    """A deployment into whose grid foreign keys were typed first."""
    add(instance, VIDEO_ID, *NO_FILMS)
    add(instance, CHUNK_NUM, *NO_NUMBERS)
    return Studio(store, instance, HoldingGenerator())


def add(instance: dg.DagsterInstance, dimension: str, *keys: str) -> None:
    """Type keys into Dagit."""
    instance.add_dynamic_partitions(dimension, list(keys))


def one(studio: Studio, job: str, partition: str) -> dg.ExecuteInProcessResult:
    """Materialize one partition, as a click in Dagit does."""
    chosen: dict[str, Any] = {"ops": {"film_chunks": {"config": {"generator": "holding"}}}}
    return studio.definitions.resolve_job_def(job).execute_in_process(
        run_config=chosen if job == "render_chunks" else {},
        instance=studio.instance,
        partition_key=partition,
        raise_on_error=False,
    )


@pytest.mark.parametrize("key", NO_NUMBERS)
def test_no_chunk_number(key: str):
    """Only the digits that the product itself writes are a chunk number."""
    assert not is_usable(CHUNK_NUM, key)
    assert read_chunk_key(f"{key}|film") is None
    with pytest.raises(SpecError, match="names no chunk: a chunk number has at least two digits"):
        refuse_foreign([f"{key}|film"], print)


@pytest.mark.parametrize("key", NO_FILMS)
def test_no_film(key: str):
    """Only what a manifest on S3 may be called is a film."""
    assert not is_usable(VIDEO_ID, key)
    assert read_chunk_key(f"00|{key}") is None


@pytest.mark.parametrize("number", [0, 7, 10, 99, 100, 1799, 99999])
def test_chunk_numbers(number: int):
    """What the product writes, it reads back."""
    assert read_chunk_key(chunk_key("Film-1.b", number)) == ("Film-1.b", number)
    assert by_film([chunk_key("a", number), "seven|a", "x"]) == {"a": [number]}


def test_a_film_is_made_among_foreign_keys(studio: Studio, store: ObjectStore):
    """From the manifest to the stitched and checked film, by the sensors alone."""
    put_animatic(store, "film", small_manifest(generator="holding"))
    sensing = Sensing(studio, "new_animatics")
    stitching = Sensing(studio, "finished_films")
    checking = Sensing(studio, "rendered_chunks")
    checking.tick()
    [request] = sensing.tick()
    add(studio.instance, CHUNK_NUM, "eight", "3|4")
    assert sensing.launch(request).success
    assert studio.generator.chunks == [0, 1, 2]
    [stitch] = stitching.tick()
    assert stitching.launch(stitch).success
    assert store.head(keys.stitched_video("film")) is not None
    wanted = dg.RunsFilter(job_name="render_chunks")
    assert all(run.is_success for run in studio.instance.get_runs(wanted))
    checks = studio.definitions.resolve_job_def("check_chunks")
    tags = {name: value for name, value in request.tags.items() if name.startswith("dagster/")}
    assert checks.execute_in_process(instance=studio.instance, tags=tags).success
    assert (sensing.tick(), stitching.tick()) == ([], [])


def test_a_foreign_key_alone_is_refused(studio: Studio):
    """The run fails with one sentence that says what is wrong and how to remove it."""
    studio.submit()
    said = failure(one(studio, "render_chunks", "seven|film"))
    assert said == (
        "the partition 'seven|film' names no chunk: a chunk number has at least two digits, such "
        "as '07' or '112'; remove it with chunk-assets retire --foreign"
    )
    assert studio.generator.requests == []
    said = failure(one(studio, "render_chunks", "00|my film"))
    assert said.startswith("the partition '00|my film' names no chunk: a film's name has 1 to 64")
    assert "the video id 'my film' cannot be used" in failure(one(studio, "stitch_film", "my film"))


def test_a_foreign_key_among_others_is_left_out(studio: Studio):
    """The rest of the selection is rendered, and the run's log names what was left out."""
    studio.submit()
    add(studio.instance, CHUNK_NUM, "last")
    result = studio.render([0], tags={"dagster/asset_partition_range_end": "last|film"})
    assert result.success
    assert studio.generator.chunks == [0, 1, 2]
    logged = studio.instance.all_logs(result.run_id)
    [said] = [entry.user_message for entry in logged if "left out" in entry.user_message]
    assert said.startswith("left out: the partition 'last|film' names no chunk")


def test_a_foreign_film_among_others_is_left_out(studio: Studio):
    """A range over films renders those that there are."""
    studio.submit("alpha")
    add(studio.instance, VIDEO_ID, "in between", "in|between")
    studio.submit("beta")
    ends = {"dagster/asset_partition_range_end": "02|beta"}
    assert studio.render([0], "alpha", tags=ends).success
    assert studio.generator.chunks == [0, 1, 2] * 2


def test_a_number_that_was_added_too_early(studio: Studio, instance: dg.DagsterInstance):
    """The grid is put in order, so that a range of partitions is a range of chunks."""
    add(instance, CHUNK_NUM, "02", "00", "20")
    studio.submit()
    usable = [
        key for key in instance.get_dynamic_partitions(CHUNK_NUM) if is_usable(CHUNK_NUM, key)
    ]
    assert usable == ["00", "01", "02", "20"]
    assert studio.render(range(3)).success
    assert studio.generator.chunks == [0, 1, 2]
    register(instance, "other", 22)
    usable = [
        key for key in instance.get_dynamic_partitions(CHUNK_NUM) if is_usable(CHUNK_NUM, key)
    ]
    assert usable == [f"{number:02d}" for number in range(22)]


def test_a_clip_recorded_by_hand_under_a_foreign_key(studio: Studio):
    """The sensor passes over it, and stitches the film behind it."""
    for number, film in (("seven", "film"), ("00", "my film")):
        partition = dg.MultiPartitionKey({"video_id": film, "chunk_num": number})
        studio.instance.report_runless_asset_event(
            dg.AssetMaterialization("chunk_videos", partition=partition)
        )
    studio.submit()
    studio.render(range(3))
    [request] = Sensing(studio, "finished_films").tick()
    assert request.tags["dagster/partition"] == "film"


def test_a_run_over_a_foreign_range_holds_no_chunk(studio: Studio, settings: Settings):
    """A run that was launched for a foreign key keeps no other run waiting."""
    plan = studio.submit()
    job = studio.definitions.resolve_job_def("render_chunks")
    ends = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
    started = dg.DagsterRunStatus.STARTED
    for key in ("seven|film", "00|my film"):
        studio.instance.create_run_for_job(job, tags=dict.fromkeys(ends, key), status=started)
    locks = RunChunkLocks(
        settings.home, plan.video_id, instance=studio.instance, run_id="mine", log=lambda _: None
    )
    assert not locks.is_pending(0)


def test_retiring_leaves_foreign_keys_alone(studio: Studio, settings: Settings):
    """They are neither finished films nor retired ones."""
    studio.submit()
    studio.render(range(3))
    studio.stitch()
    found = retire(studio.instance, studio.store, settings)
    assert (found.retired, found.left) == (["film"], {})
    studio.instance.report_runless_asset_event(
        dg.AssetMaterialization("animatics", partition="gone film")
    )
    assert retired_films(studio.instance) == {"film"}


def test_doctor_names_foreign_keys_and_retire_removes_them(store: ObjectStore, settings: Settings):
    """A warning line says which they are and how to remove them; nothing else leaves the grid."""
    from chunk_assets.dagster_internals.instance import open_instance
    from chunk_assets.film.plan import plan_film

    put_animatic(store, "film")
    with open_instance(settings) as instance:
        announce(instance, store, plan_film(store, "film"))
        add(instance, VIDEO_ID, "my film")
        add(instance, CHUNK_NUM, "seven", "2", "8" * 200)
    ended = run("doctor")
    assert ended.code == 0, "it is a warning"
    [line] = [line for line in ended.stdout.splitlines() if "dagster_keys" in line]
    assert line.split()[0] == "warn"
    assert "4 partition keys name no film and no chunk" in line
    assert "video_id 'my film'; chunk_num 'seven', '2', '8888" in line
    assert line.endswith("-> remove them: chunk-assets retire --foreign")
    assert len(line) < 400
    assert run("retire", "--foreign", "--dry-run").stdout.endswith(
        "4 foreign partition keys would be removed.\n"
    )
    removed = run("retire", "--foreign", "--json").document
    assert removed["foreign"]["video_id"] == ["my film"]
    with open_instance(settings) as instance:
        assert foreign_keys(instance) == {"video_id": [], "chunk_num": []}
        assert instance.get_dynamic_partitions(VIDEO_ID) == ["film"]
        assert instance.get_dynamic_partitions(CHUNK_NUM) == ["00", "01", "02"]
    assert run("retire", "--foreign", "film").code == 2
