"""Which fault happens at which request of the fake Replicate."""

import random
import threading
from collections import defaultdict, deque
from typing import Any

from chunk_assets_tests.fake_faults import TRANSIENT, Fails, Faults, Reset, ServerError, TooMany


class FaultQueue:
    """Faults that a test queues, and random ones.

    Attributes:
        faults: The rates of random faults.
    """

    def __init__(self, faults: Faults | None = None):
        self.faults = faults or Faults()
        self.lock = threading.RLock()
        self._queued: dict[str, deque[Any]] = defaultdict(deque)
        self._always: dict[str, Any] = {}
        self._random = random.Random(self.faults.seed)

    def next(self, route: str, *faults: Any) -> None:
        """Queue faults for the next requests of a route, one each, in order.

        Routes: "POST /v1/predictions" (both ways to create), "GET /v1/predictions" (the list),
        "GET /v1/predictions/{id}", "POST /v1/predictions/{id}/cancel", "GET /v1/models",
        "GET /v1/versions", "POST /v1/files", "GET /v1/files", "DELETE /v1/files", "GET /delivery";
        and "prediction" for the course of the next predictions (`Takes`, `Fails`).
        """
        with self.lock:
            self._queued[route].extend(faults)

    def always(self, route: str, fault: Any) -> None:
        """Set the fault of every request of a route without a queued one."""
        with self.lock:
            self._always[route] = fault

    def calm(self) -> None:
        """Remove all faults, queued and random."""
        with self.lock:
            self._queued.clear()
            self._always.clear()
            self.faults = Faults()

    def take(self, route: str) -> Any:
        """Return the fault of the current request of a route, or None."""
        with self.lock:
            if self._queued[route]:
                return self._queued[route].popleft()
            if route in self._always:
                return self._always[route]
            chance, rates = self._random.random(), self.faults
            if route == "prediction":
                error = self._random.choice(TRANSIENT)
                return Fails(error) if chance < rates.failed else None
            kinds = (
                (rates.too_many, TooMany(rates.retry_after)),
                (rates.html_5xx, ServerError(self._random.choice((500, 502, 503)))),
                (rates.reset, Reset()),
            )
            for rate, fault in kinds:
                if chance < rate:
                    return fault
                chance -= rate
            return None
