"""Which films are being rendered at this moment, and how far each of them is."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from chunk_assets.dagster_internals.instance import TERMINAL_TAG
from chunk_assets.defs.partitions.definitions import by_film, chunks, read_chunk_key
from chunk_assets.defs.runs import active_films
from chunk_assets.defs.runs.backfills import CLIPS, root_run
from chunk_assets.errors import StorageError
from chunk_assets.files.locks import is_locked
from chunk_assets.film.chunk_states import ChunkState
from chunk_assets.settings import Settings

_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")

_SILENCE = timedelta(minutes=2)
"""How long a run on this machine may hold no chunk: it plans, or waits for the machine."""


@dataclass(frozen=True)
class ActiveRun:
    """One run that renders chunks of a film.

    Attributes:
        chunk_nums: The chunks it was asked for.
        root: What its takes are recorded under.
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
class Rendering:
    """How far a film is that is being rendered.

    Attributes:
        done: How many of its chunks the active runs have rendered, or leave as they are.
        planned: How many chunks it has.
        now: The chunks that are in work on this machine.
        is_queued: Whether no run has begun.
    """

    done: int
    planned: int
    now: Sequence[int]
    is_queued: bool


def active_runs(instance: dg.DagsterInstance, settings: Settings) -> dict[str, list[ActiveRun]]:
    """Return the runs that render, by film; those whose process was killed are left out."""
    found: dict[str, list[ActiveRun]] = {}
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(active_films.ACTIVE))):
        run = record.dagster_run
        selected = run.asset_selection
        if run.job_name != "render_chunks" and (selected is None or CLIPS not in selected):
            continue
        is_queued = run.status is dg.DagsterRunStatus.QUEUED
        heard = record.update_timestamp
        silence = datetime.now(UTC) - (heard if heard.tzinfo else heard.replace(tzinfo=UTC))
        for video_id, numbers in by_film(_partitions(instance, run)).items():
            if not is_queued and not _is_alive(settings, run, video_id, silence):
                continue
            active = ActiveRun(frozenset(numbers), root_run(run), _keeps_matching(run), is_queued)
            found.setdefault(video_id, []).append(active)
    return found


def rendering(
    runs: Sequence[ActiveRun], settings: Settings, video_id: str, states: Sequence[ChunkState]
) -> Rendering | None:
    """Return how far a film is; None if no run renders it.

    Args:
        runs: The film's active runs.
        settings: Of this machine, whose locks tell which chunks are in work.
        video_id: The film.
        states: The film's chunks.
    """
    if not runs:
        return None
    done = sum(all(run.has_done(state) for run in runs) for state in states)
    now = sorted(_held(settings, video_id))
    return Rendering(done, len(states), now, all(run.is_queued for run in runs) and not now)


def _keeps_matching(run: dg.DagsterRun) -> bool:
    ops: Any = run.run_config.get("ops") or {}
    return ops.get("film_chunks", {}).get("config", {}).get("reuse") == "matching"


def _partitions(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Sequence[str]:
    if active_films.PARTITION in run.tags:
        return [run.tags[active_films.PARTITION]]
    start, end = (run.tags.get(name, "") for name in _RANGE)
    if not (read_chunk_key(start) and read_chunk_key(end)):
        return []
    try:
        return chunks.get_partition_keys_in_range(
            dg.PartitionKeyRange(start, end), dynamic_partitions_store=instance
        )
    except dg.DagsterError:
        return []  # a range whose ends are not in the grid any more


def _is_alive(settings: Settings, run: dg.DagsterRun, video_id: str, silence: timedelta) -> bool:
    if TERMINAL_TAG in run.tags:
        return active_films.is_in_terminal(settings, video_id)
    if settings.broker_url is not None:  # it may be on another machine
        return silence < active_films.FORGOTTEN
    return silence < _SILENCE or any(True for _ in _held(settings, video_id))


def _held(settings: Settings, video_id: str) -> Iterator[int]:
    """The chunks of a film that a process on this machine has locked (`RunChunkLocks`)."""
    for path in (settings.home / "locks" / "chunks" / video_id).glob("*.lock"):
        with suppress(StorageError):
            if is_locked(path):
                yield int(path.stem)
