"""Generators to test with: real ones, small and obedient."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from chunk_assets.errors import GenerationError, Unavailable
from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.base import (
    GeneratedClip,
    GenerationRequest,
    Generator,
    ProgressCallback,
    ignore_progress,
)
from chunk_assets.generation.context import GenerationContext
from chunk_assets.generation.registry import Generators
from chunk_assets.generation.stopping import NEVER, StopSignal
from chunk_assets.media.clips import ClipFormat, ClipWriter
from chunk_assets.media.images import open_picture


class HoldingGenerator(Generator):
    """Holds its conditioning image for the whole clip; the seed shows in a corner.

    Attributes:
        requests: What was asked, in order.
        fails_at: Chunk numbers at which it fails, each once.
        pays: What a clip costs; it is a paid generator where that is above 0.
    """

    name = "holding"

    def __init__(self, version: str = "1", pays: float = 0.0):
        self.version = version
        self.pays = pays
        self.requests: list[GenerationRequest] = []
        self.fails_at: dict[int, GenerationError] = {}
        self.before: Callable[[GenerationRequest], None] = lambda request: None
        self._lock = threading.Lock()

    @property
    def model(self) -> str:
        return f"holding/{self.version}"

    @property
    def is_paid(self) -> bool:
        return self.pays > 0

    def price_usd(self, num_frames: int, fps: FrameRate, size: tuple[int, int]) -> float:
        return self.pays

    @property
    def chunks(self) -> list[int]:
        """The chunk numbers it was asked for, in order."""
        return [request.chunk_num for request in self.requests]

    def generate(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback = ignore_progress,
        stop: StopSignal = NEVER,
    ) -> GeneratedClip:
        with self._lock:
            self.requests.append(request)
        self.before(request)
        error = self.fails_at.pop(request.chunk_num, None)
        if error is not None:
            raise error
        on_progress(0.5)
        path = workdir / "clip.mp4"
        rgb = np.asarray(open_picture(request.conditioning_image)).copy()
        rgb[:2, :2] = request.seed % 256  # another take is another picture
        form = ClipFormat(request.num_frames, request.fps, request.size, request.keyframes)
        with ClipWriter(path, form) as clip:
            for _ in range(request.num_frames):
                clip.write(rgb)
        return GeneratedClip(path, cost_usd=self.pays, is_normalised=True)


def only(*generators: Generator) -> Generators:
    """A registry with these generators, and no others."""

    def always(generator: Generator) -> Callable[[GenerationContext], Generator]:
        return lambda _context: generator

    return {generator.name: always(generator) for generator in generators}


BUSY = Unavailable("the model is busy: try again later")
