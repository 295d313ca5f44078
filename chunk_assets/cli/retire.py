"""`chunk-assets retire`: remove finished films from the partition grid."""

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from chunk_assets.cli.options import json_option, pass_settings
from chunk_assets.cli.terminal import plain, print_sentence

if TYPE_CHECKING:  # they import Dagster, which `--help` does not need
    from chunk_assets.defs.partitions.retirement import Retirement
    from chunk_assets.settings import Settings

_HOURS = {"h": 1, "d": 24, "w": 7 * 24}
_MAX_HOURS = 36500 * 24

SHOWN = 20
"""Limit on the films listed in the terminal; `--json` lists all."""


class Age(click.ParamType):
    """`30d`; also `12h`, `4w`."""

    name = "AGE"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Read an age."""
        match = re.fullmatch(r"\s*([0-9]{1,7})\s*([hdw])\s*", str(value))
        hours = int(match[1]) * _HOURS[match[2]] if match else _MAX_HOURS + 1
        if hours > _MAX_HOURS:
            self.fail(
                f"{value!r} is not an age: write 30d for days, 12h for hours or 4w for weeks; "
                "the limit is 36500d",
                param,
                ctx,
            )
        return timedelta(hours=hours)


@click.command(short_help="Remove finished films from Dagit's partition grid.")
@click.argument("videos", nargs=-1, metavar="[VIDEO]...")
@click.option(
    "--older-than",
    metavar="AGE",
    type=Age(),
    help="Retire films stitched and last submitted at least this long ago, such as 30d, 12h or 4w.",
)
@click.option(
    "--foreign", is_flag=True, help="Remove the partition keys that name no film and no chunk."
)
@click.option("--dry-run", is_flag=True, help="Only list what would be retired or removed.")
@json_option
@pass_settings
def retire(
    settings: "Settings",
    videos: tuple[str, ...],
    older_than: timedelta | None,
    foreign: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Remove finished films from the partition grid: the films VIDEO, or all that are old enough.

    A film is finished if it is stitched and nothing that it is made from was written since. A film
    with an active or queued run is kept. S3 and Dagster's history do not change; 'status VIDEO' and
    'page VIDEO' work as before. Submitting a retired film again, or changing its manifest, brings
    it back.

    With --foreign, remove only partition keys that were added by hand and name neither a film nor
    a chunk, such as 'seven'.
    """
    if foreign:
        if videos or older_than is not None:
            raise click.UsageError("--foreign cannot be combined with VIDEO or --older-than.")
        _remove_foreign(settings, dry_run, as_json)
        return
    if not videos and older_than is None:
        raise click.UsageError("Name the films to retire, or give --older-than AGE.")
    from chunk_assets.schemas import check_video_id

    for video in videos:
        check_video_id(video)
    from chunk_assets.dagster_internals.instance import open_instance
    from chunk_assets.defs.partitions import retirement
    from chunk_assets.defs.resources import connect

    store = connect(settings)
    with open_instance(settings) as instance:
        found = retirement.retire(
            instance,
            store,
            settings,
            names=videos,
            older_than=older_than,
            is_dry_run=dry_run,
        )
    if as_json:
        click.echo(json.dumps(_document(found, dry_run), indent=2))
    else:
        _tell(found, dry_run, named=bool(videos))


def _remove_foreign(settings: "Settings", is_dry_run: bool, as_json: bool) -> None:
    from chunk_assets.dagster_internals.instance import open_instance
    from chunk_assets.defs.partitions.definitions import shown
    from chunk_assets.defs.partitions.registry import foreign_keys, remove_foreign

    with open_instance(settings) as instance:
        found = foreign_keys(instance) if is_dry_run else remove_foreign(instance)
    if as_json:
        click.echo(json.dumps({"dry_run": is_dry_run, "foreign": found}, indent=2))
        return
    done = "would be removed" if is_dry_run else "removed"
    for dimension, keys in found.items():
        _list([f"{dimension} {shown(key)}" for key in keys], done)
    count = sum(map(len, found.values()))
    click.echo(f"{count} foreign partition {'key' if count == 1 else 'keys'} {done}.")


def _document(found: "Retirement", is_dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": is_dry_run,
        "retired": found.retired,
        "retired_before": found.already,
        "at_work": found.in_use,
        "unfinished": found.unfinished,
        "too_young": found.too_recent,
    }


def _tell(found: "Retirement", is_dry_run: bool, *, named: bool) -> None:
    done = "would be retired" if is_dry_run else "retired"
    _list(found.retired, done)
    for name in found.already:
        click.echo(f"{plain(name)}: retired already.")
    left = found.left if named else found.in_use
    for name, why in list(left.items())[:SHOWN]:
        click.echo(f"{plain(name)}: kept, {plain(why)}.")
    if len(left) > SHOWN:
        click.echo(f"{len(left) - SHOWN} more: kept; --json lists them.")
    if named:
        _list(found.too_recent, "kept, too recent")
    print_sentence(
        f"{_films(len(found.retired))} {done}. Kept: {len(found.too_recent)} too recent, "
        f"{len(found.unfinished)} unfinished, {len(found.in_use)} in use."
    )


def _list(names: list[str], what: str) -> None:
    for name in names[:SHOWN]:
        click.echo(f"{plain(name)}: {what}.")
    if len(names) > SHOWN:
        click.echo(f"{len(names) - SHOWN} more: {what}.")


def _films(count: int) -> str:
    return "1 film" if count == 1 else f"{count} films"
