"""Retiring and the doctor over PostgreSQL."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from sqlalchemy.exc import OperationalError

from chunk_assets.cluster import row_locks
from chunk_assets.cluster.broker import connect
from chunk_assets.cluster.connections import kept_connections
from chunk_assets.cluster.coordinator import FilmQueue
from chunk_assets.cluster.workers import beat, this_worker
from chunk_assets.dagster_internals.instance import open_instance
from chunk_assets.defs.partitions.definitions import VIDEO_ID
from chunk_assets.defs.partitions.registry import unregister
from chunk_assets.doctor import cluster as doctor
from chunk_assets.doctor import storage
from chunk_assets.settings import Settings, load_settings
from chunk_assets_tests.cli.commands import wait_for
from chunk_assets_tests.cluster.clusters import DEPLOY
from chunk_assets_tests.cluster.servers import postgres_server, redis_server

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """A deployment whose instance has the storage of `deploy/dagster.yaml`."""
    storage_config = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())["storage"]
    config = {"telemetry": {"enabled": False}, "storage": storage_config}
    (settings.home / "dagster" / "dagster.yaml").write_text(yaml.safe_dump(config))
    with postgres_server("127.0.0.1", tmp_path) as url:
        monkeypatch.setenv("CHUNK_ASSETS_POSTGRES_URL", url)
        yield settings


def test_films_leave_the_grid_and_come_back(cluster: Settings):
    """Those named go and no others, any number at once; a second time changes nothing."""
    names = [f"film-{number:04d}" for number in range(1000)]
    with open_instance(cluster) as instance:
        instance.add_dynamic_partitions(VIDEO_ID, names)
        for _ in range(2):
            unregister(instance, names[:950])
            assert list(instance.get_dynamic_partitions(VIDEO_ID)) == names[950:]
        instance.add_dynamic_partitions(VIDEO_ID, names[:1])
        assert instance.has_dynamic_partition(VIDEO_ID, names[0])


def test_the_doctor_sees_the_storage(cluster: Settings):
    """It answers, it is migrated, and a schema of before is said to need that."""
    assert storage.dagster_storage(cluster).measured.startswith("Postgres with 0 runs")
    assert storage.dagster_migrated(cluster).state == "ok"
    assert "0 films × 0 chunk numbers" in storage.dagster_grid(cluster).measured
    with open_instance(cluster) as instance, _connection(instance) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'f0367d611631'")
    found = storage.dagster_migrated(cluster)
    assert found.state == "fails"
    assert "dagster instance migrate" in found.advice


def test_the_doctor_counts_connections(
    cluster: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The 300 that this PostgreSQL allows are enough for 140 slots and not for 141."""
    with redis_server("127.0.0.1", tmp_path) as url:
        monkeypatch.setenv("CHUNK_ASSETS_BROKER_URL", url)
        settings = load_settings()
        with connect(settings) as redis:
            beat(redis, this_worker(140))
            assert doctor.connections(settings).state == "ok"
            beat(redis, this_worker(1))
            found = doctor.connections(settings)
    assert found.state == "fails"
    assert "allows 300 connections; 141 slots and Dagit need 302" in found.measured
    assert "max_connections = 302" in found.advice


def test_a_run_keeps_its_connections(cluster: Settings):
    """Not one a statement, and not one that the database has ended meanwhile."""

    def connections(instance: dg.DagsterInstance) -> set[int]:
        with _connection(instance) as connection:
            pids = connection.exec_driver_sql(
                "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            )
            return {row[0] for row in pids}

    event = dg.AssetMaterialization("thing")
    with open_instance(cluster) as other:
        with open_instance(cluster) as instance, kept_connections(instance):
            before = connections(other)
            for _ in range(3):
                instance.report_runless_asset_event(event)
            kept = connections(other) - before
            assert len(kept) == 1
            instance.report_runless_asset_event(event)
            assert connections(other) - before == kept
            with _connection(other) as connection:
                connection.exec_driver_sql(f"SELECT pg_terminate_backend({kept.pop()})")
            instance.report_runless_asset_event(event)
            thing = dg.AssetKey("thing")
            assert len(instance.fetch_materializations(thing, limit=9).records) == 5
            assert len(connections(other) - before) == 1
        wait_for(lambda: connections(other) <= before, seconds=10)


def test_a_row_is_not_locked_for_long_by_a_process_that_says_nothing(
    cluster: Settings, monkeypatch: pytest.MonkeyPatch
):
    """Its transaction is rolled back with an error, and those that wait for the row continue."""
    monkeypatch.setitem(row_locks.SETTINGS, "idle_in_transaction_session_timeout", 1500)
    event = dg.AssetMaterialization("thing")
    with open_instance(cluster) as silent, open_instance(cluster) as other:
        other.report_runless_asset_event(event)
        FilmQueue().register_instance(silent)
        with pytest.raises(OperationalError):
            _say_nothing_for_long(silent, other, event)
        assert len(other.fetch_materializations(dg.AssetKey("thing"), limit=9).records) == 2


def _say_nothing_for_long(
    silent: dg.DagsterInstance, other: dg.DagsterInstance, event: dg.AssetMaterialization
):
    storage: Any = silent.event_log_storage
    with storage.index_transaction() as connection:
        connection.exec_driver_sql("SELECT 1 FROM asset_keys FOR UPDATE")
        began = time.monotonic()
        other.report_runless_asset_event(event)
        assert 1 < time.monotonic() - began < 10
        connection.exec_driver_sql("SELECT 1")


def _connection(instance: dg.DagsterInstance):
    return instance.event_log_storage.index_connection()  # pyright: ignore
