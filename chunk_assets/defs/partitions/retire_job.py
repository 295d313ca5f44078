"""The job that removes old finished films from the partition grid, and its nightly schedule."""

from datetime import timedelta

import dagster as dg
from pydantic import Field

from chunk_assets.defs.partitions.retirement import retire
from chunk_assets.defs.resources import FilmStore
from chunk_assets.defs.runs.failures import as_failures
from chunk_assets.settings import load_settings

OLDER_THAN_DAYS = 30
MAX_DAYS = 36500

MAX_LISTED = 1000
"""Limit on the films listed in a run's metadata."""


class RetireConfig(dg.Config):
    """Which films to retire."""

    older_than_days: float = Field(
        default=OLDER_THAN_DAYS,
        ge=0,
        le=MAX_DAYS,
        description="Retire films stitched and last submitted at least this many days ago.",
    )
    films: list[str] = Field(
        default=[], description="Only these films, if they are old enough; by default all films."
    )
    dry_run: bool = Field(default=False, description="Only log what would be retired.")


@dg.op
def retire_finished(context: dg.OpExecutionContext, config: RetireConfig, films: FilmStore) -> None:
    """Retire films, and list them in the log and in the output's metadata."""
    with as_failures():
        found = retire(
            context.instance,
            films.store(),
            load_settings(),
            names=config.films,
            older_than=timedelta(days=config.older_than_days),
            is_dry_run=config.dry_run,
            progress=lambda done, of: context.log.info(f"{done} of {of} films are checked"),
        )
    for name, why in found.left.items():
        context.log.info(f"film {name!r} is kept: {why}")
    context.add_output_metadata(
        {
            "dry_run": config.dry_run,
            "retired": len(found.retired),
            "films": dg.MetadataValue.json(found.retired[:MAX_LISTED]),
            "at_work": len(found.in_use),
            "unfinished": len(found.unfinished),
            "too_young": len(found.too_recent),
        }
    )


@dg.job(
    description=(
        "Remove finished films from the partition grid. Stored files stay; a film that is "
        "submitted again returns to the grid."
    ),
)
def retire_films() -> None:
    """Retire the finished films in the grid."""
    retire_finished()


retire_nightly = dg.ScheduleDefinition(
    name="retire_nightly",
    job=retire_films,
    cron_schedule="30 3 * * *",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description=f"Retires films finished for {OLDER_THAN_DAYS} days, each night at 3:30 UTC.",
)
