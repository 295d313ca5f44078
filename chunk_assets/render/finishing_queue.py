"""The finishing queue: tasks that the chain does not wait for, run in order on one thread."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event
from typing import ParamSpec

from chunk_assets.render.files import LocalFile
from chunk_assets.render.request import ChunkObject
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.stored import StoredObject

P = ParamSpec("P")
Objects = Sequence[ChunkObject]

_LONGEST_PAUSE = 0.3
"""In seconds: twice the chain's time from a clip to the next request."""


@dataclass(frozen=True)
class ChunkDone:
    """Marks the end of a chunk, after its last object."""

    chunk_num: int


class FinishingQueue:
    """Runs tasks one after another; another thread reads their objects in the same order.

    After a task that failed, no other task runs.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="finishing")
        self._results = SimpleQueue[Future[Objects] | ChunkDone | BaseException | None]()
        self._has_failed = False
        self._may_run = Event()
        self._may_run.set()

    def submit(
        self, task: Callable[P, Objects], *args: P.args, **kwargs: P.kwargs
    ) -> Future[Objects]:
        """Queue a task that stores objects; return its future."""
        result = self._pool.submit(self._run, task, *args, **kwargs)
        self._results.put(result)
        return result

    def keep(
        self,
        stage: str,
        spec: ChunkSpec,
        stored: StoredObject,
        inputs: Mapping[str, str | None],
        file: LocalFile,
        take_key: str = "",
    ) -> Future[Objects]:
        """Queue an object that is stored already: events are recorded in the chunk's order."""
        kept = ChunkObject(stage, spec, stored, inputs, file, take_key=take_key, is_kept=True)
        return self.submit(lambda: [kept])

    def pause(self) -> None:
        """Pause before the next task: the chain needs the processor to request the next clip."""
        self._may_run.clear()

    def resume(self) -> None:
        """End the pause early."""
        self._may_run.set()

    def finish_chunk(self, chunk_num: int) -> None:
        """Mark the end of a chunk."""
        self._results.put(ChunkDone(chunk_num))

    def end(self, error: BaseException | None = None) -> None:
        """Mark the end of the queue, and the error that ended it, if any."""
        self.resume()
        self._results.put(error)

    def results(self) -> Iterator[ChunkObject | ChunkDone]:
        """Yield the objects, each as soon as it is stored, until `end` is called.

        Raises:
            BaseException: The error that a task raised, in place of its objects, or the error of
                `end`.
        """
        while (result := self._results.get()) is not None:
            if isinstance(result, BaseException):
                raise result
            if isinstance(result, ChunkDone):
                yield result
            else:
                yield from result.result()

    def close(self) -> None:
        """Complete what is queued without reading the results: it may have cost money."""
        self._pool.shutdown(wait=True)

    def _run(self, task: Callable[P, Objects], *args: P.args, **kwargs: P.kwargs) -> Objects:
        if self._has_failed:
            raise RuntimeError("an earlier task failed")
        if not self._may_run.wait(_LONGEST_PAUSE):
            self._may_run.set()
        try:
            return task(*args, **kwargs)
        except BaseException:
            self._has_failed = True
            raise
