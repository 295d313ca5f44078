"""The files of `deploy/`: what can be said of them without a cluster."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from dagster._serdes import ConfigurableClassData

from chunk_assets.cluster.coordinator import FilmQueue
from chunk_assets.cluster.launcher import FilmLauncher
from chunk_assets.settings import Settings
from chunk_assets_tests.cluster.clusters import DEPLOY
from chunk_assets_tests.cluster.servers import free_port, redis_server

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def variables() -> dict[str, str]:
    """What `deploy/environment` names, and the values it has there."""
    lines = (DEPLOY / "environment").read_text().splitlines()
    found = [re.fullmatch(r"#?([A-Z_]+)=(.*)", line) for line in lines]
    return {match[1]: match[2] for match in found if match}


def test_no_file_has_a_value_of_the_environment():
    """Every variable is named once, and empty."""
    assert set(variables().values()) == {""}
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            assert not re.search(r"://[^\s:/]+:[^\s@]+@(?!host)", path.read_text()), path


def test_what_dagster_yaml_reads_is_in_the_environment():
    """And every variable of ours there is one that the settings know."""
    read = re.findall(r"env: ([A-Z_]+)", (DEPLOY / "dagster.yaml").read_text())
    assert sorted(set(read)) == ["CHUNK_ASSETS_BUCKET", "CHUNK_ASSETS_POSTGRES_URL"]
    assert set(read) <= variables().keys()
    ours = [name for name in variables() if name.startswith("CHUNK_ASSETS_")]
    fields = {f"CHUNK_ASSETS_{name.upper()}" for name in Settings.model_fields}
    assert set(ours) <= fields


def test_the_chart_s_values_say_what_dagster_yaml_says():
    """Launcher, queue, logs, monitoring and retries are the same, under the chart's names."""
    ours = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
    chart = yaml.safe_load((DEPLOY / "kubernetes" / "values.yaml").read_text())
    daemon = chart["dagsterDaemon"]
    assert daemon["runCoordinator"]["config"]["customRunCoordinator"] == ours["run_coordinator"]
    launcher = chart["runLauncher"]["config"]["customRunLauncher"]
    assert launcher == {**ours["run_launcher"], "config": {}}
    logs = chart["computeLogManager"]["config"]["customComputeLogManager"]
    assert logs == ours["compute_logs"]
    monitoring, retries = ours["run_monitoring"], ours["run_retries"]
    assert {_snake(name): value for name, value in daemon["runMonitoring"].items()} == monitoring
    assert {_snake(name): value for name, value in daemon["runRetries"].items()} == retries
    for path in (DEPLOY / "kubernetes").iterdir():
        assert path.read_text().startswith("# UNTESTED HERE")
        assert list(yaml.safe_load_all(path.read_text()))


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", r"_\1", name).lower()


def test_dagster_yaml_names_our_classes(monkeypatch: pytest.MonkeyPatch):
    """Dagster can make them of it."""
    monkeypatch.setenv("CHUNK_ASSETS_BROKER_URL", "redis://127.0.0.1:1/0")
    ours = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
    made = {}
    for part in ("run_coordinator", "run_launcher"):
        config = yaml.safe_dump(ours[part].get("config", {}))
        data = ConfigurableClassData(ours[part]["module"], ours[part]["class"], config)
        made[part] = data.rehydrate(as_type=object)
    assert type(made["run_coordinator"]) is FilmQueue
    assert type(made["run_launcher"]) is FilmLauncher
    made["run_launcher"].dispose()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_one_that_systemd_takes(unit: Path, tmp_path: Path):
    """With the programs where this environment has them."""
    text = unit.read_text().replace("/opt/chunk_assets/bin/", f"{Path(sys.executable).parent}/")
    assert text != unit.read_text()
    path = tmp_path / unit.name
    path.write_text(text)
    done = subprocess.run(
        [str(shutil.which("systemd-analyze")), "verify", str(path)],
        capture_output=True,
        text=True,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if unit.name in line]
    assert complaints == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_shut_in_and_bounded(unit: Path):
    """By systemd's own measure its exposure is below 4.0; files are private, memory has an end."""
    command = [str(shutil.which("systemd-analyze")), "security", "--offline=true", "--threshold=40"]
    done = subprocess.run([*command, str(unit)], capture_output=True, text=True, check=False)
    if "nrecognized option" in done.stderr:
        pytest.skip("this systemd is too old to measure a unit that is not loaded")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = unit.read_text().splitlines()
    assert {"UMask=0077", "StateDirectoryMode=0700"} <= set(lines)
    assert any(line.startswith("MemoryMax=") for line in lines)


def test_a_worker_without_its_settings_says_in_one_sentence_what_it_needs(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """First the bucket, then either Redis, and never its password."""
    from chunk_assets_tests.cli.commands import run

    monkeypatch.delenv("CHUNK_ASSETS_BROKER_URL", raising=False)
    ended = run("worker", "--slots", "1")
    assert ended.code == 2
    assert "CHUNK_ASSETS_BROKER_URL is not set" in ended.stderr
    port = free_port("127.0.0.1")
    monkeypatch.setenv("CHUNK_ASSETS_BROKER_URL", f"redis://:hidden@127.0.0.1:{port}/0")
    ended = run("worker", "--slots", "1")
    assert ended.code == 2
    assert f"Error: the Redis at 127.0.0.1:{port} cannot be used (ConnectionError)" in ended.stderr
    assert "hidden" not in ended.stderr
    with redis_server("127.0.0.1", tmp_path) as url:
        monkeypatch.setenv("CHUNK_ASSETS_RESULT_URL", url)
        ended = run("worker", "--slots", "1")
        assert (
            f"127.0.0.1:{port} cannot be used (ConnectionError): see CHUNK_ASSETS_BROKER_URL"
            in (ended.stderr)
        )
        monkeypatch.setenv("CHUNK_ASSETS_RESULT_URL", f"redis://127.0.0.1:{port}/1")
        monkeypatch.setenv("CHUNK_ASSETS_BROKER_URL", url)
        ended = run("worker", "--slots", "1")
        assert ended.stderr.rstrip().endswith("see CHUNK_ASSETS_RESULT_URL")
    monkeypatch.delenv("CHUNK_ASSETS_BUCKET")
    ended = run("worker")
    assert ended.code == 2
    assert "a worker needs the S3 that all machines share" in ended.stderr
