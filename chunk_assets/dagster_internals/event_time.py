"""Times in Dagster's records of runs."""

from datetime import UTC, datetime, timedelta

import dagster as dg


def now() -> datetime:
    """Return this moment, as it can be compared with those below."""
    return datetime.now(UTC)


def created(record: dg.RunRecord) -> datetime:
    """Return when a run was created."""
    return _aware(record.create_timestamp)


def silence(record: dg.RunRecord) -> timedelta:
    """Return how long ago a run was last updated."""
    return now() - _aware(record.update_timestamp)


def _aware(moment: datetime) -> datetime:
    """Return a time with its zone: from SQLite it comes without one, in UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
