"""Runs that start as forks of a real fork server, with real signals."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.errors import DagsterInvariantViolationError
from dagster._core.launcher.base import LaunchRunContext

from chunk_assets.dagster_internals.instance import KEPT_TAG, dagster_home
from chunk_assets.settings import Settings
from chunk_assets_tests.cli.commands import wait_for
from chunk_assets_tests.dagster_internals.jobs import noting

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@dataclass
class Server:
    """A fork server, and an instance whose runs it starts."""

    process: subprocess.Popen[bytes]
    instance: dg.DagsterInstance
    notes: Path

    def launch(self, *, seconds: float = 0.0, priority: str = "0") -> str:
        """Launch a run that writes down what its process is; return the run's id."""
        config: Any = {"ops": {"notes": {"config": {"path": str(self.notes), "seconds": seconds}}}}
        run = self.instance.create_run_for_job(
            noting,
            run_config=config,
            tags={"dagster/priority": priority},
            job_code_origin=dg.reconstructable(noting).get_python_origin(),
        )
        self.instance.run_launcher.launch_run(LaunchRunContext(run, workspace=None))
        return run.run_id

    def noted(self) -> list[int]:
        """The process of the run, its parent, and how nice it is."""
        wait_for(self.notes.exists, seconds=60)
        return [int(value) for value in self.notes.read_text().split()]

    def run(self, run_id: str) -> dg.DagsterRun:
        """The run as it is recorded."""
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def ended(self, run_id: str) -> dg.DagsterRunStatus:
        """Wait for its end; return the status."""
        wait_for(lambda: self.run(run_id).is_finished, seconds=60)
        return self.run(run_id).status

    def sentences(self, run_id: str) -> list[str]:
        """The messages in its log."""
        events = [entry.dagster_event for entry in self.instance.all_logs(run_id)]
        return [event.message or "" for event in events if event is not None]


@pytest.fixture
def server(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """One that ends with the test."""
    directory = Path(tempfile.mkdtemp())  # a socket's path must be short
    monkeypatch.setenv("CHUNK_ASSETS_FORK_SERVER", str(directory / "runs"))
    monkeypatch.setenv("DAGSTER_HOME", str(dagster_home(settings)))
    module = "chunk_assets.dagster_internals.fork_server"
    command = [sys.executable, "-m", module, str(directory / "runs"), "chunk_assets.definitions"]
    with (
        subprocess.Popen(command) as process,
        dg.DagsterInstance.get() as instance,
    ):
        try:
            wait_for((directory / "runs").exists, seconds=60)
            yield Server(process, instance, tmp_path / "notes")
        finally:
            process.kill()
            shutil.rmtree(directory)


def test_a_run_is_a_child_of_the_warm_process(server: Server):
    """It runs in its own process to its end, with a tag of its launcher."""
    run_id = server.launch()
    assert server.ended(run_id) == dg.DagsterRunStatus.SUCCESS
    pid, parent, nice = server.noted()
    assert pid != parent == server.process.pid
    assert nice == os.nice(0)
    assert server.run(run_id).tags[KEPT_TAG] == "dev"


def test_a_run_of_low_priority(server: Server):
    """A run of low priority in the queue also runs at low priority."""
    run_id = server.launch(priority="-1")
    assert server.ended(run_id) == dg.DagsterRunStatus.SUCCESS
    assert server.noted()[2] == os.nice(0) + 10


def test_a_run_that_is_terminated(server: Server):
    """Dagit's Terminate interrupts it; a second one finds nothing to end."""
    run_id = server.launch(seconds=60)
    server.noted()
    assert server.instance.run_launcher.terminate(run_id)
    assert server.ended(run_id) == dg.DagsterRunStatus.CANCELED
    assert not server.instance.run_launcher.terminate(run_id)


def test_a_run_whose_process_is_killed(server: Server):
    """It is reported as failed, with what happened."""
    run_id = server.launch(seconds=60)
    os.kill(server.noted()[0], signal.SIGKILL)
    assert server.ended(run_id) == dg.DagsterRunStatus.FAILURE
    assert "The run's process was killed by signal 9." in server.sentences(run_id)


def test_a_server_that_is_ended_during_a_run(server: Server):
    """The run is interrupted and recorded as such; then the server is gone."""
    run_id = server.launch(seconds=60)
    server.noted()
    server.process.terminate()
    assert server.process.wait(timeout=60) == 0
    assert server.run(run_id).status in (
        dg.DagsterRunStatus.CANCELED,
        dg.DagsterRunStatus.FAILURE,  # Dagster's status if its end was not announced
    )


def test_a_server_that_is_gone(server: Server):
    """The run is left to Dagster's own launcher, which here has nothing to launch it with."""
    server.process.kill()
    server.process.wait()
    with pytest.raises(DagsterInvariantViolationError, match="requires a workspace"):
        server.launch()
    [run] = server.instance.get_runs()
    assert any("does not answer" in sentence for sentence in server.sentences(run.run_id))
