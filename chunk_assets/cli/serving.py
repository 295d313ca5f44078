"""Dagit and the daemon beside the local S3 server, for as long as the command lives."""

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import IO

import click
import dagster as dg

from chunk_assets.cli.terminal import plain
from chunk_assets.dagster_internals import commands
from chunk_assets.dagster_internals.instance import (
    CODE_LOCATION,
    CODE_MODULE,
    FILM_TAG,
    TERMINAL_TAG,
    UNFINISHED,
    dagster_home,
    end_lost_runs,
    end_orphans,
    film_lock,
    open_instance,
)
from chunk_assets.defs.resources import connect
from chunk_assets.errors import SpecError
from chunk_assets.files.locks import FileLock
from chunk_assets.files.private_home import private_home
from chunk_assets.settings import Settings

HOST = "127.0.0.1"
_PYTHON_M = [sys.executable, "-m"]
_FORK_SERVER = [*_PYTHON_M, "chunk_assets.dagster_internals.fork_server"]
_STOP_SECONDS = 20
"""What Dagster gets to stop in; it takes 3 s, more while a chunk is being rendered."""


def serve(settings: Settings, port: int) -> None:
    """Run Dagit and the daemon until Ctrl-C; all that was started has ended when this returns.

    Raises:
        SpecError: The port is taken, or this home is served already.
        StorageError: S3 cannot be reached, started or used.
        click.ClickException: Dagit ended by itself.
    """
    log = settings.home / "dev.log"
    with _only_one(settings.home, port) as lock:
        _check_port(port)
        _end_orphans(settings)
        store = connect(settings)  # held by this process: links work while Dagit is open
        socket_directory = Path(mkdtemp(prefix="chunk-assets-"))  # a socket's path must be short
        keepers: list[subprocess.Popen[bytes]] = []
        try:
            runs = socket_directory / "runs"
            with log.open("w") as output:
                start = partial(_start, settings=settings, lock=lock, log=output, runs=runs)
                click.echo("Starting Dagit ...", err=True)
                code = socket_directory / "code"
                keepers.append(start(commands.code_server(code, CODE_MODULE, CODE_LOCATION)))
                while not _listens(code):
                    _check_alive(keepers, log, seconds=0.1)
                workspace = _workspace(socket_directory, code)
                keepers.append(start(_webserver(port, workspace)))
                keepers.append(start(commands.daemon(workspace)))
                while not _answers(port):
                    _check_alive(keepers, log, seconds=0.3)
                # Behind Dagit, which a person waits for; a run that comes before starts cold.
                keepers.append(start([*_FORK_SERVER, str(runs), CODE_MODULE], runs=None))
            click.echo(f"Dagit: http://{HOST}:{port}")
            click.echo(f"Films: {store.uri('')} at {plain(store.endpoint)}")
            click.echo(f"Log:   {plain(log)}")
            click.echo("Ctrl-C ends everything.", err=True)
            while True:
                _check_alive(keepers, log, seconds=20)
        except KeyboardInterrupt:
            click.echo("Stopping ...", err=True)
        finally:
            _stop(keepers)
            rmtree(socket_directory, ignore_errors=True)
        click.echo("Stopped.", err=True)


def _end_orphans(settings: Settings) -> None:
    """Have Dagit show no run as going on whose `render`, or whose `dev`, was killed."""
    with open_instance(settings) as instance:
        end_lost_runs(instance)
        launched_here = dg.RunsFilter(tags={TERMINAL_TAG: "terminal"}, statuses=list(UNFINISHED))
        for film in {run.tags[FILM_TAG] for run in instance.get_runs(launched_here)}:
            with suppress(SpecError), film_lock(settings, film):  # one that lives has the lock
                end_orphans(instance, film)


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            message = f"port {port} cannot be used ({error.strerror}): choose another with --port"
            raise SpecError(message, port=port) from error


@contextmanager
def _only_one(home: Path, port: int) -> Iterator[int]:
    """Keep a second `dev` with this home out: two daemons would start every run twice."""
    path = private_home(home) / "dev.lock"
    try:
        lock = FileLock(path, wait=False)
    except BlockingIOError:
        raise SpecError(
            f"chunk-assets dev runs already with {str(home)!r}, at "
            f"http://{HOST}:{path.read_text()[:5] or port}: open that, or stop it first",
            home=str(home),
        ) from None
    with lock:
        path.write_text(str(port))
        yield lock.fileno()


def _webserver(port: int, workspace: Path) -> list[str]:
    address = ["--host", HOST, "--port", str(port)]
    return [*_PYTHON_M, "chunk_assets.webserver", *address, "--workspace", str(workspace)]


def _workspace(directory: Path, code: Path) -> Path:
    """Write the workspace in which webserver and daemon find the code server."""
    path = directory / "workspace.yaml"
    server = {"socket": str(code), "location_name": CODE_LOCATION}
    path.write_text(json.dumps({"load_from": [{"grpc_server": server}]}))  # JSON is YAML
    return path


def _listens(path: Path) -> bool:
    """Whether the code server, which loads the code first, takes connections."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def _start(
    command: list[str], settings: Settings, lock: int, log: IO[str], runs: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start the keeper of a command; it has the lock, too, until the last of it has ended.

    What the command says goes to the log: Dagster says a hundred lines of each run, which Dagit
    shows. Runs that it launches start in the fork server whose socket is `runs`.
    """
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(dagster_home(settings)),
        "CHUNK_ASSETS_HOME": str(settings.home.resolve()),
        **({"CHUNK_ASSETS_FORK_SERVER": str(runs)} if runs else {}),
        "PYTHONWARNINGS": "ignore",  # what libraries tell developers
        "PYTHONSAFEPATH": "1",  # a `random.py` in the current directory is not Python's
    }
    return subprocess.Popen(
        [sys.executable, "-m", "chunk_assets.cli.service_process", str(_STOP_SECONDS), *command],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        pass_fds=[lock],
        start_new_session=True,  # the terminal's signals are for this process
    )


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/server_info")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _check_alive(keepers: Sequence[subprocess.Popen[bytes]], log: Path, seconds: float) -> None:
    """Return after so many seconds if all keepers still keep.

    Raises:
        click.ClickException: One of them does not.
    """
    with suppress(subprocess.TimeoutExpired):
        keepers[-1].wait(seconds)
    codes = [code for code in (keeper.poll() for keeper in keepers) if code is not None]
    if not codes:
        return
    said = f"with exit status {codes[0]}" if codes[0] else "without an error"
    raise click.ClickException(f"Dagit ended by itself, {said}; {str(log)!r} may say why")


def _stop(keepers: Sequence[subprocess.Popen[bytes]]) -> None:
    """End everything; another Ctrl-C meanwhile ends it by force."""
    try:
        for keeper in keepers:
            assert keeper.stdin is not None  # noqa: S101 - `_start` asked for it
            keeper.stdin.close()
        for keeper in keepers:
            keeper.wait()
    except KeyboardInterrupt:
        for keeper in keepers:
            keeper.terminate()
        for keeper in keepers:
            keeper.wait()
