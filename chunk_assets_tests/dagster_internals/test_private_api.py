"""What we depend on in Dagster beyond its public API: an upgrade that changes it fails here.

Each test's docstring states the behaviour; a failing assertion says what of ours depends on it.
`chunk_assets/dagster_internals` has each private import, with a comment on what breaks.
"""

import inspect
import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._cli import code_server
from dagster._cli.api import _execute_run_command_body, execute_run_command
from dagster._core.definitions import data_version
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.storage import tags
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._daemon import cli as daemon_cli
from dagster_celery.launcher import CeleryRunLauncher
from sqlalchemy.exc import IntegrityError

from chunk_assets.dagster_internals import (
    event_time,
    run_execution,
    sqlite_storage,
    tag_names,
)
from chunk_assets.dagster_internals.backfills import active_backfills, target_of
from chunk_assets.dagster_internals.check_results import Target, delete_runless_result
from chunk_assets.dagster_internals.instance import open_instance
from chunk_assets.dagster_internals.partition_rows import KEYS_A_QUERY, delete_partitions
from chunk_assets.dagster_internals.plugin_types import (
    CheckRunHealthResult,
    ConfigurableClassData,
    LaunchRunContext,
    WorkerStatus,
)
from chunk_assets.dagster_internals.pools import pool_slot
from chunk_assets.defs.assets import lineage
from chunk_assets.settings import Settings

PARTS = dg.DynamicPartitionsDefinition(name="parts")


@dg.asset(partitions_def=PARTS)
def thing() -> None:
    """An asset with dynamic partitions, as ours are."""


@dg.job
def empty() -> None:
    """A job without ops."""


def options(command: Any) -> set[str]:
    """The options of a click command."""
    return {option for parameter in command.params for option in parameter.opts}


# The instance


def test_an_instance_opens_with_overrides(instance: dg.DagsterInstance):
    """`InstanceRef.from_dir` takes overrides, and the no-op compute log manager exists."""
    assert isinstance(instance.compute_log_manager, NoOpComputeLogManager), (
        "open_instance: the output of `render` would go to files instead of the terminal"
    )


def test_an_instance_names_its_plugins_in_dagster_yaml(settings: Settings):
    """A `dagster.yaml` may name `dagster.core.run_coordinator`, which is private today."""
    data = ConfigurableClassData("dagster.core.run_coordinator", "QueuedRunCoordinator", "{}")
    assert isinstance(data.rehydrate(as_type=dg.QueuedRunCoordinator), dg.QueuedRunCoordinator), (
        "existing homes have this line in their dagster.yaml, written by chunk_assets: they would "
        "not open"
    )


@pytest.mark.parametrize(
    ("method", "caller"),
    [
        ("add_run_tags", "tag_run: Dagit would not show a run's film"),
        ("fetch_run_status_changes", "rendered_chunks: no chunk would be checked"),
        ("get_latest_storage_id_by_partition", "observations: no animatic would be known"),
        ("get_materialized_partitions", "retirement and the checks: no partition would be known"),
        ("has_dynamic_partition", "register: every film would look new"),
        ("optimize_for_webserver", "kept_connections: a worker's runs would be slower"),
        ("report_run_canceling", "the launchers: an interrupted run would count as failed"),
        ("report_run_failed", "end_lost_runs: killed runs would stay active for ever"),
        ("report_runless_asset_event", "the sensors: nothing would be recorded without a run"),
        ("run_retries_max_retries", "hand_off: a film of a stopped worker would not be retried"),
    ],
)
def test_an_instance_has_the_methods_we_call(method: str, caller: str):
    """These methods of `DagsterInstance` are not all documented, but exist."""
    assert hasattr(dg.DagsterInstance, method), caller


def test_the_times_of_runs_can_be_compared(instance: dg.DagsterInstance):
    """A run's record has times in UTC, with or without their zone."""
    instance.create_run_for_job(empty)
    [record] = instance.get_run_records()
    why = "event_time: live runs would be taken for killed ones, or the other way round"
    assert timedelta(0) <= event_time.silence(record) < timedelta(minutes=1), why
    assert event_time.now() - event_time.created(record) < timedelta(minutes=1), why


