"""One film's generator in tests: its requests, its ledger, and processes that come and go."""

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from chunk_assets.film.objects import FilmObjects
from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.base import (
    GeneratedClip,
    GenerationRequest,
    Generator,
    ProgressCallback,
    ignore_progress,
)
from chunk_assets.generation.context import GenerationContext
from chunk_assets.generation.ledger import Ledger
from chunk_assets.generation.ledger_entries import Attempt
from chunk_assets.generation.stopping import NEVER, StopSignal
from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets.testing.backend import Backend

FILM, CHUNK = "contract-film", 3
SIZE = (128, 72)

DEAD = f"{socket.gethostname()}:4194304:x"
"""A process on this host that has ended."""


@dataclass
class Studio:
    """A film whose chunk 3 is rendered.

    Attributes:
        backend: The provider.
        store: A bucket.
        settings: The deployment's settings.
        directory: A directory for files.
        max_cost_usd: The film's cost limit.
        log: What the generators logged.
    """

    backend: Backend
    store: ObjectStore
    settings: Settings
    directory: Path
    max_cost_usd: float | None = None
    log: list[str] = field(default_factory=list)
    _open: list[Generator] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Draw the pictures."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for name, colours in (("first", (40, 90, 160)), ("last", (200, 120, 40))):
            picture = Image.new("RGB", SIZE, colours)
            picture.paste(colours[::-1], (16, 16, 64, 48))
            picture.save(self.directory / f"{name}.png")

    @property
    def ledger(self) -> Ledger:
        """The film's ledger."""
        return FilmObjects(self.store, FILM).ledger()

    @property
    def attempts(self) -> list[Attempt]:
        """The attempts in the chunk's ledger, without void ones."""
        return [one for one in self.ledger.chunk(CHUNK).attempts if one.status != "void"]

    @property
    def spent_usd(self) -> float:
        """What the chunk's ledger says that it has cost."""
        return self.ledger.chunk(CHUNK).cost_usd

    def generator(self) -> Generator:
        """Return a new process's generator."""
        context = GenerationContext(
            FILM, self.settings, self.ledger, max_cost_usd=self.max_cost_usd, log=self.log.append
        )
        made = self.backend.generator(context)
        self._open.append(made)
        return made

    def request(self, **changes: Any) -> GenerationRequest:
        """Return a request for chunk 3: 16 frames of 128 × 72 at 8 fps."""
        fields: dict[str, Any] = {
            "video_id": FILM,
            "chunk_num": CHUNK,
            "prompt": "a lamp at dawn",
            "conditioning_image": self.directory / "first.png",
            "num_frames": 16,
            "fps": FrameRate(8),
            "size": SIZE,
            "seed": 7,
        }
        return GenerationRequest(**(fields | changes))

    def price(self, generator: Generator) -> float:
        """Return the price of the chunk's clip."""
        one = self.request()
        return generator.price_usd(one.num_frames, one.fps, one.size)

    def clip(
        self,
        generator: Generator | None = None,
        on_progress: ProgressCallback = ignore_progress,
        stop: StopSignal = NEVER,
        **changes: Any,
    ) -> GeneratedClip:
        """Render chunk 3 in a work directory of its own."""
        workdir = self.directory / f"work-{threading.get_ident()}-{len(self._open)}"
        workdir.mkdir(exist_ok=True)
        request = self.request(**changes)
        return (generator or self.generator()).generate(request, workdir, on_progress, stop)

    def forget_process(self) -> None:
        """Have the ledger say that another process, which has ended, made all attempts."""
        for attempt in self.ledger.chunk(CHUNK).attempts:
            dead = attempt.model_copy(update={"asked_by": DEAD})
            self.ledger.update(CHUNK, dead)

    def in_background(self, work: Callable[[], Any]) -> "Background":
        """Start `work` on a thread."""
        return Background(work)

    def close(self) -> None:
        """Close the generators."""
        for made in self._open:
            made.close()


class Background:
    """Work on a thread of its own, whose result or error is read later."""

    def __init__(self, work: Callable[[], Any]):
        self._work, self.result, self.error = work, None, None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def join(self, seconds: float = 30) -> None:
        """Wait for its end.

        Raises:
            TimeoutError: It has not ended.
        """
        self._thread.join(seconds)
        if self._thread.is_alive():
            raise TimeoutError(f"the generator has not returned within {seconds:g} s")

    def _run(self) -> None:
        try:
            self.result = self._work()
        except BaseException as error:  # for the test to look at
            self.error = error
