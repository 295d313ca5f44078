"""Work beside the chain: in order, on one thread, its results collected as they come."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Background(Generic[T]):
    """One worker thread whose tasks each give a `T`, collected in the order of their start.

    A task that fails raises from `ready`, `drain` or `until`, whichever collects it; tasks behind
    it are not begun any more.
    """

    def __init__(self, name: str):
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._tasks: deque[Future[T]] = deque()
        self._has_failed = False

    def start(self, task: Callable[[], T]) -> None:
        """Queue a task."""
        self._tasks.append(self._pool.submit(self._guarded, task))

    def ready(self) -> Iterator[T]:
        """What is done by now."""
        while self._tasks and self._tasks[0].done():
            yield self._tasks.popleft().result()

    def drain(self, keep: int = 0) -> Iterator[T]:
        """Everything but the newest `keep` tasks, waiting for it."""
        while len(self._tasks) > keep:
            yield self._tasks.popleft().result()

    def until(self, other: Future[Any]) -> Iterator[T]:
        """What gets done while `other` works; ends as soon as `other` is done."""
        while not other.done():
            waited = [other, *list(self._tasks)[:1]]
            wait(waited, return_when=FIRST_COMPLETED)
            yield from self.ready()
        yield from self.ready()

    def salvage(self) -> Iterator[T]:
        """Everything up to the first task that fails, without raising: an error is on its way."""
        while self._tasks:
            task = self._tasks.popleft()
            if task.exception() is not None:
                return
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
