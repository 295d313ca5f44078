"""`chunk-assets doctor`: whether this deployment has what it needs."""

import json
from typing import TYPE_CHECKING

import click

from chunk_assets.cli.options import json_option, read_settings
from chunk_assets.cli.terminal import plain, print_sentence

if TYPE_CHECKING:  # it brings Dagster and boto3, which `--help` has no use for
    from chunk_assets.doctor.findings import Result

MARKS = {
    "ok": "ok",
    "warning": "warn",
    "fails": "FAILS",
    "not configured": "-",
    "not looked at": "?",
}


@click.command(short_help="Check what this deployment needs: S3, Dagster, workers, FFmpeg.")
@json_option
def doctor(as_json: bool) -> None:
    """Check what this deployment needs, one line each: what was measured, and what to do.

    S3 is written to and cleaned up, nothing is paid for. What is marked - is not configured, and
    not missed; what is marked ? could not be looked at; what is marked warn works, but should be
    put right. Ends with 0 when nothing FAILS, and with 1 otherwise.
    """
    settings = read_settings()
    from chunk_assets.doctor.checks import GROUPS
    from chunk_assets.doctor.findings import examine

    results = list(examine(settings, GROUPS))
    is_clean = all(result.finding.state != "fails" for result in results)
    if as_json:
        click.echo(
            json.dumps({"clean": is_clean, "checks": list(map(_document, results))}, indent=2)
        )
    else:
        for result in results:
            print_sentence(_line(result), indent=" " * 6)
    raise SystemExit(0 if is_clean else 1)


def _document(result: "Result") -> dict[str, str]:
    found = result.finding
    return {
        "name": result.name,
        "state": found.state,
        "measured": found.measured,
        "advice": found.advice,
    }


def _line(result: "Result") -> str:
    found = result.finding
    advice = f" -> {found.advice}" if found.advice else ""
    return plain(f"{MARKS[found.state]:<6}{result.name:<22}{found.measured}{advice}")
