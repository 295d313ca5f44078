"""The cluster: broker, workers and database connections."""

import time
from collections import Counter
from importlib.util import find_spec
from typing import Any

from chunk_assets.dagster_internals.instance import open_instance
from chunk_assets.doctor.findings import Finding, fails, not_configured, ok
from chunk_assets.settings import Settings

ONE_MACHINE = "CHUNK_ASSETS_BROKER_URL is not set: runs stay on this machine"

CONNECTIONS_A_SLOT, OTHER_CONNECTIONS = 2, 20
"""Connections to PostgreSQL: a run keeps one for runs and one for events (`cluster.connections`);
Dagit, the daemon and their code servers open others as needed."""


def broker(settings: Settings) -> Finding:
    """Check that the Redis that takes runs to the workers answers."""
    if settings.broker_url is None:
        return not_configured(ONE_MACHINE)
    if absent := [name for name in ("celery", "redis") if find_spec(name) is None]:
        advice = "pip install 'chunk-assets[cluster]'"
        return fails(f"a broker is set, but {' and '.join(absent)} is not installed", advice)
    from redis.exceptions import RedisError

    from chunk_assets.cluster.broker import address, client, redis_urls

    said = []
    for variable, url in redis_urls(settings).items():
        began = time.monotonic()
        try:
            with client(url) as redis:
                redis.ping()
                version = redis.info("server")["redis_version"]
        except (RedisError, OSError, ValueError) as error:
            return fails(
                f"the Redis at {address(url)} does not answer: {type(error).__name__}: {error}",
                f"check that it runs, and that {variable} is right",
            )
        said.append(f"Redis {version} answers in {(time.monotonic() - began) * 1000:.0f} ms")
    return ok(" and ".join(said))


def workers(settings: Settings) -> Finding:
    """Check that there are workers, and that all have the code of this machine."""
    from redis.exceptions import RedisError

    from chunk_assets.cluster.broker import connect
    from chunk_assets.cluster.workers import code_version, live_workers

    here = code_version()
    try:
        with connect(settings) as redis:
            found = live_workers(redis)
    except (RedisError, OSError) as error:
        return fails(f"workers cannot be listed: {type(error).__name__}", "check the broker")
    staying = [each for each in found if not each.is_leaving]
    if not staying:
        return fails("no worker is running", "start 'chunk-assets worker' on a host")
    other = [each for each in staying if each.code != here]
    if other:
        named = ", ".join(f"{each.name} has {each.code}" for each in other[:5])
        return fails(
            f"{len(other)} of {len(staying)} workers do not have this machine's code, {here}: "
            f"{named}",
            "install the same chunk_assets on each, and restart the workers",
        )
    hosts = Counter(each.host for each in staying)
    slots = sum(each.slots for each in staying)
    return ok(
        f"{len(staying)} workers with {slots} slots on {len(hosts)} hosts "
        f"({', '.join(sorted(hosts)[:10])}), code {here}"
    )


def connections(settings: Settings) -> Finding:
    """Check that PostgreSQL allows the connections that the workers' slots keep."""
    from chunk_assets.cluster.broker import connect
    from chunk_assets.cluster.workers import live_workers

    with open_instance(settings) as instance:
        storage: Any = instance.event_log_storage
        if not type(storage).__name__.startswith("Postgres"):
            return not_configured("Dagster's storage is not PostgreSQL")
        with storage.index_connection() as connection:
            allowed = int(connection.exec_driver_sql("SHOW max_connections").scalar())
    with connect(settings) as redis:
        slots = sum(each.slots for each in live_workers(redis))
    needed = CONNECTIONS_A_SLOT * slots + OTHER_CONNECTIONS
    measured = f"PostgreSQL allows {allowed} connections; {slots} slots and Dagit need {needed}"
    if allowed < needed:
        return fails(measured, f"set max_connections = {needed} or more in postgresql.conf")
    return ok(measured)
