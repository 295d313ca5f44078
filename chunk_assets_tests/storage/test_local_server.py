"""The local S3 server: the real `weed`, real processes that use it, real signals that end them."""

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError

from chunk_assets.errors import StorageError
from chunk_assets.files.locks import FileLock
from chunk_assets.storage.local.lease import Lease, lease
from chunk_assets.storage.local.weed import PARTS, Server, choose_ports, weed_command

pytestmark = pytest.mark.slow

BUCKET = "films"
KEY = "chunks/Zoë's film/chunk 01 + 100%.mp4"
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux's /proc")

USER = f"""
import sys
from pathlib import Path
from chunk_assets.storage.local.lease import lease
with lease(Path(sys.argv[1]), {BUCKET!r}) as held:
    print(held.endpoint.url, flush=True)
    sys.stdin.read()
"""


class User:
    """Another process that leases the server of `home` until its standard input ends."""

    def __init__(self, home: Path):
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def url(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def end(self, how: signal.Signals | None = None) -> None:
        if how is not None:
            os.killpg(self.process.pid, how)
        self.process.communicate(timeout=20)


@pytest.fixture
def start_user() -> Iterator[Callable[[Path], User]]:
    """Start users; those that are left at the end are killed."""
    users: list[User] = []

    def start(home: Path) -> User:
        users.append(User(home))
        return users[-1]

    yield start
    for user in users:
        if user.process.poll() is None:
            user.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of the server that the tests share who only ask it."""
    return tmp_path_factory.mktemp("a home, with Ünicode")


@pytest.fixture(scope="module")
def shared(home: Path) -> Iterator[Lease]:
    with lease(home, BUCKET) as held:
        yield held


@contextlib.contextmanager
def client(endpoint: Server, **changes: str) -> Iterator[BaseClient]:
    credentials = {
        "aws_access_key_id": endpoint.access_key_id,
        "aws_secret_access_key": endpoint.secret_access_key,
    }
    s3 = boto3.client(
        "s3",
        endpoint_url=endpoint.url,
        region_name="us-east-1",
        config=Config(retries={"max_attempts": 1}, proxies={}),
        **(credentials | changes),
    )
    yield s3
    s3.close()


def put(endpoint: Server, key: str, body: bytes) -> None:
    with client(endpoint) as s3:
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)


def get(endpoint: Server, key: str) -> bytes:
    with client(endpoint) as s3, s3.get_object(Bucket=BUCKET, Key=key)["Body"] as body:
        return body.read()


def weed_pid(home: Path) -> int:
    return int((home / "s3" / "weed.lock").read_text())


def seconds_till_gone(home: Path) -> float:
    """How long it takes till neither `weed` nor its supervisor lives; each holds a lock."""
    began = time.monotonic()
    for name in ("weed.lock", "supervisor.lock"):
        while True:
            with contextlib.suppress(BlockingIOError):
                FileLock(home / "s3" / name, wait=False).release()
                break
            assert time.monotonic() - began < 15, f"{name} is still held"
            time.sleep(0.02)
    return time.monotonic() - began


def fetch(url: str) -> tuple[int, bytes]:
    """The status and body of a plain request, as any program may send it."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=10) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.status or 0, refusal.read()


def refusal(ask: Callable[..., object], **arguments: object) -> int:
    """The status with which a request is refused."""
    with pytest.raises(ClientError) as caught:
        ask(Bucket=BUCKET, **arguments)
    return caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_an_object_comes_back_with_its_metadata(shared: Lease) -> None:
    """What is put under a key with spaces and umlauts comes back, with its metadata, and once."""
    metadata = {"sha256": "ab", "take": "2"}
    with client(shared.endpoint) as s3:
        s3.put_object(
            Bucket=BUCKET, Key=KEY, Body=b"clip", Metadata=metadata, ContentType="video/mp4"
        )

        stored = s3.head_object(Bucket=BUCKET, Key=KEY)
        assert stored["Metadata"] == metadata
        assert stored["ContentType"] == "video/mp4"
        assert refusal(s3.put_object, Key=KEY, Body=b"other", IfNoneMatch="*") == 412
    assert get(shared.endpoint, KEY) == b"clip"


def test_strangers_are_refused(shared: Lease) -> None:
    """A wrong secret, an unknown key and no credentials at all get 403, whatever they ask for."""
    put(shared.endpoint, "secret", b"unreleased")
    for changes in ({"aws_secret_access_key": "wrong"}, {"aws_access_key_id": "unknown"}):
        with client(shared.endpoint, **changes) as stranger:
            assert refusal(stranger.get_object, Key="secret") == 403
            assert refusal(stranger.list_objects_v2) == 403
            assert refusal(stranger.put_object, Key="secret", Body=b"") == 403
    for path in ("", f"/{BUCKET}", f"/{BUCKET}/secret"):
        assert fetch(shared.endpoint.url + path)[0] == 403


@linux_only
def test_it_listens_on_loopback_only(shared: Lease, home: Path) -> None:
    """Every port that `weed` opens is on 127.0.0.1, and it opens no others than those chosen."""
    descriptors = Path(f"/proc/{weed_pid(home)}/fd")
    sockets = {str(entry.readlink()) for entry in descriptors.iterdir()}
    listening = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            columns = line.split()
            address, _, port = columns[1].partition(":")
            if columns[3] == "0A" and f"socket:[{columns[9]}]" in sockets:
                listening.add((address, int(port, 16)))

    record = Server.load(home / "s3")
    assert record
    assert listening == {("0100007F", port) for port in record.ports.values()}


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
@pytest.mark.parametrize("part", [*PARTS, "admin"])
def test_the_ports_behind_s3_want_a_certificate(shared: Lease, home: Path, part: str) -> None:
    """A gRPC client without our certificate gets no answer from any part behind S3."""
    record = Server.load(home / "s3")
    assert record
    with socket.create_connection(("127.0.0.1", record.ports[f"{part}.port.grpc"]), 5) as stranger:
        stranger.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
        with contextlib.suppress(ConnectionResetError):
            answer = stranger.recv(64)
            http2_settings = 4
            assert answer[3:4] != bytes([http2_settings])


def test_files_are_the_owners_alone(shared: Lease, home: Path) -> None:
    """No other account can read the credentials or the objects, and `repr` hides the secret."""
    for path in (home / "s3", home / "s3" / "data"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "s3" / "server.json").stat().st_mode) == 0o600
    assert shared.endpoint.secret_access_key not in repr(shared.endpoint)


