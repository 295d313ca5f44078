"""Progress bars on stderr, one for each chunk."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from chunk_assets.cli.terminal import cut, plain
from chunk_assets.render.hooks import Listener
from chunk_assets.schemas import ChunkSpec

_LABEL = 36  # cells; with the bar, the percentage and the time it fills 80
_BAR = 24
_MARGIN = 4  # lines of the terminal for everything but chunks' bars


class _TimeSoFar(TimeElapsedColumn):
    """The elapsed time of a running bar; a stopped bar shows its time itself."""

    def render(self, task: Task) -> Text:
        """Render one bar's cell."""
        return super().render(task) if task.stop_time is None else Text()


class ChunkProgress(Listener):
    """Shows the progress of a render: bars in a terminal, one line per chunk in a log.

    The bars are removed after a success, and stay after an error.

    Attributes:
        seconds: How long each rendered chunk has taken, by its number.
    """

    def __init__(self, chunks: int):
        """Create the bars of a film with this many chunks."""
        self.seconds: dict[int, float] = {}
        self._chunks = chunks
        self._console = Console(stderr=True)
        self._is_drawn = sys.stderr.isatty() and not self._console.is_dumb_terminal
        self._tasks: dict[int, TaskID] = {}
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=_BAR),
            TextColumn("{task.fields[done]}", markup=False, justify="right"),
            _TimeSoFar(),
            console=self._console,
            disable=not self._is_drawn,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._bars.live.transient = error is None
        self._bars.stop()

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Show a bar of unknown length while the block runs."""
        task = self._bars.add_task(what, total=None, done="")
        try:
            yield
        finally:
            self._bars.remove_task(task)

    @contextmanager
    def stitching(self) -> Iterator[None]:
        """Show that the film is being stitched."""
        self._line("stitching the film")
        with self.waiting("stitching the film"):
            yield

    def note(self, text: str) -> None:
        """Print a permanent line."""
        self._console.print(plain(text), highlight=False, markup=False, emoji=False, soft_wrap=True)

    def started(self, spec: ChunkSpec) -> None:
        """Add the chunk's bar."""
        self._add(spec)

    def progressed(self, spec: ChunkSpec, fraction: float) -> None:
        """Update the chunk's bar."""
        fraction = min(max(fraction, 0.0), 1.0)
        task = self._tasks[spec.chunk_num]
        self._bars.update(task, completed=fraction, done=f"{fraction:.0%}")

    def rendered(self, spec: ChunkSpec, seconds: float) -> None:
        """Complete the chunk's bar."""
        self.seconds[spec.chunk_num] = seconds
        task = self._tasks[spec.chunk_num]
        self._bars.update(task, completed=1.0, done=f"{seconds:.1f} s")
        self._bars.stop_task(task)
        self._line(f"{self._name(spec)}: rendered in {seconds:.1f} s")

    def kept(self, spec: ChunkSpec) -> None:
        """Show that the chunk is kept."""
        task = self._add(spec)
        self._bars.update(task, completed=1.0, done="kept")
        self._bars.stop_task(task)
        self._line(f"{self._name(spec)}: kept")

    def noticed(self, sentence: str) -> None:
        """Print the sentence above the bars."""
        self._print(plain(sentence))

    def _add(self, spec: ChunkSpec) -> TaskID:
        task = self._bars.add_task(cut(self._name(spec), _LABEL), total=1.0, done="0%")
        self._tasks[spec.chunk_num] = task
        shown = max(self._console.height - _MARGIN, 1)
        for passed in [*self._tasks.values()][:-shown]:  # more chunks than lines
            self._bars.update(passed, visible=False)
        return task

    def _name(self, spec: ChunkSpec) -> str:
        beat = plain(spec.beat.get("name", ""))
        return f"chunk {spec.chunk_num:02d} ({spec.chunk_num + 1} of {self._chunks}), {beat}"

    def _line(self, text: str) -> None:
        if not self._is_drawn:
            self._print(text)

    def _print(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, emoji=False, soft_wrap=True)
