"""A running cluster: the servers, Dagster's daemon, and workers on hosts of their own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import pytest

from chunk_assets.dagster_internals import commands
from chunk_assets.defs.resources import connect
from chunk_assets.settings import load_settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cluster.hosts import Host, Studio, studio
from chunk_assets_tests.cluster.servers import Servers, servers

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROGRAM = str(Path(sys.executable).with_name("chunk-assets"))


@dataclass
class Cluster:
    """What a test does with it."""

    home: Path
    studio: Studio
    servers: Servers
    environment: dict[str, str] = field(repr=False)
    store: ObjectStore
    instance: dg.DagsterInstance
    daemon: subprocess.Popen[bytes] | None = None

    @property
    def journal(self) -> list[list[str]]:
        """What the generators told: began or made, film, chunk, seed, host, process."""
        path = Path(self.environment["TEST_JOURNAL"])
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def begun(self) -> list[tuple[str, int]]:
        """Film and chunk of each clip that was begun."""
        return [(line[1], int(line[2])) for line in self.journal if line[0] == "began"]

    def work(self, slots: int, *hosts: Host) -> list[subprocess.Popen[bytes]]:
        """Start a worker on each host, and wait until they wait for films."""
        before = [self._ready(host) for host in hosts]
        processes = [self._worker(slots, host) for host in hosts]
        for host, process, ready in zip(hosts, processes, before, strict=True):
            self.until(lambda host=host, ready=ready: self._ready(host) > ready, 90, process)
        return processes

    def _ready(self, host: Host) -> int:
        """How many workers of a host have been waiting for films."""
        log = self.log(host)
        return log.read_text().count("waiting for films") if log.exists() else 0

    def _worker(self, slots: int, host: Host) -> subprocess.Popen[bytes]:
        home = self.home / host.name
        own = {"CHUNK_ASSETS_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")}
        (home / "dagster").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(DEPLOY / "dagster.yaml", home / "dagster" / "dagster.yaml")
        command = [PROGRAM, "worker", "--slots", str(slots)]
        return host.start(command, self.log(host), {**self.environment, **own})

    def log(self, host: Host) -> Path:
        """What a host's worker says."""
        return self.home / f"{host.name}.log"

    def until(
        self,
        is_so: Callable[[], bool],
        seconds: float,
        process: subprocess.Popen[bytes] | None = None,
    ) -> None:
        """Wait until it is so, but no longer than that."""
        deadline = time.monotonic() + seconds
        while not is_so():
            assert process is None or process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.2)

    def said(self) -> str:
        """The ends of all logs, for a test that fails."""
        ends = [f"--- {path.name}\n{path.read_text()[-3000:]}" for path in self.home.glob("*.log")]
        runs = [f"{run.run_id[:8]} {run.job_name} {run.status.value}" for run in self.runs()]
        return "\n".join([*ends, *runs])

    def runs(self, **tags: str) -> list[dg.DagsterRun]:
        """Dagster's runs, the oldest first."""
        return list(reversed(self.instance.get_runs(dg.RunsFilter(tags=tags))))


@contextmanager
def cluster(
    home: Path, patch: pytest.MonkeyPatch, *hosts: str, seconds: float
) -> Iterator[Cluster]:
    """Servers and daemon, with `deploy/dagster.yaml` as it is; hosts without workers yet.

    Args:
        home: A directory of the test's own.
        patch: Sets this process's environment to the cluster's.
        *hosts: Their names.
        seconds: How long a clip takes.
    """
    with studio(*hosts) as made, servers(made.address, home / "servers") as running:
        central = home / "central"
        (central / "dagster").mkdir(parents=True)
        shutil.copyfile(DEPLOY / "dagster.yaml", central / "dagster" / "dagster.yaml")
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
            patch.delenv(name, raising=False)
        settings = {
            **running.environment,
            "CHUNK_ASSETS_HOME": str(central),
            "DAGSTER_HOME": str(central / "dagster"),
            "CHUNK_ASSETS_SENSOR_GENERATORS": "replicate",
            "CHUNK_ASSETS_SENSOR_MAX_COST_PER_FILM": "100",
            "CHUNK_ASSETS_SENSOR_MAX_COST_PER_DAY": "1000",
            "TEST_JOURNAL": str(home / "journal"),
            "TEST_SECONDS": str(seconds),
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
        }
        for name, value in settings.items():
            patch.setenv(name, value)
        environment = dict(os.environ)
        with dg.DagsterInstance.from_config(settings["DAGSTER_HOME"]) as instance:
            instance.get_runs_count()  # makes the tables
            store = connect(load_settings())
            started = Cluster(home, made, running, environment, store, instance)
            started.daemon = daemon = _daemon(home, environment)
            try:
                yield started
            finally:
                daemon.send_signal(signal.SIGINT)
                try:
                    daemon.wait(20)
                except subprocess.TimeoutExpired:
                    os.killpg(daemon.pid, signal.SIGKILL)
                    daemon.wait()


def _daemon(home: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    workspace = home / "workspace.yaml"
    workspace.write_text(
        "load_from:\n  - python_module:\n      module_name: chunk_assets_tests.cluster.code\n"
        "      location_name: chunk_assets\n"
    )

    def heedful() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)

    with (home / "daemon.log").open("w") as output:
        return subprocess.Popen(
            commands.daemon(workspace),
            cwd=home,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=heedful,
        )