# Tags


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (tag_names.PARTITION, tags.PARTITION_NAME_TAG),
        (tag_names.RANGE_START, tags.ASSET_PARTITION_RANGE_START_TAG),
        (tag_names.RANGE_END, tags.ASSET_PARTITION_RANGE_END_TAG),
        (tag_names.BACKFILL, tags.BACKFILL_ID_TAG),
        (tag_names.ROOT_BACKFILL, tags.ROOT_BACKFILL_ID_TAG),
        (tag_names.PRIORITY, tags.PRIORITY_TAG),
        (tag_names.MAX_RETRIES, tags.MAX_RETRIES_TAG),
        (tag_names.RETRY_FAILURES, tags.RETRY_ON_ASSET_OR_OP_FAILURE_TAG),
        (tag_names.WILL_RETRY, tags.WILL_RETRY_TAG),
    ],
)
def test_run_tags_have_their_names(ours: str, theirs: str):
    """Dagster reads and writes these run tags under the names that we use."""
    assert ours == theirs, "tag_names: runs would not be found, or not cover what they should"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lineage.DATA_VERSION, data_version.DATA_VERSION_TAG),
        (lineage.USER_PROVIDED, data_version.DATA_VERSION_IS_USER_PROVIDED_TAG),
        (lineage.CODE_VERSION, data_version.CODE_VERSION_TAG),
        (lineage.INPUT_VERSION, data_version.INPUT_DATA_VERSION_TAG_PREFIX),
        (lineage.INPUT_POINTER, data_version.INPUT_EVENT_POINTER_TAG_PREFIX),
        (lineage.NO_VERSION, data_version.DEFAULT_DATA_VERSION.value),
        (lineage.NO_EVENT, data_version.NULL_EVENT_POINTER),
    ],
)
def test_provenance_tags_have_their_names(ours: str, theirs: str):
    """Dagster reads provenance from these tags of an event, with these special values."""
    assert ours == theirs, "lineage: Dagit would call every chunk stale, or none"


# Launching and executing runs


def test_a_run_is_passed_on_as_text_and_executed(settings: Settings, instance: dg.DagsterInstance):
    """`ExecuteRunArgs` names the run and its instance, and survives serialization."""
    run = instance.create_run_for_job(empty)
    origin = dg.reconstructable(empty).get_python_origin()
    arguments = run_execution.write_arguments(instance, run, origin)
    run_execution.report_lost(arguments, "It was killed.")
    assert (found := instance.get_run_by_id(run.run_id)) is not None
    assert found.status is dg.DagsterRunStatus.FAILURE, (
        "fork_server: a run whose process is killed would stay active for ever"
    )


def test_the_commands_that_execute_a_run_take_what_we_pass():
    """`dagster api execute_run` takes JSON and a compressed JSON; its body takes four arguments."""
    assert execute_run_command.callback is not None
    assert list(inspect.signature(execute_run_command.callback).parameters) == [
        "input_json",
        "compressed_input_json",
    ], "run_execution.execute: no run would start under `chunk-assets dev`"
    assert list(inspect.signature(_execute_run_command_body).parameters) == [
        "run_id",
        "instance",
        "write_stream_fn",
        "set_exit_code_on_failure",
    ], "run_execution.execute_recorded: no run would start on a worker"


def test_an_interrupt_is_held_back_and_the_handlers_are_restored():
    """Inside `capture_interrupts` SIGINT does not raise at once; our handlers return after it."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with run_execution.interruptible():
        os.kill(os.getpid(), signal.SIGINT)  # a KeyboardInterrupt here would fail the test
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before, (
        "slots: a worker would not react to signals after its first run"
    )


def test_a_launcher_gets_the_run_and_where_its_code_is():
    """A launch context has the run and the origin of its job's code."""
    for name in ("dagster_run", "job_code_origin"):
        assert hasattr(LaunchRunContext, name) or name in LaunchRunContext.__annotations__, (
            "WarmRunLauncher.launch_run: no run would start"
        )


@pytest.mark.parametrize(
    "plugin", [dg.DefaultRunLauncher, dg.QueuedRunCoordinator, CeleryRunLauncher]
)
def test_a_plugin_knows_its_instance(plugin: type):
    """Run launchers and coordinators have their instance as `_instance`."""
    assert hasattr(plugin, "_instance"), "our subclasses could neither read nor tag runs"


