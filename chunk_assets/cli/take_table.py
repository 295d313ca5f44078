"""How `takes` shows the takes of a film."""

import json
from collections.abc import Sequence
from typing import Any

import click

from chunk_assets.checks.results import stored_results, take_results
from chunk_assets.cli.terminal import cut, print_sentence, print_table
from chunk_assets.film.bill import in_dollars
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.take_list import ChunkTake


def print_takes(objects: FilmObjects, takes: Sequence[ChunkTake]) -> None:
    """Print one line per take."""
    if not takes:
        click.echo("There are no takes: nothing is rendered yet.")
        return
    costs = in_dollars([take.record.cost_usd if take.record else 0.0 for take in takes])
    print_table(
        ["chunk", ">take", "", "state", "model", ">seed", ">cost", "checks", "original", "when"],
        [
            [
                f"{take.chunk_num:02d}",
                take.take,
                "chosen" if take.is_chosen else "",
                take.state,
                cut(take.record.made_by or take.record.model, 40) if take.record else "",
                take.record.seed if take.record else "",
                cost if take.record else "",
                _checks_text(_checks(objects, take)),
                _original_text(take),
                f"{take.record.made_at:%Y-%m-%d %H:%M}"
                if take.record and take.record.made_at
                else "",
            ]
            for take, cost in zip(takes, costs, strict=True)
        ],
        flexible="model",
    )
    size = sum(take.size for take in takes)
    print_sentence(f"{_counted(len(takes))} in {size / 1e6:.1f} MB. Times are UTC.")


def print_takes_json(objects: FilmObjects, takes: Sequence[ChunkTake]) -> None:
    """Print the takes as one JSON document."""
    rows = [_row(objects, take) for take in takes]
    click.echo(json.dumps({"video_id": objects.video_id, "takes": rows}, indent=2))


def _row(objects: FilmObjects, take: ChunkTake) -> dict[str, Any]:
    record = take.record
    named = {"generator", "model", "made_by", "seed", "cost_usd", "prediction_id"}
    known = record.model_dump(include=named) if record else dict.fromkeys(sorted(named))
    return {
        "chunk_num": take.chunk_num,
        "take": take.take,
        "is_chosen": take.is_chosen,
        "state": take.state,
        **known,
        "checks": _checks(objects, take),
        "original": _original_json(objects, take),
        "made_at": record.made_at.isoformat() if record and record.made_at else None,
        "pruned_at": record.pruned_at.isoformat() if record and record.pruned_at else None,
        "url": take.clip.uri if take.clip else None,
        "bytes": take.size,
    }


def _checks(objects: FilmObjects, take: ChunkTake) -> dict[str, Any] | None:
    """Return how many checks a take passed, and which it failed; None if it was not checked."""
    if take.clip is None:
        return None
    found = take_results(objects, take.chunk_num, take.take, take.clip)
    if found is None and take.is_chosen:  # checked before takes were kept
        found = stored_results(objects.store, objects.video_id, take.chunk_num, take.clip)
    if found is None:
        return None
    failed = [result.check for result in found if not result.passed]
    return {"passed": len(found) - len(failed), "of": len(found), "failed": failed}


def _checks_text(checks: dict[str, Any] | None) -> str:
    return f"{checks['passed']} of {checks['of']}" if checks else "not checked"


def _original_text(take: ChunkTake) -> str:
    original = take.record.original if take.record else None
    if original is None or take.original != "stored":
        return take.original
    if original.measured is None:
        return "cannot be read"
    measured = original.measured
    sound = "sound" if measured.has_sound else "no sound"
    return f"{measured.width}x{measured.height}, {measured.fps} fps, {sound}"


def _original_json(objects: FilmObjects, take: ChunkTake) -> dict[str, Any] | None:
    original = take.record.original if take.record else None
    if original is None:
        return None
    measured = original.measured
    return {
        "state": take.original,
        "url": objects.take(take.chunk_num, take.take, original.name).uri,
        "sha256": original.sha256,
        "bytes": original.size,
        "width": measured.width if measured else None,
        "height": measured.height if measured else None,
        "fps": measured.fps if measured else None,
        "frames": measured.frames if measured else None,
        "has_sound": measured.has_sound if measured else None,
        "has_content_credentials": measured.has_content_credentials if measured else None,
    }


def _counted(count: int) -> str:
    return "1 take" if count == 1 else f"{count} takes"
