"""`chunk-assets worker`: render films from the cluster's queue on this machine."""

import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from chunk_assets.cli.options import pass_settings
from chunk_assets.errors import SpecError

if TYPE_CHECKING:  # it imports pydantic, which `--help` does not need
    from chunk_assets.settings import Settings


@click.command(short_help="Render a cluster's films on this machine.")
@click.option(
    "--slots",
    type=click.IntRange(1, 512),
    metavar="NUMBER",
    default=None,
    help="How many films to render at a time, each in its own process. "
    "[default: the number of processors]",
)
@pass_settings
def worker(settings: "Settings", slots: int | None) -> None:
    """Render a cluster's films on this machine, until SIGTERM or Ctrl-C.

    After the first signal each film finishes its current chunk and is handed off to another
    worker; after a second signal it is handed off at once. See deploy/ for the parts of a cluster.
    """
    if find_spec("dagster_celery") is None or find_spec("dagster_postgres") is None:
        raise SpecError("this installation has no worker: pip install 'chunk_assets[cluster]'")
    if settings.bucket is None:
        raise SpecError(
            "a worker needs the S3 that all machines share: set CHUNK_ASSETS_BUCKET and the AWS "
            "variables"
        )
    _check_broker(settings)
    home = settings.home.resolve()
    environment = {
        # Seconds: a database that does not answer is retried instead of waited for two minutes.
        "PGCONNECT_TIMEOUT": "10",
        # Seconds: without retries, an outage of S3 would fail every film of the worker.
        "CHUNK_ASSETS_S3_PATIENCE": "180",
        **os.environ,
        "CHUNK_ASSETS_HOME": str(home),
        "DAGSTER_HOME": str((settings.dagster_home or home / "dagster").resolve()),
    }
    count = str(slots or os.cpu_count() or 1)
    # Started as this process was: Dagster removes the first entry of `sys.path`, the script's
    # directory, before it imports a code location.
    script = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv) + 1]
    command = [sys.executable, *script, worker_process.name or "", count]
    os.execve(command[0], command, environment)  # noqa: S606 - no shell, our own arguments


@click.command("worker-process", hidden=True)
@click.argument("slots", type=int)
@pass_settings
def worker_process(settings: "Settings", slots: int) -> None:
    """Be a worker, in the environment that `worker` has prepared."""
    from chunk_assets.defs.resources import connect

    _check_instance(settings)
    connect(settings.model_copy(update={"s3_retry_seconds": 0}))  # a wrong endpoint fails at once
    from chunk_assets.cluster.worker import work

    def say(sentence: str) -> None:
        print(sentence, file=sys.stderr, flush=True)

    raise SystemExit(work(settings, slots, say))


def _check_broker(settings: "Settings") -> None:
    from redis import RedisError

    from chunk_assets.cluster.broker import address, client, redis_urls

    for variable, url in redis_urls(settings).items():
        try:
            with client(url) as redis:
                redis.ping()
        except (RedisError, ValueError) as error:
            raise SpecError(
                f"the Redis at {address(url)} cannot be used ({type(error).__name__}): see "
                f"{variable}"
            ) from None


def _check_instance(settings: "Settings") -> None:
    import dagster as dg
    from sqlalchemy.exc import SQLAlchemyError

    from chunk_assets.dagster_internals.instance import dagster_home

    home = dagster_home(settings)
    try:
        with dg.DagsterInstance.from_config(str(home)) as instance:
            launcher = type(instance.run_launcher).__name__
            instance.get_runs_count()
    except (SQLAlchemyError, ImportError) as error:
        raise SpecError(
            f"Dagster's database cannot be used ({type(error).__name__}): see "
            "CHUNK_ASSETS_POSTGRES_URL, which starts with postgresql+psycopg2://"
        ) from None
    if launcher != "FilmLauncher":
        raise click.ClickException(
            f"{str(home / 'dagster.yaml')!r} launches runs with {launcher}, which does not use "
            "workers: replace the file with deploy/dagster.yaml"
        )
