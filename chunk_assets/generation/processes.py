"""Names of processes, as the ledger records who made a request."""

import os
import socket
import uuid


def process_name() -> str:
    """Return a unique name for one user of this process: "host:pid:random"."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def may_be_running(name: str) -> bool:
    """Return False only if the named process ran on this host and has ended."""
    host, _, pid = name.rpartition(":")[0].rpartition(":")
    if host != socket.gethostname() or not pid.isdecimal():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
