"""What a worker needs before it begins: said in one sentence where it is missing."""

import os
import sys
from importlib.util import find_spec

import click
import dagster as dg

from chunk_assets.dagster_internals.instance import dagster_home
from chunk_assets.defs.resources import connect
from chunk_assets.errors import SpecError
from chunk_assets.settings import Settings


def serve_films(settings: Settings, slots: int) -> int:
    """Render films until a signal comes; gives the exit code.

    Raises:
        SpecError: Something that a worker needs is not set, or does not answer.
        StorageError: S3 cannot be used.
    """
    check(settings)
    from chunk_assets.cluster.worker import work

    # A database that does not answer is asked again, rather than waited for two minutes.
    os.environ.setdefault("PGCONNECT_TIMEOUT", "10")
    # So is an S3 that does not: nobody is at a terminal, and every film here would fail.
    os.environ.setdefault("CHUNK_ASSETS_S3_PATIENCE", "180")
    os.environ["DAGSTER_HOME"] = str(dagster_home(settings))
    # A run's own process would have the home from its environment: all slots have this one.
    os.environ["CHUNK_ASSETS_HOME"] = str(settings.home.resolve())

    def say(sentence: str) -> None:
        print(sentence, file=sys.stderr, flush=True)

    return work(settings, slots, say)


def check(settings: Settings) -> None:
    """See that a worker can begin.

    Raises:
        SpecError: Something that a worker needs is not set, or does not answer.
        StorageError: S3 cannot be used.
    """
    if find_spec("dagster_celery") is None or find_spec("dagster_postgres") is None:
        raise SpecError("this installation has no worker: pip install 'chunk_assets[cluster]'")
    if settings.bucket is None:
        raise SpecError(
            "a worker needs the S3 that all machines share: set CHUNK_ASSETS_BUCKET and the AWS "
            "variables"
        )
    _check_broker(settings)
    _check_instance(settings)
    connect(settings)


def _check_broker(settings: Settings) -> None:
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


def _check_instance(settings: Settings) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    home = dagster_home(settings)
    try:
        with dg.DagsterInstance.from_config(str(home)) as instance:
            launcher = type(instance.run_launcher).__name__
            instance.get_runs_count()
    except (SQLAlchemyError, ImportError) as error:
        raise SpecError(
            f"Dagster's database cannot be used ({type(error).__name__}): see "
            "CHUNK_ASSETS_POSTGRES_URL, which begins with postgresql+psycopg2://"
        ) from None
    if launcher != "FilmLauncher":
        raise click.ClickException(
            f"{str(home / 'dagster.yaml')!r} launches runs by {launcher}, which knows no workers: "
            "put deploy/dagster.yaml in its place"
        )
