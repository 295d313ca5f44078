"""The Redis that the machines of a cluster share, and all of its keys.

::

    chunk_assets:workers            the names of all workers
    chunk_assets:worker:{name}      a worker's heartbeat: its description; expires
    chunk_assets:run:{run id}       a run's heartbeat: the worker that executes it; expires
    chunk_assets:end:{run id}       why the slot must end the run: it is lost, or terminated
    (everything else)               Celery's
"""

from urllib.parse import urlsplit

from pydantic import SecretStr
from redis import Redis

from chunk_assets.errors import SpecError
from chunk_assets.settings import Settings

WORKERS = "chunk_assets:workers"

BEAT_SECONDS = 5.0
"""Seconds between the heartbeats of a worker."""

SILENT_SECONDS = 20
"""Seconds without a heartbeat after which a worker or slot counts as dead; three may be late."""

LOST, TERMINATED = "lost", "terminated"

END_SECONDS = 24 * 3600
"""How long the order to end a run stays readable; no host is cut off from Redis for longer."""

_SOCKETS = ("redis+socket", "unix")
_SCHEMES = ("redis", "rediss", *_SOCKETS)

_BROKER, _RESULT = "CHUNK_ASSETS_BROKER_URL", "CHUNK_ASSETS_RESULT_URL"


def worker_key(name: str) -> str:
    """Return the key of a worker's heartbeat."""
    return f"chunk_assets:worker:{name}"


def run_key(run_id: str) -> str:
    """Return the key of a run's heartbeat."""
    return f"chunk_assets:run:{run_id}"


def end_key(run_id: str) -> str:
    """Return the key under which a slot reads that its run must end: `LOST` or `TERMINATED`."""
    return f"chunk_assets:end:{run_id}"


def broker_url(settings: Settings) -> str:
    """Return the broker's URL; it may contain a password, so it must never be logged.

    Raises:
        SpecError: None is set, or it is not Redis.
    """
    return _checked(settings.broker_url, _BROKER)


def result_url(settings: Settings) -> str:
    """Return the URL of the Redis for heartbeats and results; it must never be logged.

    Raises:
        SpecError: None is set, or it is not Redis.
    """
    if settings.result_url is None:
        return broker_url(settings)
    return _checked(settings.result_url, _RESULT)


def connect(settings: Settings) -> Redis:
    """Return a client of the Redis for heartbeats and results; it connects when first used.

    Raises:
        SpecError: None is set, or it is not Redis.
    """
    return client(result_url(settings))


def client(url: str) -> Redis:
    """Return a client of the Redis at a URL; it connects when first used."""
    return Redis.from_url(
        url.replace("redis+socket://", "unix://"),
        decode_responses=True,
        socket_timeout=5,
        socket_connect_timeout=5,
        health_check_interval=30,
    )


def redis_urls(settings: Settings) -> dict[str, str]:
    """Return the URL of each Redis by the variable that names it: one, or two.

    Raises:
        SpecError: None is set, or it is not Redis.
    """
    broker, result = broker_url(settings), result_url(settings)
    return {_BROKER: broker} if result == broker else {_BROKER: broker, _RESULT: result}


def address(url: str) -> str:
    """Return the address in a Redis URL, `host:port` or a socket's path, without credentials."""
    parts = urlsplit(url)
    if parts.scheme in _SOCKETS:
        return parts.path
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}"


def _checked(url: SecretStr | None, variable: str) -> str:
    if url is None:
        raise SpecError(
            f"the environment variable {variable} is not set: it names the Redis that takes runs "
            "to the workers, such as redis://:password@host:6379/0"
        )
    scheme = urlsplit(text := url.get_secret_value()).scheme
    if scheme not in _SCHEMES:
        raise SpecError(
            f"the environment variable {variable} begins with {scheme!r}: "
            "expected a Redis URL, redis://host:6379/0 or rediss://host:6379/0"
        )
    return text
