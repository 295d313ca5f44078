"""The process that starts `weed` for a home, and stops it when no process uses it.

`main` takes two arguments (the directory and the path of `weed`), prints `ready` or the reason why
the server did not start, and leaves the supervisor running in the background. Three locks in the
directory coordinate the processes:

- `lease.lock`: shared by every user. The supervisor locks it exclusively when the last user has
  ended, until `weed` has stopped; a new user waits meanwhile, and then starts the server again.
- `supervisor.lock`: held by the one supervisor.
- `weed.lock`: inherited by `weed`, and contains its process id. If it is held without a
  supervisor, that supervisor was killed, and `weed` is left over. (On Linux the kernel ends `weed`
  with its supervisor; elsewhere the next supervisor does.)

Nothing but the standard library is imported: starting must take less than a second.
"""

import ctypes
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from chunk_assets.errors import StorageError
from chunk_assets.files.atomic import atomic_write
from chunk_assets.files.locks import FileLock
from chunk_assets.storage.local.lease import LEASE_LOCK, READY, SUPERVISOR_LOCK
from chunk_assets.storage.local.weed import (
    NotStarted,
    Server,
    choose_ports,
    weed_command,
    write_configuration,
)

START_SECONDS = 20.0
STOP_SECONDS = 1.5  # `weed` has closed its files after 1.2 s; on a full disk it never would
POLL_SECONDS = 0.1
LOG_BYTES = 16_000_000
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def take_over(deadline: float) -> bool:
    """Become the one supervisor; false if another one's server answers."""
    while time.monotonic() < deadline:
        with suppress(BlockingIOError):
            FileLock(Path(SUPERVISOR_LOCK), wait=False)  # until this process ends
            return True
        if (server := Server.load(Path())) and server.answers():
            return False
        time.sleep(0.05)
    raise NotStarted(f"another process has been starting it for {START_SECONDS:.0f} s")


def end_orphan(deadline: float) -> FileLock:
    """Kill a `weed` whose supervisor was killed; return the lock that our `weed` will inherit."""
    while time.monotonic() < deadline:
        with suppress(BlockingIOError):
            lock = FileLock(Path("weed.lock"), wait=False)
            os.truncate(lock.fileno(), 0)
            return lock
        with suppress(ValueError, OverflowError, ProcessLookupError):
            # 0 or a negative number would be a process group, 1 all processes.
            if (process := int(Path("weed.lock").read_text())) > 1:
                os.kill(process, signal.SIGKILL)
        time.sleep(0.05)
    raise NotStarted("an earlier `weed` is still using its files")


def remember(new_ports: bool) -> Server:
    """Write and return the record of the next server; its credentials never change."""
    known = Server.load(Path())
    server = Server(
        known.access_key_id if known else secrets.token_hex(10).upper(),
        known.secret_access_key if known else secrets.token_urlsafe(30),
        choose_ports({} if new_ports or not known else known.ports),
    )
    write(server)
    return server


def write(server: Server) -> None:
    """Write the record for other processes to read."""
    with atomic_write(Path("server.json")) as part:
        part.write_text(json.dumps(vars(server)))


