"""`chunk-assets dev`: S3, Dagit and Dagster's daemon on this machine."""

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
from typing import IO, TYPE_CHECKING

import click

from chunk_assets.cli.interrupts import stopping
from chunk_assets.cli.options import pass_settings
from chunk_assets.cli.terminal import plain
from chunk_assets.errors import SpecError
from chunk_assets.files.locks import FileLock
from chunk_assets.files.private_home import private_home

if TYPE_CHECKING:  # it imports pydantic, which `--help` does not need
    from chunk_assets.settings import Settings

HOST = "127.0.0.1"
_PYTHON_M = [sys.executable, "-m"]
_FORK_SERVER = [*_PYTHON_M, "chunk_assets.dagster_internals.fork_server"]
_STOP_SECONDS = 20
"""How long Dagster may take to stop; it needs 3 s, more while a chunk is being rendered."""


@click.command(short_help="Start S3, Dagit and Dagster's daemon on this machine.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    metavar="NUMBER",
    default=3000,
    show_default=True,
    help="The port of Dagit, on this machine only.",
)
@pass_settings
def dev(settings: "Settings", port: int) -> None:
    """Start S3, Dagit and Dagster's daemon on this machine, until Ctrl-C.

    Films rendered in the terminal meanwhile appear in Dagit at once: both use the same storage.
    """
    with stopping("Stopped."), _only_one(settings.home, port) as lock:
        _serve(settings, port, lock)


def _serve(settings: "Settings", port: int, lock: int) -> None:
    """Run Dagit and the daemon until Ctrl-C; all processes have ended when this returns."""
    from chunk_assets.dagster_internals import commands
    from chunk_assets.dagster_internals.instance import CODE_LOCATION, CODE_MODULE, dagster_home
    from chunk_assets.defs.resources import connect

    log = settings.home / "dev.log"
    _check_port(port)
    _end_orphans(settings)
    store = connect(settings)  # leased by this process: links work while Dagit is open
    socket_directory = Path(mkdtemp(prefix="chunk-assets-"))  # a socket's path must be short
    services: list[subprocess.Popen[bytes]] = []
    try:
        runs = socket_directory / "runs"
        with log.open("w") as output:
            environment = _environment(settings, dagster_home(settings))
            forks = {**environment, "CHUNK_ASSETS_FORK_SERVER": str(runs)}
            start = partial(_start, lock=lock, log=output, environment=forks)
            click.echo("Starting Dagit ...", err=True)
            code = socket_directory / "code"
            services.append(start(commands.code_server(code, CODE_MODULE, CODE_LOCATION)))
            while not _listens(code):
                _check_alive(services, log, seconds=0.1)
            workspace = socket_directory / "workspace.yaml"
            server = {"socket": str(code), "location_name": CODE_LOCATION}
            # JSON is YAML.
            workspace.write_text(json.dumps({"load_from": [{"grpc_server": server}]}))
            services.append(start(_webserver(port, workspace)))
            services.append(start(commands.daemon(workspace)))
            while not _answers(port):
                _check_alive(services, log, seconds=0.3)
            # After Dagit, which a person is waiting for; a run before that starts cold.
            command = [*_FORK_SERVER, str(runs), CODE_MODULE]
            services.append(start(command, environment=environment))
        click.echo(f"Dagit: http://{HOST}:{port}")
        click.echo(f"Films: {store.uri('')} at {plain(store.endpoint)}")
        click.echo(f"Log:   {plain(log)}")
        click.echo("Ctrl-C ends everything.", err=True)
        while True:
            _check_alive(services, log, seconds=20)
    except KeyboardInterrupt:
        click.echo("Stopping ...", err=True)
    finally:
        _stop(services)
        rmtree(socket_directory, ignore_errors=True)
    click.echo("Stopped.", err=True)


def _end_orphans(settings: "Settings") -> None:
    """End the runs in Dagit whose `render` or `dev` was killed."""
    import dagster as dg

    from chunk_assets.dagster_internals.instance import (
        FILM_TAG,
        TERMINAL_TAG,
        UNFINISHED,
        end_lost_runs,
        end_orphans,
        film_lock,
        open_instance,
    )

    with open_instance(settings) as instance:
        end_lost_runs(instance)
        launched_here = dg.RunsFilter(tags={TERMINAL_TAG: "terminal"}, statuses=list(UNFINISHED))
        for film in {run.tags[FILM_TAG] for run in instance.get_runs(launched_here)}:
            with suppress(SpecError), film_lock(settings, film):  # a live `render` holds the lock
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
    """Refuse a second `dev` with this home: two daemons would start every run twice."""
    path = private_home(home) / "dev.lock"
    try:
        lock = FileLock(path, wait=False)
    except BlockingIOError:
        raise SpecError(
            f"chunk-assets dev is already running with {str(home)!r}, at "
            f"http://{HOST}:{path.read_text()[:5] or port}: open that, or stop it first",
            home=str(home),
        ) from None
    with lock:
        path.write_text(str(port))
        yield lock.fileno()


def _webserver(port: int, workspace: Path) -> list[str]:
    address = ["--host", HOST, "--port", str(port)]
    return [*_PYTHON_M, "chunk_assets.webserver", *address, "--workspace", str(workspace)]


def _listens(path: Path) -> bool:
    """Tell whether the code server, which loads the code first, accepts connections."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def _environment(settings: "Settings", dagster_home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DAGSTER_HOME": str(dagster_home),
        "CHUNK_ASSETS_HOME": str(settings.home.resolve()),
        "PYTHONWARNINGS": "ignore",  # of libraries, for developers
        "PYTHONSAFEPATH": "1",  # the current directory may have a `random.py`
    }


def _start(
    command: list[str], lock: int, log: IO[str], environment: dict[str, str]
) -> subprocess.Popen[bytes]:
    """Start a command as a service, which inherits the lock until its last process has ended.

    Its output goes to the log: Dagster logs a hundred lines a run, which Dagit shows.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "chunk_assets.cli.service_process", str(_STOP_SECONDS), *command],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        pass_fds=[lock],
        start_new_session=True,  # the terminal's signals must reach only this process
    )


def _answers(port: int) -> bool:
    import http.client  # a fifth of the time of `chunk-assets --help`

    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/server_info")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _check_alive(services: Sequence[subprocess.Popen[bytes]], log: Path, seconds: float) -> None:
    """Wait some seconds.

    Raises:
        click.ClickException: A service has ended meanwhile.
    """
    with suppress(subprocess.TimeoutExpired):
        services[-1].wait(seconds)
    codes = [code for code in (service.poll() for service in services) if code is not None]
    if not codes:
        return
    ended = f"with exit status {codes[0]}" if codes[0] else "without an error"
    raise click.ClickException(f"Dagit ended unexpectedly, {ended}; see {str(log)!r}")


def _stop(services: Sequence[subprocess.Popen[bytes]]) -> None:
    """Stop all services; another Ctrl-C meanwhile kills them."""
    try:
        for service in services:
            assert service.stdin is not None  # noqa: S101 - `_start` opened it
            service.stdin.close()
        for service in services:
            service.wait()
    except KeyboardInterrupt:
        for service in services:
            service.terminate()
        for service in services:
            service.wait()
