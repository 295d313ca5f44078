"""Times in Dagster's records of runs."""

from datetime import UTC, datetime, timedelta

import dagster as dg


def now() -> datetime:
    """Return the current time, in a form that can be compared with the times below."""
    return datetime.now(UTC)


def created(record: dg.RunRecord) -> datetime:
    """Return when a run was created."""
    return _aware(record.create_timestamp)


def silence(record: dg.RunRecord) -> timedelta:
    """Return how long ago a run was last updated."""
    return now() - _aware(record.update_timestamp)


def _aware(moment: datetime) -> datetime:
    """Return a time with its zone; SQLite returns UTC without one."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