def start(weed: str, deadline: float) -> tuple[subprocess.Popen[bytes], Server]:
    """Start `weed` and wait until it answers; if a port was taken meanwhile, try others.

    Raises:
        NotStarted: It ended, or did not answer in time.
    """
    inherited, supervisor = end_orphan(deadline).fileno(), os.getpid()
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def become_weed() -> None:
        if libc:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:  # the supervisor was killed before PDEATHSIG was set
            os._exit(1)
        os.pwrite(inherited, f"{os.getpid():<20}".encode(), 0)

    reason = ""
    for attempt in range(3):
        server, log_start = remember(new_ports=attempt > 0), os.fstat(2).st_size
        process = subprocess.Popen(
            weed_command(weed, server.ports),
            env={  # nothing of the user's: no proxy, AWS profile or `weed` settings
                "HOME": str(Path.cwd()),
                "AWS_ACCESS_KEY_ID": server.access_key_id,
                "AWS_SECRET_ACCESS_KEY": server.secret_access_key,
                # Without a limit it keeps 670 MB after eight concurrent uploads. It idles near
                # 190 MiB: with a limit that low it would collect garbage constantly, for a tenth
                # of a processor, and each request would take two or three times as long.
                "GOMEMLIMIT": "384MiB",
                "GOGC": "50",
            },
            stdin=subprocess.DEVNULL,
            stdout=2,
            pass_fds=(inherited,),
            preexec_fn=become_weed,
        )
        try:
            while process.poll() is None and time.monotonic() < deadline:
                if server.answers():
                    return process, server
                time.sleep(0.02)
            ended = process.poll() is not None
        except BaseException:
            stop(process, server)
            raise
        stop(process, server)
        happened = "ended" if ended else f"did not answer within {START_SECONDS:.0f} s"
        words = last_words(log_start)
        reason = f"{weed} {happened}; its log ends with {words!r}"
        if "not available" not in words and "in use" not in words:
            break
    raise NotStarted(reason)


def last_words(log_start: int) -> str:
    """Return the last error in the log from byte `log_start`, or its last line if there is none."""
    lines = Path("weed.log").read_bytes()[log_start:].decode(errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()] or [""]
    # glog's line: severity and date, time, file:line, message
    errors = [match[1] for line in said if (match := re.match(r"[EF]\d{4} \S+ \S+ (.+)", line))]
    return (errors or said)[-1]


def stop(process: subprocess.Popen[bytes], server: Server) -> None:
    """Terminate `weed`; kill it if it takes too long, which its files survive."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for flag, port in server.ports.items():  # left over when it was killed
        socket_name = f"seaweedfs-{flag.partition('.')[0]}-grpc-{port}.sock"
        with suppress(OSError):
            Path("/tmp", socket_name).unlink(missing_ok=True)  # noqa: S108 - `weed` puts it there


def serve(weed: str, report: Callable[[str], None]) -> None:
    """Report that the server is ready, and keep it running while it is used."""
    deadline = time.monotonic() + START_SECONDS
    if not take_over(deadline):
        report(READY)
        return
    Path("data").mkdir(exist_ok=True)
    # It has the flags of the last start, which would override ours.
    Path("data/mini.options").unlink(missing_ok=True)
    write_configuration()
    process, server = start(weed, deadline)
    try:
        report(READY)
        while process.poll() is None:
            with suppress(BlockingIOError):
                FileLock(Path(LEASE_LOCK), wait=False)  # until this process ends
                break
            if Server.load(Path()) != server:  # an editor or the disk has damaged it
                with suppress(StorageError):
                    write(server)
            if os.fstat(2).st_size > LOG_BYTES:
                os.truncate(2, 0)
            tighten()
            time.sleep(POLL_SECONDS)
    finally:
        stop(process, server)
        tighten()


def tighten() -> None:
    """Make private the files that `weed` creates readable despite the umask."""
    for path in Path("data").glob("*.vif"):
        with suppress(OSError):
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)


def main() -> None:
    """Start a supervisor in the background; print what it reports."""
    directory, weed = sys.argv[1:]
    os.umask(0o077)
    os.chdir(directory)
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        with os.fdopen(reader) as answer:
            print(answer.read())
        return
    os.close(reader)
    pipe = os.fdopen(writer, "w", errors="backslashreplace")
    log = os.open("weed.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream, target in enumerate((os.open(os.devnull, os.O_RDWR), log, log)):
        os.dup2(target, stream)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())

    def report(sentence: str) -> None:
        with suppress(OSError), pipe:  # the process that asked may have ended
            pipe.write(sentence)

    try:
        serve(weed, report)
    except (NotStarted, OSError, StorageError) as exc:
        if not pipe.closed:
            report(str(exc))
