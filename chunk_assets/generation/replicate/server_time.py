"""Replicate's time, which decides how old a prediction is; this machine's clock may be wrong."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

NOTICED = timedelta(minutes=1)
"""From here on a difference between the clocks is said."""


class ServerClock:
    """The time by the `Date` header of Replicate's answers; this machine's until one has come.

    Args:
        say: Takes a sentence, once, when this machine's clock differs from Replicate's.
    """

    def __init__(self, say: Callable[[str], None]):
        self._say, self._lock = say, threading.Lock()
        self._heard: tuple[datetime, float] | None = None

    @property
    def is_known(self) -> bool:
        """Whether an answer has told Replicate's time."""
        return self._heard is not None

    def now(self) -> datetime:
        """Return the time, with its zone."""
        if (heard := self._heard) is None:
            return datetime.now(UTC)
        date, at = heard
        return date + timedelta(seconds=time.monotonic() - at)

    def hear(self, response: httpx.Response) -> None:
        """Take the time from an answer, unless it is a page of a proxy in between."""
        if "json" not in response.headers.get("content-type", ""):
            return
        try:
            date = parsedate_to_datetime(response.headers["date"])
        except (KeyError, ValueError, TypeError):
            return
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        with self._lock:
            is_first, self._heard = self._heard is None, (date, time.monotonic())
        ahead = datetime.now(UTC) - date
        if is_first and abs(ahead) > NOTICED:
            seconds = round(abs(ahead).total_seconds())
            self._say(
                f"this machine's clock is {seconds} s {'ahead of' if ahead > NOTICED else 'behind'}"
                " Replicate's: Replicate's time is used for predictions; set this machine's clock"
            )
