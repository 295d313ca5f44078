"""The walk's hooks: a listener, locks against other runs, and a shutdown signal.

The classes here do nothing; the terminal, Dagster's runs and workers override them.
"""

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from chunk_assets.errors import HandedOff
from chunk_assets.film.takes import StoredTake
from chunk_assets.schemas import ChunkSpec


class Listener:
    """Receives the events of each chunk.

    `progressed` is called from the generator's thread, the other methods from any.
    """

    def started(self, spec: ChunkSpec) -> None:
        """Rendering the chunk has started."""

    def progressed(self, spec: ChunkSpec, fraction: float) -> None:
        """Report progress from 0.0 to 1.0."""

    def rendered(self, spec: ChunkSpec, seconds: float) -> None:
        """The generator has delivered the chunk's clip."""

    def kept(self, spec: ChunkSpec) -> None:
        """The stored clip is up to date and stays."""

    def noticed(self, sentence: str) -> None:
        """Something takes longer, or costs more, than it should."""


class ChunkLocks:
    """Per-chunk locks of one run on one film, so that concurrent runs never render the same chunk.

    This class knows of no other run. All methods are safe to call from several threads.
    """

    def acquire(self, chunk_num: int, check: Callable[[], None]) -> bool:
        """Lock a chunk, waiting while another run holds it.

        Args:
            chunk_num: The chunk; if this run already holds it, nothing happens.
            check: Called several times a second while waiting; raises to end the wait.

        Returns:
            Whether it had to wait. If so, anything looked up earlier about the chunk is outdated.
        """
        return False

    def try_acquire(self, chunk_num: int) -> bool:
        """Lock a chunk unless another run holds it; return whether this run now holds it."""
        return True

    def release(self, chunk_num: int) -> None:
        """Unlock a chunk, if this run holds it."""

    def is_locked(self, chunk_num: int) -> bool:
        """Return whether another run holds the chunk; it may be stored but not yet recorded."""
        return False

    def is_pending(self, chunk_num: int) -> bool:
        """Return whether another run is rendering the chunk, or is scheduled to."""
        return False


class Judge:
    """Judges takes that were rendered side by side; this class finds no fault in any."""

    def faults(
        self, spec: ChunkSpec, take: StoredTake, clip: Path, composite: Image.Image
    ) -> list[str]:
        """Return what is wrong with a take, in sentences; none if its checks pass.

        Args:
            spec: The chunk.
            take: The take, which is stored but not chosen.
            clip: A file with its clip.
            composite: The picture it was conditioned on.

        Raises:
            StorageError: S3 cannot be reached.
        """
        return []


class Shutdown:
    """Signals walks that their process is shutting down; this class never does.

    All methods are safe to call from several threads.
    """

    keeps_predictions: bool = False
    """If true, in-flight predictions are left for the next run when a walk is closed; otherwise
    they are cancelled."""

    wait_seconds: float | None = None
    """How long a walk may do nothing but wait for its clips' turn, in seconds, before it is handed
    off so that another film can use this process; None for any time."""

    def is_requested(self) -> bool:
        """Return whether the chunk in flight is the last one to render."""
        return False

    def is_urgent(self) -> bool:
        """Return whether to stop at once, leaving in-flight predictions for the next run."""
        return False

    def check_begin(self, what: str) -> None:
        """Check that new work may begin; also called while work waits for its turn.

        Raises:
            HandedOff: The process shuts down.
        """
        if self.is_requested() or self.is_urgent():
            raise HandedOff(f"{what} is handed off to another worker: this one is shutting down")