def test_a_message_to_a_worker_names_the_run(instance: dg.DagsterInstance):
    """dagster-celery's launcher sends a packed `ExecuteRunArgs` under this task name."""
    from dagster._grpc.types import ExecuteRunArgs
    from dagster._serdes import pack_value
    from dagster_celery.config import TASK_EXECUTE_JOB_NAME
    from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

    origin = dg.reconstructable(empty).get_python_origin()
    packed = pack_value(ExecuteRunArgs(origin, "a-run", instance.get_ref()))
    assert run_execution.packed_run_id(packed) == "a-run", "slots: no worker could start a run"
    assert TASK_EXECUTE_JOB_NAME == "execute_job", "runs sent before the upgrade would be lost"
    assert DAGSTER_CELERY_TASK_ID_TAG == "dagster-celery/task_id", (
        "FilmLauncher: runs launched before the upgrade would not be watched"
    )


def test_celerys_launcher_is_made_as_ours_makes_it():
    """dagster-celery's launcher takes these arguments, and has `celery` and `terminate`."""
    parameters = inspect.signature(CeleryRunLauncher.__init__).parameters
    for name in ("default_queue", "broker", "backend", "config_source", "inst_data"):
        assert name in parameters, f"FilmLauncher passes {name!r}: it could not be loaded"


def test_a_health_check_may_report_a_dead_worker():
    """A health check answers with a status and a sentence."""
    result = CheckRunHealthResult(WorkerStatus.FAILED, "gone")
    assert (result.status, result.msg) == (WorkerStatus.FAILED, "gone"), (
        "FilmLauncher: the films of a dead host would not be retried elsewhere"
    )


def test_the_queues_limits_can_be_read_and_replaced():
    """A queued coordinator reads its limits from a named tuple before each launch."""
    queue = dg.QueuedRunCoordinator(
        max_concurrent_runs=5, tag_concurrency_limits=[{"key": "film", "limit": 1}]
    )
    config = queue.get_run_queue_config()
    assert config._replace(max_concurrent_runs=2).max_concurrent_runs == 2, (
        "FilmQueue: more runs would be launched than workers have slots"
    )
    assert [limit["key"] for limit in config.tag_concurrency_limits] == ["film"], (
        "chunk_locks: a run could wait for one that the queue holds back, for ever"
    )


# Processes


def test_the_daemon_and_the_code_server_have_their_options():
    """`python -m dagster._daemon run` and `dagster code-server start` take these options."""
    assert "--workspace" in options(daemon_cli.run_command), "dev: the daemon would not start"
    found = options(code_server.start_command)
    assert {"--socket", "--module-name", "--location-name"} <= found, (
        "dev: the code server would not start"
    )


def test_the_webserver_builds_its_app_by_a_name_that_can_be_replaced():
    """dagster-webserver's command looks up the function that builds its app when it serves."""
    from dagster_webserver import cli  # takes a second, which no other test needs

    name = "create_app_from_workspace_process_context"
    users = [
        function
        for _, function in inspect.getmembers(cli, inspect.isfunction)
        if name in function.__code__.co_names
    ]
    assert users, "webserver: requests of foreign pages would reach Dagit unguarded"


# Tables


def test_a_second_check_result_without_a_run_needs_the_first_deleted(instance: dg.DagsterInstance):
    """Dagster refuses a second check result without a run, until the row of the first is deleted.

    If it no longer refuses it, `delete_runless_result` can be removed.
    """
    event = dg.AssetCheckEvaluation(
        asset_key=thing.key,
        check_name="whole",
        passed=True,
        partition="a",
        target_materialization_data=Target(storage_id=1, run_id="", timestamp=0.0),
    )
    instance.report_runless_asset_event(event)
    with pytest.raises(IntegrityError):
        instance.report_runless_asset_event(event)
    delete_runless_result(instance, thing.key, "whole", "another")
    with pytest.raises(IntegrityError):
        instance.report_runless_asset_event(event)
    delete_runless_result(instance, thing.key, "whole", "a")
    instance.report_runless_asset_event(event)  # or the sensors could record no check result


def test_many_partitions_are_deleted_at_once(instance: dg.DagsterInstance):
    """Dynamic partitions are rows of a table, named by their definition and key."""
    keys = [f"{number:04d}" for number in range(2 * KEYS_A_QUERY)]
    instance.add_dynamic_partitions("parts", [*keys, "stays"])
    instance.add_dynamic_partitions("others", keys[:1])
    delete_partitions(instance, "parts", [*keys, "unknown"])
    assert instance.get_dynamic_partitions("parts") == ["stays"], "retire: films would stay"
    assert instance.get_dynamic_partitions("others") == keys[:1], "retire: too much would go"


