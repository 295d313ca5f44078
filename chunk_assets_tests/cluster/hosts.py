"""Hosts to test with: network namespaces with addresses of their own, joined by a bridge.

Where the machine has none to give (no root, no `ip`), a host is the processes that were started for
it, all on loopback: what cuts one off then does not work, and `Studio.has_network` says so.
"""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

_MARK = "CHUNK_ASSETS_TEST_HOST"
"""An environment variable by which a host's processes are found."""


@dataclass
class Host:
    """A machine, as far as the network, its name and its processes go."""

    name: str
    address: str
    namespace: str | None = None
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(
        self, command: list[str], log: Path, environment: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        """Start a process of this host."""
        prefix: list[str] = []
        if self.namespace:
            named = 'hostname "$0" && exec "$@"'
            prefix = ["ip", "netns", "exec", self.namespace, "unshare", "--uts"]
            prefix += ["sh", "-c", named, self.name]
        with log.open("a") as output:
            process = subprocess.Popen(
                [*prefix, *command],
                env={**environment, _MARK: self.mark},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_heedful,
            )
        self.processes.append(process)
        return process

    @property
    def mark(self) -> str:
        """Tells this host's processes."""
        return f"{self.namespace or self.address}/{self.name}"

    def pids(self) -> list[int]:
        """Its processes, those which others of it have started among them."""
        mine = f"{_MARK}={self.mark}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mine in (path / "environ").read_bytes().split(b"\0"):
                    found.append(int(path.name))
        return found

    def kill(self) -> None:
        """Cut its power: all of its processes are gone at once."""
        while pids := self.pids():
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for process in self.processes:
                process.poll()
        while self.processes:
            self.processes.pop().wait(10)

    def cut(self) -> None:
        """Pull its network cable."""
        _ip("link", "set", f"{self.namespace}h", "down")

    def mend(self) -> None:
        """Put it in again."""
        _ip("link", "set", f"{self.namespace}h", "up")


@dataclass
class Studio:
    """The network: an address where the servers are, and hosts that reach it."""

    address: str
    hosts: list[Host]
    has_network: bool


@contextmanager
def studio(*names: str) -> Iterator[Studio]:
    """Hosts of these names; all that was made for them is gone after the block."""
    if os.geteuid() != 0 or shutil.which("ip") is None or not _can_make_namespaces():
        hosts = [Host(name, "127.0.0.1") for name in names]
        try:
            yield Studio("127.0.0.1", hosts, has_network=False)
        finally:
            for host in hosts:
                host.kill()
        return
    name, net = f"ca{secrets.token_hex(3)}", f"10.{secrets.randbelow(200) + 20}.77"
    hosts = []
    try:
        _ip("link", "add", name, "type", "bridge")
        _ip("address", "add", f"{net}.1/24", "dev", name)
        _ip("link", "set", name, "up")
        for number, host_name in enumerate(names):
            host = Host(host_name, f"{net}.{number + 2}", f"{name}{number}")
            hosts.append(host)
            _join(host, name)
        yield Studio(f"{net}.1", hosts, has_network=True)
    finally:
        for host in hosts:
            host.kill()
            with suppress(AssertionError):
                _ip("netns", "delete", str(host.namespace))
        with suppress(AssertionError):
            _ip("link", "delete", name)


def _join(host: Host, bridge: str) -> None:
    space = str(host.namespace)
    _ip("netns", "add", space)
    _ip("link", "add", f"{space}h", "type", "veth", "peer", "name", "eth0", "netns", space)
    _ip("link", "set", f"{space}h", "master", bridge, "up")
    for arguments in (
        ["address", "add", f"{host.address}/24", "dev", "eth0"],
        ["link", "set", "eth0", "up"],
        ["link", "set", "lo", "up"],
    ):
        _ip("-n", space, *arguments)


def _can_make_namespaces() -> bool:
    name = f"ca{secrets.token_hex(3)}"
    try:
        _ip("netns", "add", name)
        _ip("link", "add", name, "type", "bridge")
        _ip("link", "delete", name)
        _ip("netns", "exec", name, "unshare", "--uts", "true")
    except AssertionError:
        return False
    finally:
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
    return True


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"


def _heedful() -> None:
    # A test runner in the background has it ignored, and that is inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
