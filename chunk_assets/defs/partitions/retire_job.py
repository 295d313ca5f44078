"""The job that takes old finished films out of the partition grid, and its nightly schedule."""

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
"""Names in the metadata of a run."""


class RetireConfig(dg.Config):
    """Which films leave the grid."""

    older_than_days: float = Field(
        default=OLDER_THAN_DAYS,
        ge=0,
        le=MAX_DAYS,
        description="Films leave that were stitched, and last submitted, before so many days.",
    )
    films: list[str] = Field(
        default=[], description="Only these films, if they are as old; all without."
    )
    dry_run: bool = Field(default=False, description="Only say in the log what would leave.")


@dg.op
def retire_finished(context: dg.OpExecutionContext, config: RetireConfig, films: FilmStore) -> None:
    """Retire films, and say in the log and in the output's metadata which."""
    with as_failures():
        found = retire(
            context.instance,
            films.store(),
            load_settings(),
            names=config.films,
            older_than=timedelta(days=config.older_than_days),
            is_dry_run=config.dry_run,
            progress=lambda done, of: context.log.info(f"{done} of {of} films are dealt with"),
        )
    for name, why in found.left.items():
        context.log.info(f"film {name!r} stays: {why}")
    context.add_output_metadata(
        {
            "dry_run": config.dry_run,
            "retired": len(found.retired),
            "films": dg.MetadataValue.json(found.retired[:MAX_LISTED]),
            "at_work": len(found.at_work),
            "unfinished": len(found.unfinished),
            "too_young": len(found.too_young),
        }
    )


@dg.job(
    description=(
        "Take finished films out of the partition grid. What is stored stays, a film that is "
        "submitted again comes back."
    ),
)
def retire_films() -> None:
    """One look at every film in the grid."""
    retire_finished()


retire_nightly = dg.ScheduleDefinition(
    name="retire_nightly",
    job=retire_films,
    cron_schedule="30 3 * * *",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description=f"Retires what is finished for {OLDER_THAN_DAYS} days, each night at 3:30 UTC.",
)
