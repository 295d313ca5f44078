"""`dev`: S3, Dagit and the daemon, and nothing of them afterwards."""

import os
import signal
import socket
import time
from pathlib import Path

import dagster as dg
import httpx
import pytest

from chunk_assets.dagster_internals.instance import (
    FILM_TAG,
    KEPT_BY_DEV,
    KEPT_TAG,
    TERMINAL_TAG,
    open_instance,
)
from chunk_assets.settings import load_settings
from chunk_assets_tests.cli.commands import (
    Running,
    descendants,
    is_alive,
    s3_is_open,
    sentence,
    wait_for,
)
from chunk_assets_tests.dagit import Dagit, free_port

pytestmark = pytest.mark.slow


def test_dagit_comes_up_with_s3_and_all_of_it_ends_with_the_command(own_server: Path, desk: Path):
    """It prints where Dagit is, refuses a second `dev`, ends killed runs, and stops on Ctrl-C.

    What lies in the current directory is not taken for a part of it.
    """
    (desk / "random.py").write_text("raise SystemExit('not the module of that name')")
    settings = load_settings()
    with open_instance(settings) as instance:
        tags = {FILM_TAG: "film", TERMINAL_TAG: "terminal"}
        killed = instance.create_run_for_job(_nothing, tags=tags)
        instance.report_run_canceling(killed)
        lost = instance.create_run_for_job(_nothing, tags={KEPT_TAG: KEPT_BY_DEV})
        assert not lost.is_finished
    port = free_port()
    with Running.start("dev", "--port", port) as running:
        running.until("Ctrl-C ends everything.")
        family = descendants(running.process.pid)
        # Keepers of Dagster's three processes and what each of them starts.
        assert len(family) > 7
        assert s3_is_open(own_server)
        # The name that the project's workspace.yaml has for it, too.
        query = "{workspaceOrError{... on Workspace{locationEntries{name loadStatus}}}}"
        loaded = [{"name": "chunk_assets", "loadStatus": "LOADED"}]
        assert Dagit(port).ask(query)["workspaceOrError"]["locationEntries"] == loaded
        # Dagit asks for no email address first.
        assert Dagit(port).ask("{shouldShowNux}") == {"shouldShowNux": False}
        _refuses_other_sites(port)
        said = sentence("dev", "--port", free_port())
        assert f"is already running with {str(settings.home)!r}, at http://127.0.0.1:{port}" in said
        with open_instance(settings) as instance:
            assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.FAILURE] * 2

        began = time.monotonic()
        running.interrupt()
        ended = running.ended()
        assert time.monotonic() - began < 20
    assert ended.code == 0
    assert ended.stdout.splitlines()[:1] == [f"Dagit: http://127.0.0.1:{port}"]
    assert ended.stderr.splitlines()[-1] == "Stopped."
    wait_for(lambda: not any(map(is_alive, family)), seconds=5)
    wait_for(lambda: not s3_is_open(own_server), seconds=5)


def _refuses_other_sites(port: int) -> None:
    """Dagster's webserver is behind the guard, whatever Dagster makes of its own start."""
    page, mutation = f"http://127.0.0.1:{port}", "mutation{setNuxSeen}"
    api = f"{page}/graphql"
    assert httpx.post(api, json={"query": mutation}).json() == {"data": {"setNuxSeen": True}}
    foreign = {"Origin": "https://evil.example"}
    assert httpx.post(api, json={"query": mutation}, headers=foreign).status_code == 403
    assert httpx.get(page, headers={"Host": f"evil.example:{port}"}).status_code == 403
    assert httpx.get(api, params={"query": mutation}).status_code == 405
    assert httpx.post(api, params={"query": mutation}).status_code == 415
    assert httpx.get(page).headers["X-Frame-Options"] == "SAMEORIGIN"


@dg.job
def _nothing() -> None:
    """A job without a step."""


@pytest.mark.parametrize(
    ("signals", "codes"),
    [
        ([signal.SIGKILL], {-signal.SIGKILL}),
        ([signal.SIGTERM, signal.SIGINT], {0, 130}),
    ],
    ids=["killed", "by a service manager, and by a person in a hurry"],
)
def test_nothing_outlives_a_dev_that_is_ended_while_it_starts(
    own_server: Path, signals: list[signal.Signals], codes: set[int]
):
    """However it is ended, Dagster's processes and S3 go with it, without a traceback."""
    with Running.start("dev", "--port", free_port()) as running:
        running.until("Starting Dagit")
        wait_for(lambda: len(descendants(running.process.pid)) > 3)  # Dagster has begun to start
        family = descendants(running.process.pid)
        assert s3_is_open(own_server)
        for number in signals:
            os.kill(running.process.pid, number)
            time.sleep(0.3)
        ended = running.ended()
    assert ended.code in codes
    assert "Traceback" not in ended.stderr
    wait_for(lambda: not any(map(is_alive, family)), seconds=25)
    wait_for(lambda: not s3_is_open(own_server), seconds=5)


def test_a_port_that_is_taken(store: object):
    """It is named before anything is started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port} cannot be used (Address already in use)" in sentence(
            "dev", "--port", port
        )
