"""The finishing queue: results in order, nothing after a failure, and short pauses."""

import threading
import time
from pathlib import Path
from typing import Any, cast

import pytest

from chunk_assets.errors import StorageError
from chunk_assets.render.files import LocalFile
from chunk_assets.render.finishing_queue import ChunkDone, FinishingQueue, Objects
from chunk_assets.render.request import ChunkObject


def made(stage: str) -> Objects:
    """Return an object that only has its stage."""
    nothing = cast("Any", None)
    return [ChunkObject(stage, nothing, nothing, {}, LocalFile(Path()))]


def slowly(stage: str) -> Objects:
    """Take a moment to make an object."""
    time.sleep(0.1)
    return made(stage)


def fail() -> Objects:
    """Fail as an upload does."""
    raise StorageError("the volume is full")


def test_results_come_in_the_order_of_submission():
    """Slow tasks come before quick ones if they were queued first, and a chunk's end after both."""
    queue = FinishingQueue()
    queue.submit(slowly, "composites")
    queue.submit(made, "chunk_videos")
    queue.finish_chunk(4)
    queue.end()
    first, second, end = queue.results()
    assert isinstance(first, ChunkObject)
    assert isinstance(second, ChunkObject)
    assert [first.stage, second.stage, end] == ["composites", "chunk_videos", ChunkDone(4)]
    queue.close()


def test_no_task_runs_after_a_failed_one():
    """The failure is raised where its objects would come; later tasks are skipped."""
    queue, ran = FinishingQueue(), threading.Event()

    def task() -> Objects:
        ran.set()
        return []

    queue.submit(fail)
    queue.submit(task)
    queue.end()
    with pytest.raises(StorageError, match="the volume is full"):
        list(queue.results())
    queue.close()
    assert not ran.is_set()


def test_the_error_of_the_chain_comes_last():
    """What was queued before is read first."""
    queue = FinishingQueue()
    queue.submit(made, "composites")
    queue.end(StorageError("S3 is gone"))
    results = queue.results()
    assert cast("ChunkObject", next(results)).stage == "composites"
    with pytest.raises(StorageError, match="S3 is gone"):
        next(results)
    queue.close()


def test_a_pause_delays_tasks_but_ends_by_itself():
    """A chain that requests no further clip does not hold up what is finished."""
    queue = FinishingQueue()
    queue.pause()
    began = time.monotonic()
    result = queue.submit(made, "composites")
    assert result.result(timeout=20)
    assert time.monotonic() - began >= 0.2
    queue.end()
    queue.close()