def test_partitions_have_the_order_in_which_they_were_added(instance: dg.DagsterInstance):
    """Dynamic partitions come in the order of their addition; a key that is added again is last."""
    instance.add_dynamic_partitions("parts", ["b", "a", "c"])
    instance.delete_dynamic_partition("parts", "b")
    instance.add_dynamic_partitions("parts", ["b"])
    assert instance.get_dynamic_partitions("parts") == ["a", "c", "b"], (
        "register: a range of chunks would not be in their order"
    )


# Storage


@pytest.mark.parametrize(
    ("storage", "names"),
    [
        (SqliteRunStorage, ["connect", "dispose", "from_local"]),
        (
            SqliteEventLogStorage,
            ["_connect", "_initdb", "conn_string_for_shard", "dispose", "path_for_shard"],
        ),
        (DagsterSqliteStorage, ["from_config_value", "event_log_storage", "run_storage"]),
    ],
)
def test_the_sqlite_storages_have_the_methods_we_override(storage: type, names: list[str]):
    """Dagster's SQLite storages connect by these methods, which ours override or call."""
    for name in names:
        assert hasattr(storage, name), (
            f"KeptSqliteStorage: without {name!r} homes would not open, or connections not be kept"
        )


def test_the_event_storage_remembers_which_files_have_tables(tmp_path: Path):
    """Dagster's SQLite event log has a lock and a set of the files whose tables it has created."""
    storage = SqliteEventLogStorage(str(tmp_path))
    with storage._db_lock:
        assert isinstance(storage._initialized_dbs, set), "KeptSqliteStorage: no event is stored"


def test_migration_histories_are_read_once(settings: Settings):
    """Dagster asks Alembic for the history of its tables by `ScriptDirectory.from_config`."""
    sqlite_storage._histories.clear()
    for _ in range(2):
        with open_instance(settings) as opened:
            opened.get_runs_count()
    assert len(sqlite_storage._histories) == 1, (
        "sqlite_storage: every start of a process would read ninety files several times"
    )


# Backfills


@pytest.fixture
def backfill(instance: dg.DagsterInstance) -> Iterator[str]:
    """A backfill of two of three partitions, as Dagit records it."""
    instance.add_dynamic_partitions("parts", ["a", "b", "c"])
    with partition_loading_context(dynamic_partitions_store=instance):
        made = PartitionBackfill.from_asset_partitions(
            backfill_id="some",
            asset_graph=dg.Definitions([thing]).resolve_asset_graph(),
            partition_names=["a", "b"],
            asset_selection=[thing.key],
            backfill_timestamp=0.0,
            tags={},
            dynamic_partitions_store=instance,
            all_partitions=False,
            title=None,
            description=None,
            run_config=None,
        )
        instance.add_backfill(made)
        yield "some"


def test_a_backfill_knows_its_partitions(instance: dg.DagsterInstance, backfill: str):
    """An active backfill is found by its status, and its targets by asset and partition."""
    [found] = active_backfills(instance)
    assert (found.backfill_id, found.partitions) == ("some", {"a", "b"}), (
        "active_films: a film could be retired while a backfill renders it"
    )
    is_target = target_of(instance, backfill, thing.key)
    assert [is_target(key) for key in "abc"] == [True, True, False], (
        "with_predecessors: a backfill's run would wait for runs that get no slot"
    )
    assert not target_of(instance, backfill, dg.AssetKey("other"))("a")
    assert not target_of(instance, "unknown", thing.key)("a")


# Pools


def test_a_pools_slot_is_held_and_freed(instance: dg.DagsterInstance):
    """A slot of a pool can be claimed for a part of a run, and freed without ending the run."""
    run = instance.create_run_for_job(empty)
    instance.event_log_storage.set_concurrency_slots("shared", 1)

    class GaveUp(Exception):
        """The second holder found no free slot."""

    def give_up() -> None:
        raise GaveUp

    with (
        pool_slot(instance, run, "shared", "first", give_up),
        pytest.raises(GaveUp),
        pool_slot(instance, run, "shared", "second", give_up),
    ):
        pytest.fail("pools: more predictions would run at a time than the pool allows")
    with pool_slot(instance, run, "shared", "second", give_up):
        pass  # or one film would block all others
    with pool_slot(instance, run, "unlimited", "any", give_up):
        pass  # a pool without a limit never waits


def test_the_home_is_opened_twice(settings: Settings):
    """Two instances of one home see each other's runs."""
    with open_instance(settings) as first, open_instance(settings) as second:
        run = first.create_run_for_job(empty)
        assert second.has_run(run.run_id), "dev and render would not see each other's runs"
