"""Progress of the films that are being rendered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import dagster as dg

from chunk_assets.dagster_internals import event_time
from chunk_assets.dagster_internals.instance import TERMINAL_TAG
from chunk_assets.defs.partitions.definitions import by_film
from chunk_assets.defs.runs import coverage
from chunk_assets.defs.runs.active_runs import ACTIVE, LOST_AFTER, is_in_terminal
from chunk_assets.defs.runs.backfills import root_run
from chunk_assets.defs.runs.chunk_locks import locked_chunks
from chunk_assets.film.chunk_states import ChunkState
from chunk_assets.settings import Settings

_MAX_SILENCE = timedelta(minutes=2)
"""How long a live run on this machine may hold no chunk, while it plans or the machine is busy."""


@dataclass(frozen=True)
class FilmRun:
    """An active run that renders chunks of a film.

    Attributes:
        chunk_nums: The chunks it was launched for.
        root: The id under which its takes are recorded.
        keeps_matching: Whether it keeps chunks that are up to date.
        is_queued: Whether it has not begun.
    """

    chunk_nums: frozenset[int]
    root: str
    keeps_matching: bool
    is_queued: bool

    def has_done(self, state: ChunkState) -> bool:
        """Return whether the run does not, or no longer, need to render a chunk."""
        if state.spec.chunk_num not in self.chunk_nums or state.clip is None:
            return state.spec.chunk_num not in self.chunk_nums
        is_kept = self.keeps_matching and state.state == "fresh"
        return is_kept or state.clip.root_run == self.root


@dataclass(frozen=True)
class FilmProgress:
    """Progress of a film that is being rendered.

    Attributes:
        done: How many of its chunks the active runs have rendered or will leave unchanged.
        planned: How many chunks it has.
        now: The chunks that are being rendered on this machine.
        is_queued: Whether no run has begun.
    """

    done: int
    planned: int
    now: Sequence[int]
    is_queued: bool


def film_runs(instance: dg.DagsterInstance, settings: Settings) -> dict[str, list[FilmRun]]:
    """Return the runs that render, by film; those whose process was killed are left out."""
    found: dict[str, list[FilmRun]] = {}
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(ACTIVE))):
        run = record.dagster_run
        if not coverage.renders_clips(run):
            continue
        is_queued = run.status is dg.DagsterRunStatus.QUEUED
        silence = event_time.silence(record)
        for video_id, numbers in by_film(coverage.chunk_keys(instance, run)).items():
            if is_queued or _is_alive(settings, run, video_id, silence):
                active = FilmRun(frozenset(numbers), root_run(run), _keeps_matching(run), is_queued)
                found.setdefault(video_id, []).append(active)
    return found


def film_progress(
    runs: Sequence[FilmRun], settings: Settings, video_id: str, states: Sequence[ChunkState]
) -> FilmProgress | None:
    """Return a film's progress; None if no run renders it.

    Args:
        runs: The film's active runs.
        settings: This machine's settings; its locks show which chunks are being rendered.
        video_id: The film.
        states: The film's chunks.
    """
    if not runs:
        return None
    done = sum(all(run.has_done(state) for run in runs) for state in states)
    now = sorted(locked_chunks(settings.home, video_id))
    return FilmProgress(done, len(states), now, all(run.is_queued for run in runs) and not now)


def chunk_holder(
    instance: dg.DagsterInstance, settings: Settings, video_id: str, chunk_num: int
) -> str:
    """Return which run renders a chunk, such as "run 1a2b3c4d"; empty if none does.

    A queued run has not begun, so it does not count.
    """
    for run in film_runs(instance, settings).get(video_id, ()):
        if chunk_num in run.chunk_nums and not run.is_queued:
            return f"run {run.root[:8]}"
    return "another run" if chunk_num in locked_chunks(settings.home, video_id) else ""


def _keeps_matching(run: dg.DagsterRun) -> bool:
    ops: Any = run.run_config.get("ops") or {}
    return ops.get("film_chunks", {}).get("config", {}).get("reuse") == "matching"


def _is_alive(settings: Settings, run: dg.DagsterRun, video_id: str, silence: timedelta) -> bool:
    if TERMINAL_TAG in run.tags:
        return is_in_terminal(settings, video_id)
    if settings.broker_url is not None:  # it may be on another machine
        return silence < LOST_AFTER
    return silence < _MAX_SILENCE or any(True for _ in locked_chunks(settings.home, video_id))