def test_a_second_user_keeps_the_server_of_the_first(
    tmp_path: Path, start_user: Callable[[Path], User]
) -> None:
    """Two processes share a server; it outlives the first and is gone 2 s after a killed second."""
    first = start_user(tmp_path)
    url = first.url()
    second = start_user(tmp_path)
    assert second.url() == url
    pid = weed_pid(tmp_path)

    first.end()
    time.sleep(0.5)
    record = Server.load(tmp_path / "s3")
    assert record
    assert record.answers()
    assert weed_pid(tmp_path) == pid
    second.end(signal.SIGKILL)

    assert seconds_till_gone(tmp_path) < 2


def test_it_is_gone_soon_after_its_user(tmp_path: Path, start_user: Callable[[Path], User]) -> None:
    """Two seconds after its user ends, by itself or by Ctrl-C, the server is gone."""
    ways = {tmp_path / "ends": None, tmp_path / "interrupted": signal.SIGINT}
    users = {home: start_user(home) for home in ways}
    urls = {home: user.url() for home, user in users.items()}
    for home, how in ways.items():
        users[home].end(how)

        assert seconds_till_gone(home) < 2
        with pytest.raises(urllib.error.URLError):
            fetch(urls[home])


def test_objects_and_links_survive_restarts(tmp_path: Path) -> None:
    """What one session stored, and a link to it, serve in the next; on another port if need be."""
    with lease(tmp_path, BUCKET) as held:
        put(held.endpoint, KEY, b"clip")
        with client(held.endpoint) as s3:
            link = s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": KEY}, 604_800)
        first = held.endpoint
    seconds_till_gone(tmp_path)

    with lease(tmp_path, BUCKET) as held:
        assert held.endpoint == first
        assert fetch(link) == (200, b"clip")
    seconds_till_gone(tmp_path)

    port = int(first.url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)), lease(tmp_path, BUCKET) as held:
        assert held.endpoint.url != first.url
        assert get(held.endpoint, KEY) == b"clip"


def test_a_killed_server_loses_nothing(tmp_path: Path) -> None:
    """What was put is there after `weed` is killed, and the next lease starts another `weed`."""
    bodies = {f"chunk_{number}": os.urandom(1 << 20) for number in range(3)}
    with lease(tmp_path, BUCKET) as held:
        for key, body in bodies.items():
            put(held.endpoint, key, body)
            os.kill(weed_pid(tmp_path), signal.SIGKILL)
            lease(tmp_path, BUCKET).release()

        assert {key: get(held.endpoint, key) for key in bodies} == bodies


@linux_only
def test_a_killed_supervisor_takes_its_server_along(tmp_path: Path) -> None:
    """No `weed` stays behind a killed supervisor, and the next lease serves the same objects."""
    with lease(tmp_path, BUCKET) as held:
        put(held.endpoint, KEY, b"clip")
        status = Path(f"/proc/{weed_pid(tmp_path)}/stat").read_text()
        os.kill(int(status.rpartition(")")[2].split()[1]), signal.SIGKILL)
        assert seconds_till_gone(tmp_path) < 2

        with lease(tmp_path, BUCKET) as again:
            assert get(again.endpoint, KEY) == b"clip"


def test_homes_are_apart_and_starts_meet(tmp_path: Path) -> None:
    """Users who start together get one server a home, and two homes have two servers."""
    homes = [tmp_path / name for name in ("one", "one", "one", "two")]
    with contextlib.ExitStack() as stack, ThreadPoolExecutor() as pool:
        leases = [stack.enter_context(held) for held in pool.map(lease, homes, [BUCKET] * 4)]
        one, *others, two = [held.endpoint for held in leases]

        assert others == [one, one]
        assert two.url != one.url
        put(one, KEY, b"clip")
        with client(two) as s3:
            assert refusal(s3.get_object, Key=KEY) == 404


