"""Chunk locks between the runs of one machine: files for active runs, Dagster for planned ones.

A lock is a file's `flock` in the home, which ends with its process: a run that is killed holds
nothing. Runs on several machines are kept apart by Dagster's queue (one run a film at a time), not
here. With such a queue, a run must not wait for a queued one, which waits for this one to end.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import dagster as dg

from chunk_assets.dagster_internals.instance import FILM_TAG, TERMINAL_TAG
from chunk_assets.defs.partitions.definitions import chunk_key
from chunk_assets.defs.runs import coverage
from chunk_assets.errors import StorageError
from chunk_assets.files.locks import FileLock, is_locked
from chunk_assets.render.hooks import ChunkLocks

_LOOK_SECONDS = 0.2

_ACTIVE = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


class RunChunkLocks(ChunkLocks):
    """The chunk locks of one run on one film."""

    def __init__(
        self,
        home: Path,
        video_id: str,
        *,
        instance: dg.DagsterInstance,
        run_id: str,
        log: Callable[[str], None],
    ):
        self._directory = _directory(home, video_id)
        self._video_id, self._instance, self._run_id, self._log = video_id, instance, run_id, log
        self._active = [*_ACTIVE, *_queued(instance)]
        self._held: dict[int, FileLock] = {}
        self._logged: set[int] = set()
        self._guard = threading.Lock()

    def acquire(self, chunk_num: int, check: Callable[[], None]) -> bool:
        """Lock a chunk, waiting while another run holds it."""
        has_waited = False
        pause = threading.Event()
        while not self.try_acquire(chunk_num):
            if not has_waited:
                self._log(
                    f"chunk {chunk_num} of film {self._video_id!r} is being rendered by another "
                    "run: waiting for it"
                )
                has_waited = True
            check()
            pause.wait(_LOOK_SECONDS)
        return has_waited

    def try_acquire(self, chunk_num: int) -> bool:
        """Lock a chunk unless another run holds it.

        Raises:
            StorageError: The disk refuses the lock's file.
        """
        with self._guard:
            if chunk_num in self._held:
                return True
            try:
                self._held[chunk_num] = FileLock(self._path(chunk_num), wait=False)
            except BlockingIOError:
                return False
            return True

    def release(self, chunk_num: int) -> None:
        """Unlock a chunk, if this run holds it."""
        with self._guard:
            held = self._held.pop(chunk_num, None)
        if held is not None:
            held.release()

    def is_locked(self, chunk_num: int) -> bool:
        """Return whether another run holds the chunk."""
        if chunk_num in self._held:
            return False
        if not self.try_acquire(chunk_num):
            return True
        self.release(chunk_num)
        return False

    def is_pending(self, chunk_num: int) -> bool:
        """Return whether another run is rendering the chunk, or is scheduled to.

        If not, the chunk may have been stored meanwhile: look for it again afterwards.
        """
        is_held = self.is_locked(chunk_num)
        key = chunk_key(self._video_id, chunk_num)
        runs = self._instance.get_runs(dg.RunsFilter(statuses=self._active)) if not is_held else []
        others = [run for run in runs if run.run_id != self._run_id and self._renders(run, key)]
        if not is_held and not others:
            return False
        if chunk_num not in self._logged:
            self._logged.add(chunk_num)
            who = f"run {others[0].run_id[:8]}" if others else "another run"
            self._log(f"waiting for chunk {chunk_num} of film {self._video_id!r}, which {who} has")
        return True

    def _renders(self, run: dg.DagsterRun, key: str) -> bool:
        # The run of a killed `render` stays active until the next `render`: only its locks count.
        if TERMINAL_TAG in run.tags or not coverage.renders_clips(run):
            return False
        return key in coverage.chunk_keys(self._instance, run)

    def _path(self, chunk_num: int) -> Path:
        return self._directory / f"{chunk_num:02d}.lock"


def locked_chunks(home: Path, video_id: str) -> Iterator[int]:
    """Yield the chunks of a film that a process on this machine has locked."""
    for path in _directory(home, video_id).glob("*.lock"):
        with suppress(StorageError):
            if is_locked(path):
                yield int(path.stem)


def _directory(home: Path, video_id: str) -> Path:
    return home / "locks" / "chunks" / video_id


def _queued(instance: dg.DagsterInstance) -> list[dg.DagsterRunStatus]:
    """Return the status of queued runs, unless the queue holds a film's second run back."""
    coordinator = instance.run_coordinator
    if isinstance(coordinator, dg.QueuedRunCoordinator):
        limits = coordinator.get_run_queue_config().tag_concurrency_limits
        if any(limit["key"] == FILM_TAG for limit in limits):
            return []
    return [dg.DagsterRunStatus.QUEUED]
