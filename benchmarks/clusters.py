"""A cluster to measure: PostgreSQL, Redis, SeaweedFS and workers, on this machine's loopback."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.remote_representation.external import RemoteJob
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget

from benchmarks.workbench import ROOT, FixedLatency, for_processes, new_home
from chunk_assets.dagster_internals import commands
from chunk_assets.defs.partitions.definitions import range_tags
from chunk_assets.defs.partitions.observations import announce
from chunk_assets.defs.resources import connect
from chunk_assets.defs.runs.tags import film_tags
from chunk_assets.film.plan import plan_film
from chunk_assets.film.submission import AnimaticDirectory, submit
from chunk_assets.settings import load_settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cluster.servers import servers

COMMAND = str(Path(sys.executable).with_name("chunk-assets"))
TARGET = ModuleTarget(
    "benchmarks.workbench",
    attribute="fixed_latency",
    working_directory=str(ROOT),
    location_name="chunk_assets",
)
CONFIG = {"ops": {"film_chunks": {"config": {"generator": FixedLatency.name}}}}
OVER = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@dataclass
class Cluster:
    """The servers are up, and named in this process's environment."""

    home: Path
    store: ObjectStore
    instance: dg.DagsterInstance

    @contextmanager
    def worker(self, slots: int) -> Iterator[None]:
        """A worker with so many slots, waiting for runs."""
        log = self.home / "worker.log"
        with started([COMMAND, "worker", "--slots", str(slots)], log) as process:
            until(lambda: "waiting for films" in log.read_text(), process, log)
            yield

    @contextmanager
    def daemon(self) -> Iterator[None]:
        """Dagster's daemon, which takes runs out of the queue."""
        workspace = self.home / "workspace.yaml"
        workspace.write_text(
            "load_from:\n  - python_module:\n      module_name: benchmarks.workbench\n"
            f"      attribute: fixed_latency\n      working_directory: {ROOT}\n"
            "      location_name: chunk_assets\n"
        )
        log = self.home / "daemon.log"
        with started(commands.daemon(workspace), log):
            yield


@contextmanager
def cluster(clip: Path, seconds: float) -> Iterator[Cluster]:
    """Servers, and the environment of whatever is started; a clip takes so many seconds."""
    before = dict(os.environ)
    try:
        with new_home() as home, servers("127.0.0.1", home / "servers") as running:
            (home / "dagster").mkdir()
            shutil.copyfile(ROOT / "deploy" / "dagster.yaml", home / "dagster" / "dagster.yaml")
            own = {"CHUNK_ASSETS_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")}
            os.environ.update({**running.environment, **own, "PYTHONPATH": str(ROOT)})
            os.environ.update(for_processes(clip, seconds))
            with dg.DagsterInstance.from_config(own["DAGSTER_HOME"]) as instance:
                instance.get_runs_count()  # makes the tables
                yield Cluster(home, connect(load_settings()), instance)
    finally:
        os.environ.clear()
        os.environ.update(before)


class Desk:
    """Makes runs, and has them launched or queued, as Dagit does."""

    def __init__(self, instance: dg.DagsterInstance, store: ObjectStore):
        self._instance, self._store = instance, store
        self._process = WorkspaceProcessContext(instance, TARGET)

    def __enter__(self) -> "Desk":
        self._process.__enter__()
        self._workspace = self._process.create_request_context()
        location = self._workspace.get_code_location("chunk_assets")
        [repository] = location.get_repositories().values()
        self._job: RemoteJob = repository.get_full_job("render_chunks")
        return self

    def __exit__(self, *raised: Any) -> None:
        self._process.__exit__(*raised)

    def film(self, video_id: str, animatic: AnimaticDirectory) -> int:
        """Put a film on S3; gives how many chunks it has."""
        submit(self._store, video_id, animatic)
        plan = plan_film(self._store, video_id)
        announce(self._instance, self._store, plan)
        return len(plan.specs)

    def run(self, video_id: str, chunks: int) -> str:
        """A run over a film's chunks, not launched yet."""
        from benchmarks.workbench import fixed_latency

        return self._instance.create_run_for_job(
            fixed_latency().resolve_job_def("render_chunks"),
            run_config=CONFIG,
            tags={**range_tags(video_id, range(chunks)), **film_tags(video_id, range(chunks))},
            remote_job_origin=self._job.get_remote_origin(),
            job_code_origin=self._job.get_python_origin(),
        ).run_id

    def launch(self, run_id: str) -> None:
        """Past the queue."""
        self._instance.launch_run(run_id, self._workspace)

    def queue(self, run_id: str) -> None:
        """Into the queue."""
        self._instance.submit_run(run_id, self._workspace)

    def wait(self, runs: Sequence[str], seconds: float) -> None:
        """Until all of them have succeeded."""
        deadline = time.monotonic() + seconds
        while True:
            found = self._instance.get_runs(dg.RunsFilter(run_ids=list(runs)))
            if all(run.status in OVER for run in found):
                assert {run.status for run in found} == {dg.DagsterRunStatus.SUCCESS}
                return
            assert time.monotonic() < deadline, [run.status for run in found]
            time.sleep(1)


@contextmanager
def started(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process with its output in a file, ended with the block."""
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def until(is_so: Any, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until it is so; the process must not end meanwhile."""
    deadline = time.monotonic() + 90
    while not is_so():
        assert process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.1)