def test_free_ports_are_kept() -> None:
    """Remembered ports are chosen again; of a set with a taken one, the S3 port is."""
    ports = choose_ports({})
    assert choose_ports(ports) == ports
    with socket.create_server(("127.0.0.1", ports["filer.port"])):
        others = choose_ports(ports)
    assert others["s3.port"] == ports["s3.port"]
    assert others["filer.port"] != ports["filer.port"]


def test_nothing_but_loopback_is_in_the_command() -> None:
    """The command binds every part to 127.0.0.1 and reports nothing to anybody."""
    command = weed_command("weed", {"s3.port": 20_001})
    assert {"-ip.bind=127.0.0.1", "-master.telemetry=false", "-s3.port=20001"} < {*command}


@pytest.mark.parametrize("bucket", ["", "Films", "a/b", "a b", "-a", "a" * 64])
def test_a_bucket_name_s3_refuses(tmp_path: Path, bucket: str) -> None:
    """A name that S3 does not allow is refused before anything is started."""
    with pytest.raises(StorageError, match="3 to 63 lowercase letters"):
        lease(tmp_path, bucket)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("obstacle", "is_directory", "reason"),
    [("s3", False, "File exists"), ("s3/supervisor.lock", True, "Is a directory")],
)
def test_a_home_that_cannot_be_used(
    tmp_path: Path, obstacle: str, is_directory: bool, reason: str
) -> None:
    """A home whose files cannot be made or opened is one sentence that names it and says why."""
    if is_directory:
        (tmp_path / obstacle).mkdir(parents=True)
    else:
        (tmp_path / obstacle).write_text("")
    with pytest.raises(StorageError, match=rf"/{obstacle}'.*{reason}.*directory of your own"):
        lease(tmp_path, BUCKET)


@pytest.mark.parametrize(
    ("weed", "sentence"),
    [
        (None, "pip install 'chunk_assets[local]'"),
        (
            "echo 'E1122 16:54:33.925096 mini.go:1244 out of luck'; exit 1",
            "ends with 'out of luck'",
        ),
        ("exit 3", "ended; its log ends with ''"),
    ],
)
def test_a_weed_that_is_not_there_or_does_not_start(
    tmp_path: Path, weed: str | None, sentence: str
) -> None:
    """Without `weed`, or with one that ends at once, one sentence says so."""
    if weed is not None:
        (tmp_path / "weed").write_text(f"#!/bin/sh\n{weed}\n")
        (tmp_path / "weed").chmod(0o755)
    root = str(Path(__file__).parents[2])

    user = subprocess.run(
        [sys.executable, "-S", "-c", USER, str(tmp_path / "home")],  # -S: without the wheel
        env={"PATH": str(tmp_path), "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=30,
    )

    last = user.stderr.strip().splitlines()[-1]
    assert last.startswith("chunk_assets.errors.StorageError: ")
    assert sentence in last


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_files_of_its_own_that_are_unusable_are_made_again(tmp_path: Path) -> None:
    """Certificate, key and record: empty, cut off, of another key; and the objects stay."""
    with lease(tmp_path, BUCKET) as held:
        put(held.endpoint, KEY, b"clip")
    directory = tmp_path / "s3"
    key, certificate = directory / "key.pem", directory / "cert.pem"
    usable = certificate.read_bytes()
    other = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -keyout other.pem -days 9"
    command = [*other.split(), "-out", "stranger.pem", "-config", "openssl.cnf"]
    subprocess.run(command, cwd=directory, check=True, capture_output=True)
    record = directory / "server.json"
    nonsense = b'{"access_key_id": 1, "secret_access_key": "", "ports": {}}'
    damages: list[dict[Path, bytes]] = [
        {certificate: b"", record: b""},
        {certificate: usable[: len(usable) // 2], record: b"[" * 100_000},
        {certificate: (directory / "stranger.pem").read_bytes(), record: nonsense},
        {key: b"\xff\x00", directory / "weed.lock": b"-1"},
    ]
    for damaged in damages:
        seconds_till_gone(tmp_path)
        for path, content in damaged.items():
            path.write_bytes(content)
        with lease(tmp_path, BUCKET) as held:
            assert get(held.endpoint, KEY) == b"clip"
        assert "[grpc]" in (directory / "security.toml").read_text()
        assert certificate.read_bytes() != usable
        usable = certificate.read_bytes()


def test_a_record_that_is_damaged_while_the_server_runs_is_written_again(tmp_path: Path) -> None:
    """The next command finds the running server."""
    with lease(tmp_path, BUCKET) as held:
        put(held.endpoint, KEY, b"clip")
        (tmp_path / "s3" / "server.json").write_text("garbage")
        with lease(tmp_path, BUCKET) as second:
            assert second.endpoint == held.endpoint
