"""The tables of films and chunks that `status` prints."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click

from chunk_assets.cli.chunk_details import (
    GONE,
    bill_json,
    chunk_costs,
    chunk_json,
    print_held,
    print_lost,
    slot,
)
from chunk_assets.cli.frontier import frontier
from chunk_assets.cli.terminal import cut, plain, print_sentence, print_table
from chunk_assets.defs.runs.film_progress import FilmProgress, FilmRun, film_progress
from chunk_assets.errors import ChunkAssetsError
from chunk_assets.film.bill import Bill, film_bill
from chunk_assets.film.chunk_states import ChunkState, chunk_states, clip_records
from chunk_assets.film.objects import FilmObjects, list_manifests
from chunk_assets.film.plan import FilmPlan, plan_film
from chunk_assets.film.quotes import Quotes
from chunk_assets.film.status import film_state, stored_film
from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore

_FILM_STATES = {"up to date": "fresh", "out of date": "stale", "missing": "missing"}

_STATES = {"stale": "out of date", "missing": "missing"}

Runs = Mapping[str, Sequence[FilmRun]]
"""The active runs that render, by film."""


def show_films(
    store: ObjectStore, retired: set[str], settings: Settings, runs: Runs, *, as_json: bool
) -> None:
    """Show one line per film that is not retired, or the reason why its animatic is unusable."""
    films: list[dict[str, Any]] = []
    away = 0
    for manifest in list_manifests(store):
        video_id = manifest.name
        if video_id in retired:
            away += 1
            continue
        try:
            plan = plan_film(store, video_id)
            states = list(chunk_states(plan, store))
            progress = film_progress(runs.get(video_id, ()), settings, video_id, states)
            bill = film_bill(store, video_id, clip_records(states))
            films.append(_summary(store, plan, states, bill, progress))
        except ChunkAssetsError as error:
            films.append({"video_id": video_id, "error": str(error)})
    if as_json:
        click.echo(json.dumps({"films": films, "retired": away}, indent=2))
        return
    if not films and not away:
        click.echo(
            f"There are no films at {store.uri('')} yet. 'chunk-assets render DIR' makes one."
        )
        return
    usable = [film for film in films if "error" not in film]
    if usable:
        names = ("chunks", "stale", "missing")
        print_table(
            ["video", *(f">{name}" for name in names), "film", ">cost"],
            [
                [
                    film["video_id"],
                    *(film[name] for name in names),
                    _state(film),
                    f"${film['cost_usd']:.2f}",
                ]
                for film in usable
            ],
            flexible="video",
        )
    for film in films:
        for note in film.get("cost_notes", ()):
            click.echo(f"{plain(film['video_id'])}: {plain(note)}")
        if "error" in film:
            print_sentence(f"{plain(film['video_id'])} cannot be used: {plain(film['error'])}")
    if away:
        click.echo(f"Retired: {away} (chunk-assets status --retired lists them).")


def _state(film: Mapping[str, Any]) -> str:
    """Describe the stitched film, or the progress of its rendering."""
    progress = film["rendering"]
    if progress is None:
        return film["film"]
    return f"{progress['state']} {progress['done']} of {progress['of']}"


def show_film(
    store: ObjectStore, video_id: str, settings: Settings, runs: Runs, *, as_json: bool
) -> None:
    """Show one line per chunk, and the film."""
    plan = plan_film(store, video_id)
    states = list(chunk_states(plan, store))
    bill = film_bill(store, video_id, clip_records(states))
    progress = film_progress(runs.get(video_id, ()), settings, video_id, states)
    now = progress.now if progress else ()
    summary = _summary(store, plan, states, bill, progress)
    quotes = Quotes(video_id, settings, store)
    changed = frontier(states, quotes) if summary["missing"] < len(states) else None
    if as_json:
        numbers = [state.spec.chunk_num for state in states]
        document = {
            **summary,
            "frontier": asdict(changed) if changed else None,
            "chunks": [chunk_json(state, bill) for state in states],
            **bill_json(bill, numbers),
        }
        click.echo(json.dumps(document, indent=2))
        return
    numbers = [state.spec.chunk_num for state in states]
    *costs, total = chunk_costs(bill, numbers)
    rows = [
        [
            f"{state.spec.chunk_num:02d}",
            cut(state.spec.beat.get("name", ""), 24),
            slot(state.spec),
            "rendering" if state.spec.chunk_num in now else _with_reason(state),
            state.clip.take if state.clip else "",
        ]
        for state in states
    ]
    rows += [[f"{one.chunk_num:02d}", GONE, "", "", ""] for one in bill.beyond(numbers)]
    print_table(
        ["chunk", "beat", ">film", "state", ">take", ">cost"],
        [[*row, cost] for row, cost in zip(rows, costs, strict=True)],
        flexible="state",
    )
    print_sentence(
        f"{video_id}: {summary['chunks']} chunks, {summary['stale']} stale, "
        f"{summary['missing']} missing; film {_state(summary)}; cost {total}"
    )
    print_lost(bill)
    print_held(states)
    for note in bill.other_notes:
        print_sentence(plain(note))
    if summary["page_url"]:
        print_sentence(f"Its page: {summary['page_url']} (or run: chunk-assets page {video_id})")
    if changed:
        later = (
            f", or up to ${changed.end_usd:.2f} if later chunks change too "
            f"(${changed.scene_usd:.2f} to the end of the scene, chunk {changed.scene_end:02d})"
        )
        print_sentence(
            f"Chunk {changed.chunk_num:02d} is {_STATES[states[changed.chunk_num].state]}. "
            f"Bringing the film up to date costs ${changed.keep_usd:.2f}"
            f"{later if changed.end_usd > changed.keep_usd else ''}."
        )


def _with_reason(state: ChunkState) -> str:
    if state.accepted is not None:
        by = cut(state.accepted.by, 40)
        return f"{state.state}: accepted by {by} on {state.accepted.at:%Y-%m-%d}"
    return f"{state.state}: {state.reason}" if state.reason else state.state


def _summary(
    store: ObjectStore,
    plan: FilmPlan,
    states: list[ChunkState],
    bill: Bill,
    progress: FilmProgress | None,
) -> dict[str, Any]:
    output = stored_film(store, plan.video_id)
    film = film_state(plan, [state.stored for state in states], output)
    page = FilmObjects(store, plan.video_id).page()
    return {
        "video_id": plan.video_id,
        "chunks": len(states),
        "stale": sum(state.state == "stale" for state in states),
        "missing": sum(state.state == "missing" for state in states),
        "film": _FILM_STATES[film],
        "rendering": progress
        and {
            "state": "queued" if progress.is_queued else "rendering",
            "done": progress.done,
            "of": progress.planned,
            "chunks_now": list(progress.now),
        },
        "film_url": output.stitched_video_url if output else None,
        "page_url": page.uri if page.head() else None,
        "cost_usd": bill.total_usd,
        "unknown_usd": bill.unknown_usd,
        "cost_notes": bill.notes,
    }
