"""Replicate's time, which decides the age of predictions: this machine's clock may be wrong."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

NOTICED = timedelta(minutes=1)
"""The smallest difference between the clocks that is reported."""


class ServerClock:
    """Reads the time from the `Date` header of responses; before the first, uses this machine's.

    Args:
        log: Receives one sentence if this machine's clock differs from Replicate's.
    """

    def __init__(self, log: Callable[[str], None]):
        self._log, self._lock = log, threading.Lock()
        self._last: tuple[datetime, float] | None = None

    @property
    def is_known(self) -> bool:
        """Whether Replicate's time is known."""
        return self._last is not None

    def now(self) -> datetime:
        """Return the time, with its zone."""
        if (last := self._last) is None:
            return datetime.now(UTC)
        date, at = last
        return date + timedelta(seconds=time.monotonic() - at)

    def update(self, response: httpx.Response) -> None:
        """Read the time from a response, unless it is a proxy's page."""
        if "json" not in response.headers.get("content-type", ""):
            return
        try:
            date = parsedate_to_datetime(response.headers["date"])
        except (KeyError, ValueError, TypeError):
            return
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        with self._lock:
            is_first, self._last = self._last is None, (date, time.monotonic())
        ahead = datetime.now(UTC) - date
        if is_first and abs(ahead) > NOTICED:
            seconds = round(abs(ahead).total_seconds())
            self._log(
                f"this machine's clock is {seconds} s {'ahead of' if ahead > NOTICED else 'behind'}"
                " Replicate's: Replicate's time is used for predictions; set this machine's clock"
            )
