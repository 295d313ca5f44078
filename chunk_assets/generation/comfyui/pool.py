"""Several servers as a pool: each clip goes to the one with the shortest queue."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count

from chunk_assets.errors import GenerationError, Rejected, TimedOut, Unavailable
from chunk_assets.generation.comfyui.server import Refused, Server
from chunk_assets.generation.stopping import StopSignal, pause


class ServerPool:
    """The servers of one film's generator; safe to use from many threads.

    Args:
        servers: One or more.
        rest_seconds: How long a server that did not respond gets no new prompt.
        log: Receives a sentence when a server is left out.
    """

    def __init__(self, servers: Sequence[Server], rest_seconds: float, log: Callable[[str], None]):
        self._servers, self._rest, self._log = tuple(servers), rest_seconds, log
        self._lock = threading.Lock()
        self._reserved = {server.label: 0 for server in servers}
        self._resting: dict[str, float] = {}
        self._refused: dict[str, GenerationError] = {}
        self._known: set[str] = set()
        self._turns = count()

    def __len__(self) -> int:
        """Return the number of servers."""
        return len(self._servers)

    def close(self) -> None:
        """Close all connections."""
        for server in self._servers:
            server.close()

    def find(self, label: str | None) -> Server | None:
        """Return the server with a label; None if the deployment no longer has it."""
        return next((server for server in self._servers if server.label == label), None)

    @contextmanager
    def chosen(self, seconds: float, stop: StopSignal) -> Iterator[Server]:
        """Yield the server for a new prompt; until the block ends it counts as one in its queue.

        Args:
            seconds: How long to wait for a server that responds.
            stop: Ends the wait.

        Raises:
            Rejected: No server is ComfyUI, or all refuse the workflow.
            Unavailable: None responds.
        """
        server = self._wait_for_one(seconds, stop)
        try:
            yield server
        finally:
            with self._lock:
                self._reserved[server.label] -= 1

    def refuse(self, server: Server, error: Refused) -> None:
        """Give a server no more prompts, because it refuses the workflow.

        Raises:
            Refused: The error, if no other server is left.
        """
        with self._lock:
            self._refused[server.label] = error
            is_last = len(self._refused) == len(self._servers)
        if is_last:
            raise error
        self._log(f"{error}; it gets no more clips of this film")

    def rest(self, server: Server) -> None:
        """Give a server no new prompt for a while, because it did not respond or ran out."""
        with self._lock:
            self._resting[server.label] = time.monotonic() + self._rest

    def _wait_for_one(self, seconds: float, stop: StopSignal) -> Server:
        began, between, is_logged = time.monotonic(), 0.5, False
        while True:
            try:
                return self._shortest(stop)
            except (Unavailable, TimedOut) as error:
                if time.monotonic() - began > seconds:
                    raise
                if not is_logged:
                    self._log(f"{error}; trying again for up to {seconds:g} s")
                is_logged = True
            pause(between, stop)
            between = min(2 * between, 10.0)

    def _shortest(self, stop: StopSignal) -> Server:
        """Return the server with the shortest queue, and count one more in it.

        Servers that rest are asked only if no other responds.
        """
        now = time.monotonic()
        resting = [one for one in self._servers if self._resting.get(one.label, now) > now]
        awake = [one for one in self._servers if one not in resting]
        lengths, errors = self._lengths(awake, stop)
        if not lengths and resting:
            lengths, more = self._lengths(resting, stop)
            errors += more
        if not lengths:
            temporary = [error for error in errors if not isinstance(error, Rejected)]
            raise (temporary or errors)[0]
        turn = next(self._turns)
        with self._lock:
            best = min(
                lengths,
                key=lambda one: (
                    lengths[one] + self._reserved[one.label],
                    (self._servers.index(one) - turn) % len(self._servers),
                ),
            )
            self._reserved[best.label] += 1
        return best

    def _lengths(
        self, servers: Sequence[Server], stop: StopSignal
    ) -> tuple[dict[Server, int], list[GenerationError]]:
        """Return the lengths of the queues, and why other servers take no prompt."""
        lengths: dict[Server, int] = {}
        errors: list[GenerationError] = []
        for server in servers:
            if server.label in self._refused:
                errors.append(self._refused[server.label])
                continue
            try:
                lengths[server] = self._length(server.stopped_by(stop))
            except Rejected as error:
                self._leave_out(server, error)
                errors.append(error)
            except GenerationError as error:
                self.rest(server)
                errors.append(error)
        return lengths, errors

    def _length(self, server: Server) -> int:
        if server.label not in self._known:
            server.version()
            self._known.add(server.label)
        return server.queue_length()

    def _leave_out(self, server: Server, error: Rejected) -> None:
        with self._lock:
            self._refused[server.label] = error
        if len(self._servers) > 1:
            self._log(f"{error}; the other servers are used")
