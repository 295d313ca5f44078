"""Work beside the chain: in order, on one thread, its results collected as they come."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class Background(Generic[T]):
    """One worker thread whose tasks each give a `T`, collected in the order of their start.

    Tasks are started by one thread and their results read by another. Behind a task that fails no
    other is begun.
    """

    def __init__(self, name: str):
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._tasks = SimpleQueue[Future[T] | None]()
        self._has_failed = False

    def start(self, task: Callable[[], T]) -> None:
        """Queue a task."""
        self._tasks.put(self._pool.submit(self._guarded, task))

    def end(self, error: BaseException | None = None) -> None:
        """Say that no task comes any more, and which error it ends with, if any."""

        def fail(error: BaseException) -> T:
            raise error

        if error is not None:
            self.start(lambda: fail(error))
        self._tasks.put(None)

    def results(self) -> Iterator[T]:
        """What the tasks gave, each as soon as it is there; ends after `end`.

        Raises:
            BaseException: What the first task that failed raised, in that task's place.
        """
        while (task := self._tasks.get()) is not None:
            yield task.result()

    def close(self) -> None:
        """Do what is queued, results and failures unheard: it may have cost money to come here."""
        self._pool.shutdown(wait=True)

    def _guarded(self, task: Callable[[], T]) -> T:
        if self._has_failed:
            raise RuntimeError("a task before this one failed")
        try:
            return task()
        except BaseException:
            self._has_failed = True
            raise
