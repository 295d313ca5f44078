"""The live workers, by their heartbeats in Redis."""

import hashlib
import json
import os
import platform
import secrets
import socket
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from redis import Redis

from chunk_assets.cluster.broker import SILENT_SECONDS, WORKERS, worker_key

_CODE = frozenset({".py", ".toml", ".css", ".j2"})


@dataclass(frozen=True)
class Worker:
    """A worker's description of itself, sent with each heartbeat.

    Attributes:
        name: `host:pid:random`; a restarted worker has another name.
        host: The host's name.
        slots: How many films it renders concurrently.
        code: The code it has imported, `code_version()` there.
        python: Its Python's version.
        is_leaving: Whether it was asked to stop, and takes no more films.
    """

    name: str
    host: str
    slots: int
    code: str
    python: str
    is_leaving: bool = False


def this_worker(slots: int) -> Worker:
    """Describe this process as a worker, under a new name."""
    host = socket.gethostname()
    name = f"{host}:{os.getpid()}:{secrets.token_hex(4)}"
    return Worker(name, host, slots, code_version(), platform.python_version())


def beat(redis: Redis, worker: Worker) -> None:
    """Send a worker's heartbeat."""
    with redis.pipeline(transaction=True) as pipe:
        pipe.set(worker_key(worker.name), json.dumps(asdict(worker)), ex=SILENT_SECONDS)
        pipe.sadd(WORKERS, worker.name)
        pipe.execute()


def forget(redis: Redis, worker: Worker) -> None:
    """Remove a worker that has ended."""
    redis.delete(worker_key(worker.name))
    redis.srem(WORKERS, worker.name)


def live_workers(redis: Redis) -> list[Worker]:
    """Return the workers with a current heartbeat, by name, including those that are leaving."""
    names = sorted(str(name) for name in redis.smembers(WORKERS))
    if not names:
        return []
    said = redis.mget([worker_key(name) for name in names])
    silent = [name for name, text in zip(names, said, strict=True) if text is None]
    if silent:
        redis.srem(WORKERS, *silent)  # one that is only slow adds itself again
    return [Worker(**json.loads(text)) for text in said if text is not None]


@cache
def code_version() -> str:
    """Return the version and a digest of the installed code, such as `0.1.0+3f9c2a1b`.

    Machines must have the same to render films alike.
    """
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.suffix in _CODE:
            digest.update(f"{path.relative_to(package).as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return f"{version('chunk_assets')}+{digest.hexdigest()[:8]}"
