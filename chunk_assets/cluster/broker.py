"""The Redis that the machines of a cluster share, and its keys: they are nowhere else.

::

    chunk_assets:workers            the names of the workers that were ever heard of
    chunk_assets:worker:{name}      what a worker says of itself; gone when it is not heard of
    chunk_assets:run:{run id}       which slot is at the run; gone when that is not heard of
    chunk_assets:end:{run id}       what the slot is to know: the run is lost to it, or terminated
    (everything else)               Celery's
"""

from urllib.parse import urlsplit

from pydantic import SecretStr
from redis import Redis

from chunk_assets.errors import SpecError
from chunk_assets.settings import Settings

WORKERS = "chunk_assets:workers"

BEAT_SECONDS = 5.0
"""How often a worker and a slot say that they are alive."""

SILENT_SECONDS = 20
"""After so long without a word they are taken for dead: three beats may be lost or late."""

LOST, TERMINATED = "lost", "terminated"

END_SECONDS = 24 * 3600
"""How long it can be read: a host that was cut off for longer has been at nothing since."""

_SOCKETS = ("redis+socket", "unix")
_SCHEMES = ("redis", "rediss", *_SOCKETS)

_BROKER, _RESULT = "CHUNK_ASSETS_BROKER_URL", "CHUNK_ASSETS_RESULT_URL"


def worker_key(name: str) -> str:
    """Where a worker says what it is."""
    return f"chunk_assets:worker:{name}"


def run_key(run_id: str) -> str:
    """Where a slot says that it is at a run."""
    return f"chunk_assets:run:{run_id}"


def end_key(run_id: str) -> str:
    """Where a slot reads that its run is to end: `LOST` or `TERMINATED`."""
    return f"chunk_assets:end:{run_id}"


def broker_url(settings: Settings) -> str:
    """The broker's URL; it may hold a password, and is for no log and no error.

    Raises:
        SpecError: None is set, or it is not Redis.
    """
    return _checked(settings.broker_url, _BROKER)


def result_url(settings: Settings) -> str:
    """Where workers report; likewise.

    Raises:
        SpecError: None is set, or it is not Redis.
    """
    if settings.result_url is None:
        return broker_url(settings)
    return _checked(settings.result_url, _RESULT)


def connect(settings: Settings) -> Redis:
    """A client of the Redis where workers report; connects when it is first asked.

    Raises:
        SpecError: None is set, or it is not Redis.
    """
    return client(result_url(settings))


def client(url: str) -> Redis:
    """A client of the Redis at a URL; connects when it is first asked."""
    return Redis.from_url(
        url.replace("redis+socket://", "unix://"),
        decode_responses=True,
        socket_timeout=5,
        socket_connect_timeout=5,
        health_check_interval=30,
    )


def redis_urls(settings: Settings) -> dict[str, str]:
    """The URL of each Redis there is, by the variable that names it: one, or two.

    Raises:
        SpecError: None is set, or it is not Redis.
    """
    broker, result = broker_url(settings), result_url(settings)
    return {_BROKER: broker} if result == broker else {_BROKER: broker, _RESULT: result}


def address(url: str) -> str:
    """Where a Redis is, `host:port` or its socket's path: what may be shown of its URL."""
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
            f"the environment variable {variable} begins with {scheme!r}, which is no Redis: "
            "redis://host:6379/0 and rediss://host:6379/0 are known"
        )
    return text
