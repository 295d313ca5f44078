"""The cluster's Redis and queue: live workers, runs that may start, and lost runs."""

import time
from collections.abc import Iterator
from dataclasses import replace

import dagster as dg
import pytest
import yaml
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import WorkerStatus
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from redis import Redis, RedisError

from chunk_assets.cluster import launcher as launching
from chunk_assets.cluster.broker import connect, run_key, worker_key
from chunk_assets.cluster.coordinator import FilmQueue, bounded
from chunk_assets.cluster.launcher import FilmLauncher
from chunk_assets.cluster.worker import Heartbeat
from chunk_assets.cluster.workers import beat, forget, live_workers, this_worker
from chunk_assets.dagster_internals.instance import open_instance
from chunk_assets.defs.partitions.definitions import range_tags
from chunk_assets.defs.partitions.registry import register
from chunk_assets.defs.runs.chunk_locks import RunChunkLocks
from chunk_assets.defs.runs.coverage import only_film
from chunk_assets.defs.runs.handoff import HANDED_ON, clear_handoff, hand_off
from chunk_assets.errors import SpecError
from chunk_assets.settings import Settings, load_settings
from chunk_assets_tests.cluster.clusters import DEPLOY
from chunk_assets_tests.cluster.servers import redis_server
from chunk_assets_tests.defs.test_chunk_locks import _job, recorded

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis with a password."""
    with redis_server("127.0.0.1", tmp_path_factory.mktemp("redis")) as served:
        yield served


@pytest.fixture
def redis(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """The broker, empty."""
    monkeypatch.setenv("CHUNK_ASSETS_BROKER_URL", url)
    with connect(load_settings()) as client:
        client.flushdb()
        yield client


@pytest.fixture
def queueing(settings: Settings, redis: Redis) -> Iterator[dg.DagsterInstance]:
    """An instance on disk, with the queue and the launcher of `deploy/dagster.yaml`."""
    deployed = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
    mine = {name: deployed[name] for name in ("run_coordinator", "run_launcher", "run_retries")}
    home = settings.home / "dagster" / "dagster.yaml"
    home.write_text(yaml.safe_dump({"telemetry": {"enabled": False}, **mine}))
    with open_instance(settings) as instance:
        yield instance


def test_a_worker_is_there_for_as_long_as_it_is_heard_of(redis: Redis):
    """One that says goodbye is gone at once, one that falls silent when Redis forgets its word."""
    one, two = this_worker(2), this_worker(3)
    assert one.name != two.name
    assert live_workers(redis) == []
    beat(redis, one)
    beat(redis, two)
    assert live_workers(redis) == sorted([one, two], key=lambda worker: worker.name)
    forget(redis, one)
    assert live_workers(redis) == [two]
    assert 15 < redis.ttl(worker_key(two.name)) <= 20
    redis.delete(worker_key(two.name))
    assert live_workers(redis) == []


def test_a_worker_is_heard_of_once_its_heart_has_started(redis: Redis):
    """A worker that announces that it waits for films is listed, every time."""
    for slots in range(1, 31):
        heart = Heartbeat(connect(load_settings()), this_worker(slots))
        heart.start()
        assert [worker.slots for worker in live_workers(redis)] == [slots]
        heart.stop()
        assert live_workers(redis) == []


def test_as_many_runs_go_on_as_there_are_slots(redis: Redis, queueing: dg.DagsterInstance):
    """Those of a worker that leaves do not count; without a worker, or without Redis, none does."""

    def most() -> int:
        config = queueing.get_concurrency_config().run_queue_config
        assert config is not None
        return config.max_concurrent_runs

    assert most() == 0
    one, two = this_worker(2), this_worker(3)
    beat(redis, one)
    beat(redis, two)
    assert most() == 5
    beat(redis, replace(two, is_leaving=True))
    assert most() == 2
    assert (bounded(-1, 5), bounded(3, 5), bounded(7, 5), bounded(0, 5)) == (5, 3, 5, 0)


def test_without_redis_no_run_is_launched(
    queueing: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    """The daemon logs that, and continues."""
    monkeypatch.setenv("CHUNK_ASSETS_BROKER_URL", "redis://127.0.0.1:1/0")
    coordinator = queueing.run_coordinator
    assert isinstance(coordinator, FilmQueue)
    assert coordinator.get_run_queue_config().max_concurrent_runs == 0


@pytest.mark.parametrize(
    ("tags", "film"),
    [
        ({"dagster/partition": "03|film"}, "film"),
        ({"dagster/partition": "film"}, "film"),
        (range_tags("film", range(5)), "film"),
        (
            {
                "dagster/asset_partition_range_start": "00|one",
                "dagster/asset_partition_range_end": "00|two",
            },
            None,
        ),
        ({}, None),
    ],
)
def test_a_run_s_film_is_told_by_its_partitions(tags: dict[str, str], film: str | None):
    """A range over several films is of none."""
    assert only_film(dg.DagsterRun("render_chunks", tags=tags)) == film


def test_a_run_does_not_wait_for_one_that_the_queue_holds_back(
    settings: Settings, queueing: dg.DagsterInstance
):
    """The queued run starts when this one ends; an active run is still waited for."""
    register(queueing, "film", 3)
    location = RegisteredCodeLocationOrigin("chunk_assets")
    code = JobPythonOrigin(
        "render_chunks", RepositoryPythonOrigin("python", ModuleCodePointer("chunk_assets", "defs"))
    )
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), "render_chunks")
    queueing.create_run_for_job(
        _job(),
        status=dg.DagsterRunStatus.QUEUED,
        tags=range_tags("film", [0, 1]),
        asset_selection=frozenset([dg.AssetKey("chunk_videos")]),
        remote_job_origin=origin,
        job_code_origin=code,
    )
    locks = RunChunkLocks(
        settings.home, "film", instance=queueing, run_id="mine", log=lambda _line: None
    )
    assert not locks.is_pending(0)
    started, tags = dg.DagsterRunStatus.STARTED, range_tags("film", [0, 1])
    recorded(queueing, started, tags, "chunk_videos")
    assert locks.is_pending(0)


def test_a_run_is_lost_when_no_slot_says_that_it_has_it(
    redis: Redis, queueing: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    """It is checked twice, so that a Redis that lost its memory loses no run."""
    monkeypatch.setattr(launching, "_SECOND_LOOK", 0.2)
    launcher = queueing.run_launcher
    assert isinstance(launcher, FilmLauncher)
    tags = {DAGSTER_CELERY_TASK_ID_TAG: "some task"}
    run_id = recorded(queueing, dg.DagsterRunStatus.STARTED, tags)
    run = queueing.get_run_by_id(run_id)
    assert run is not None

    def health() -> WorkerStatus:
        return launcher.check_run_worker_health(run).status

    redis.set(run_key(run_id), "host:1:a")
    assert health() == WorkerStatus.RUNNING
    redis.delete(run_key(run_id))
    assert health() == WorkerStatus.RUNNING
    redis.set(run_key(run_id), "host:1:a")
    time.sleep(0.3)
    assert health() == WorkerStatus.RUNNING
    redis.delete(run_key(run_id))
    assert health() == WorkerStatus.RUNNING
    time.sleep(0.3)
    assert health() == WorkerStatus.FAILED


def test_a_terminal_s_run_is_never_lost(queueing: dg.DagsterInstance):
    """No worker has it, and none is asked about it."""
    run = queueing.get_run_by_id(recorded(queueing, dg.DagsterRunStatus.STARTED, {}))
    assert run is not None
    health = queueing.run_launcher.check_run_worker_health(run)
    assert health.status == WorkerStatus.RUNNING


def test_a_redis_that_does_not_answer_loses_no_run(
    settings: Settings, queueing: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    """That nothing is known is not that the run is dead."""
    monkeypatch.setenv("CHUNK_ASSETS_BROKER_URL", "redis://127.0.0.1:1/0")
    tags = {DAGSTER_CELERY_TASK_ID_TAG: "some task"}
    run = queueing.get_run_by_id(recorded(queueing, dg.DagsterRunStatus.STARTED, tags))
    assert run is not None
    with open_instance(settings) as instance, pytest.raises(RedisError):
        instance.run_launcher.check_run_worker_health(run)


def test_handing_on_costs_a_run_none_of_its_tries(queueing: dg.DagsterInstance):
    """Nor is the run that continues retried when it fails by itself."""
    first = queueing.get_run_by_id(recorded(queueing, dg.DagsterRunStatus.STARTED, {}))
    assert first is not None
    hand_off(queueing, first, "render-1")
    first = queueing.get_run_by_id(first.run_id)
    assert first is not None
    assert first.tags[HANDED_ON] == "render-1"
    assert first.tags["dagster/max_retries"] == "4"
    assert first.tags["dagster/retry_on_asset_or_op_failure"] == "true"
    second = queueing.get_run_by_id(
        recorded(queueing, dg.DagsterRunStatus.STARTED, dict(first.tags))
    )
    assert second is not None
    clear_handoff(queueing, second)
    second = queueing.get_run_by_id(second.run_id)
    assert second is not None
    assert second.tags["dagster/retry_on_asset_or_op_failure"] == "false"
    hand_off(queueing, second, "render-2")
    second = queueing.get_run_by_id(second.run_id)
    assert second is not None
    assert second.tags["dagster/max_retries"] == "5"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (None, "CHUNK_ASSETS_BROKER_URL is not set"),
        ("amqp://:secret@host:1/0", "begins with 'amqp': expected a Redis URL"),
    ],
)
def test_a_broker_that_is_none_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str | None, sentence: str
):
    """One sentence that names the variable and what is allowed."""
    monkeypatch.delenv("CHUNK_ASSETS_BROKER_URL", raising=False)
    if url:
        monkeypatch.setenv("CHUNK_ASSETS_BROKER_URL", url)
    with pytest.raises(SpecError, match=sentence) as raised:
        connect(load_settings())
    assert "secret" not in str(raised.value)
