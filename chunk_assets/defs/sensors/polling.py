"""Sensors that wait within a tick: Dagster's daemon looks at each of them every 5 s only."""

import time

from chunk_assets.settings import Settings

_EVERY = 0.5
"""Seconds between two looks in one tick."""


class Patience:
    """How long a tick goes on looking, from now on (`Settings.sensor_poll_seconds`).

    A tick that has found something ends, since Dagster acts on it behind the tick.
    """

    def __init__(self, settings: Settings):
        self._until = time.monotonic() + settings.sensor_poll_seconds

    def is_left(self) -> bool:
        """Whether there is time for another pause and another look."""
        return time.monotonic() + _EVERY < self._until

    def pause(self) -> None:
        """Wait until the next look."""
        time.sleep(_EVERY)
