"""Times in Dagster's records."""

from datetime import UTC, datetime, timedelta

import dagster as dg


def created(record: dg.RunRecord) -> datetime:
    """Return when a run was created."""
    return _aware(record.create_timestamp)


def silence(record: dg.RunRecord) -> timedelta:
    """Return how long ago a run was last updated."""
    return datetime.now(UTC) - _aware(record.update_timestamp)


def _aware(moment: datetime) -> datetime:
    """SQLite gives times without a zone, in UTC; PostgreSQL gives them with one."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
