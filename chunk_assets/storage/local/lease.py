"""Leases on this machine's S3 server: SeaweedFS's `weed`, which runs while a process uses it.

Everything is in `home/s3/`, which only its owner can read: the objects (`data/`), the server's
random credentials and its ports (`server.json`), its log (`weed.log`). All of it is kept between
starts, and so is the S3 port if it is free: a link presigned yesterday works today.

All processes that use a home share one server. Each holds a shared lock on `lease.lock`, which the
kernel releases however the process ends; `supervisor` starts `weed` and stops it when that lock is
free.

Linux and macOS only: Windows has no `flock`.
"""

import http.client
import re
import subprocess
import sys
from pathlib import Path
from typing import Self

from chunk_assets.errors import StorageError
from chunk_assets.files.locks import FileLock, is_locked
from chunk_assets.files.private_home import private_home
from chunk_assets.storage.local.weed import Server, find_weed

LEASE_LOCK = "lease.lock"
SUPERVISOR_LOCK = "supervisor.lock"
READY = "ready"
_START_SECONDS = 45.0
# Without `site`, and with our package behind the standard library: ready 0.1 s earlier.
_SUPERVISOR = """\
import sys
sys.path.append(sys.argv.pop())
from chunk_assets.storage.local.supervisor import main
main()
"""
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class Lease:
    """This process's lease on a home's server, which stops when the last lease ends.

    A lease that is never released ends with the process. A forked child holds it too; a child that
    runs another program does not.
    """

    def __init__(self, endpoint: Server, lock: FileLock):
        self.endpoint = endpoint
        self._lock = lock

    def release(self) -> None:
        """End the lease; a second call does nothing."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.release()


def lease(home: Path, bucket: str) -> Lease:
    """Lease the S3 server of `home`, and start it if it is not running.

    Args:
        home: The parent of `s3/`, created if missing.
        bucket: Created if missing.

    Returns:
        The lease, also a context manager; its `endpoint` answers until it is released.

    Raises:
        StorageError: `weed` is missing or does not start, or `home` cannot be used.
    """
    if sys.platform == "win32":
        raise StorageError("the local S3 server runs on Linux and macOS, not on Windows")
    if not _BUCKET_NAME.fullmatch(bucket):
        raise StorageError(
            f"the bucket's name is {bucket!r}; expected 3 to 63 lowercase letters, digits, dots "
            "and hyphens, with a letter or a digit at both ends",
            bucket=bucket,
        )
    directory = Path(home).absolute() / "s3"
    private_home(directory.parent)
    try:
        directory.mkdir(exist_ok=True)
        directory.chmod(0o700)
    except OSError as exc:
        raise StorageError(
            f"the local S3 server cannot use {str(directory)!r}: {exc.strerror}; "
            "it needs a directory of your own on a local disk",
            directory=str(directory),
        ) from exc
    # Waits while a supervisor stops the server, which takes at most two seconds.
    lock = FileLock(directory / LEASE_LOCK, shared=True)
    try:
        server = _running(directory) or _start(directory)
        _create_bucket(server, bucket, directory)
    except BaseException:
        lock.release()
        raise
    return Lease(server, lock)


def _create_bucket(server: Server, bucket: str, directory: Path) -> None:
    status = server.ask("PUT", f"/{bucket}", timeout=20)
    if status not in (http.client.OK, http.client.CONFLICT):  # conflict: it exists
        raise StorageError(
            f"the local S3 server did not create the bucket {bucket!r} (HTTP status {status}); "
            f"see {str(directory / 'weed.log')!r}",
            bucket=bucket,
            status=status,
        )
    if status == http.client.OK:
        # In a new bucket the first objects take a second if written at once, but a tenth of one
        # if a single object is written first. If this fails, so will they, with a reason.
        first = f"/{bucket}/first"
        server.ask("PUT", first, timeout=20, body=b"makes room")
        server.ask("DELETE", first, timeout=20)


def _running(directory: Path) -> Server | None:
    """Return the server if it answers and has a supervisor."""
    if not is_locked(directory / SUPERVISOR_LOCK):
        return None
    server = Server.load(directory)
    return server if server and server.answers() else None


def _start(directory: Path) -> Server:
    """Start a supervisor, or wait for one that another process has just started."""
    root = str(Path(__file__).resolve().parents[3])
    try:
        report = subprocess.run(
            [sys.executable, "-IS", "-c", _SUPERVISOR, str(directory), find_weed(), root],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_START_SECONDS,
            start_new_session=True,  # a terminal's Ctrl-C must not reach the server
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
