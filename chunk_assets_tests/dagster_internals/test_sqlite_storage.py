"""The storage with kept connections writes what Dagster's own would."""

import multiprocessing
import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.event_api import EventLogCursor

from chunk_assets.dagster_internals.instance import dagster_home, open_instance
from chunk_assets.dagster_internals.sqlite_storage import KeptSqliteStorage
from chunk_assets.dagster_internals.warm_launcher import WarmRunLauncher
from chunk_assets.settings import Settings
from chunk_assets_tests.cli.commands import wait_for

pytestmark = pytest.mark.slow

THINGS = dg.StaticPartitionsDefinition(["a", "b", "c"])


@dg.multi_asset(specs=[dg.AssetSpec("thing", partitions_def=THINGS, skippable=True)])
def thing(context: dg.AssetExecutionContext) -> Iterator[dg.AssetMaterialization]:
    """Materializes each of its partitions."""
    for key in context.partition_keys:
        yield dg.AssetMaterialization("thing", partition=key, tags={"dagster/data_version": key})


def is_kept(instance: dg.DagsterInstance) -> bool:
    """Whether the instance has our storage."""
    return type(instance.event_log_storage).__module__ == KeptSqliteStorage.__module__


def materialized(instance: dg.DagsterInstance) -> str:
    """Materialize all partitions in one run; return the run's id."""
    tags = {"dagster/asset_partition_range_start": "a", "dagster/asset_partition_range_end": "c"}
    job = dg.define_asset_job("things", [thing])
    made = dg.Definitions([thing], jobs=[job]).resolve_job_def("things")
    result = made.execute_in_process(instance=instance, tags=tags)
    assert result.success
    return result.run_id


def told(instance: dg.DagsterInstance, run_id: str) -> dict[str, object]:
    """What an instance knows of a run and of the asset, without times and numbers."""
    key = dg.AssetKey("thing")
    latest = instance.get_latest_materialization_event(key)
    records = instance.fetch_materializations(key, limit=10).records
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return {
        "events": [
            (event.event_type_value, event.partition)
            for entry in instance.all_logs(run_id)
            if (event := entry.dagster_event) is not None
        ],
        "planned": instance.get_materialized_partitions(key),
        "latest": latest.run_id == run_id if latest else None,
        "versions": sorted((r.partition_key, r.asset_materialization.tags) for r in records),  # type: ignore[union-attr, type-var]
        "assets": instance.has_asset_key(key),
        "status": run.status,
    }


@pytest.fixture
def default(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with Dagster's own storage, beside ours."""
    (tmp_path / "default").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "default")) as opened:
        assert not is_kept(opened)
        yield opened


def test_it_is_what_a_new_home_uses(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    """It has our storage, by our commands and by Dagster's, which find the home by a variable."""
    home = dagster_home(settings)
    with open_instance(settings) as opened:
        run_id = materialized(opened)
        assert is_kept(opened)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with dg.DagsterInstance.get() as opened:
        assert is_kept(opened)
        assert opened.get_run_by_id(run_id) is not None


def test_a_home_that_names_the_former_modules(settings: Settings):
    """A `dagster.yaml` of an earlier version, which names `chunk_assets.runs`, works as before."""
    config = dagster_home(settings) / "dagster.yaml"
    text = config.read_text()
    former = text.replace("dagster_internals.sqlite_storage", "runs.storage")
    former = former.replace("dagster_internals.warm_launcher", "runs.launcher")
    assert former.count("chunk_assets.runs.") == 2
    config.write_text(former)
    with open_instance(settings) as opened:
        assert is_kept(opened)
        assert isinstance(opened.run_launcher, WarmRunLauncher)


def test_a_run_is_recorded_as_by_dagsters_own_storage(
    instance: dg.DagsterInstance, default: dg.DagsterInstance
):
    """Events are the same in the same order, and so are the answers about them."""
    assert told(instance, materialized(instance)) == told(default, materialized(default))


def test_either_storage_opens_the_others_files(settings: Settings):
    """A home is used by Dagster's own storage, and then by ours again."""
    home = dagster_home(settings)
    with open_instance(settings) as ours:
        first = materialized(ours)
        before = told(ours, first)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with open_instance(settings) as theirs:
        assert not is_kept(theirs)
        assert told(theirs, first) == before
        second = materialized(theirs)
        before = told(theirs, second)
    (home / "dagster.yaml").unlink()
    with open_instance(settings) as ours:
        assert told(ours, second) == before
        assert ours.get_runs_count() == 2


def test_a_follower_of_a_run_gets_each_event(settings: Settings):
    """Dagit follows a run by its file: an event is in it as soon as it is stored."""
    heard: list[str] = []
    with open_instance(settings) as dagit, open_instance(settings) as run:
        made = run.create_run_for_job(dg.define_asset_job("things", [thing]).resolve(
            asset_graph=dg.Definitions([thing]).resolve_asset_graph()
        ))  # fmt: skip
        dagit.watch_event_logs(
            made.run_id,
            EventLogCursor.from_storage_id(-1).to_string(),
            lambda entry, _cursor: heard.append(entry.message),
        )
        for number in range(3):
            run.report_engine_event(f"event {number}", made)
            wait_for(lambda n=number: any(f"event {n}" in text for text in heard), seconds=10)
        dagit.end_watch_event_logs(made.run_id, heard.append)  # type: ignore[arg-type]


def test_threads_and_forks_write_at_a_time(settings: Settings):
    """Three threads beside three forks of their process: nothing is lost or damaged."""

    def write(instance: dg.DagsterInstance, name: str) -> None:
        for number in range(10):
            event = dg.AssetMaterialization("thing", partition=f"{name}-{number}")
            instance.report_runless_asset_event(event)

    def fork(name: str) -> None:
        with open_instance(settings) as own:
            write(own, name)

    with open_instance(settings) as instance:
        write(instance, "before")
        context = multiprocessing.get_context("fork")
        forks = [context.Process(target=fork, args=(f"fork-{n}",)) for n in range(3)]
        for process in forks:
            process.start()
        threads = [threading.Thread(target=write, args=(instance, f"thread-{n}")) for n in range(3)]
        for thread in threads:
            thread.start()
        for worker in (*forks, *threads):
            worker.join(60)
        assert [process.exitcode for process in forks] == [0, 0, 0]
        assert len(instance.get_materialized_partitions(dg.AssetKey("thing"))) == 70


def test_nothing_stays_open(settings: Settings):
    """An instance that is closed holds none of its files."""

    def held() -> int:
        links = Path("/proc/self/fd").iterdir()
        return sum(link.resolve().is_relative_to(settings.home.resolve()) for link in links)

    with open_instance(settings) as instance:
        materialized(instance)
        assert 0 < held() < 12
    assert held() == 0
