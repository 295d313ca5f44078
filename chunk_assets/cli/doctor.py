"""`chunk-assets doctor`: check what this deployment needs."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from chunk_assets.cli.options import json_option, pass_settings
from chunk_assets.cli.terminal import plain, print_sentence

if TYPE_CHECKING:  # they import Dagster and boto3, which `--help` does not need
    from chunk_assets.doctor.findings import Result
    from chunk_assets.settings import Settings

MARKS = {
    "ok": "ok",
    "warning": "warn",
    "fails": "FAILS",
    "not configured": "-",
    "not looked at": "?",
}


@click.command(short_help="Check what this deployment needs: S3, Dagster, workers, FFmpeg.")
@json_option
@pass_settings
def doctor(settings: "Settings", as_json: bool) -> None:
    """Check what this deployment needs. Each line has a measurement and what to do about it.

    A scratch object is written to S3 and removed; nothing is paid for. Marks: - is not configured
    and not needed, ? could not be checked, warn works but should be fixed. The exit code is 1 if a
    check FAILS, otherwise 0.
    """
    from chunk_assets.doctor.checks import GROUPS
    from chunk_assets.doctor.findings import examine

    results = list(examine(settings, GROUPS))
    is_clean = all(result.finding.state != "fails" for result in results)
    if as_json:
        checks = [{"name": result.name, **asdict(result.finding)} for result in results]
        click.echo(json.dumps({"clean": is_clean, "checks": checks}, indent=2))
    else:
        for result in results:
            print_sentence(_line(result), indent=" " * 6)
    raise SystemExit(0 if is_clean else 1)


def _line(result: "Result") -> str:
    found = result.finding
    advice = f" -> {found.advice}" if found.advice else ""
    return plain(f"{MARKS[found.state]:<6}{result.name:<22}{found.measured}{advice}")
