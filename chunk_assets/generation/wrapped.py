"""A generator that stands for another one, and adds something to each clip."""

from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.abilities import Abilities
from chunk_assets.generation.base import GeneratedClip, GenerationRequest, Generator, Offer


class Wrapped(Generator):
    """Answers as the generator inside does; a subclass adds its `generate`."""

    name = "wrapped"

    def __init__(self, generator: Generator):
        self._generator = generator
        # It stands for the generator inside.
        self.name = generator.name  # type: ignore[misc]
        self.pool = generator.pool  # type: ignore[misc]
        self.runs_here = generator.runs_here  # type: ignore[misc]
        self.keeps_ledger = generator.keeps_ledger  # type: ignore[misc]

    @property
    def model(self) -> str:
        """The generator's model."""
        return self._generator.model

    @property
    def is_paid(self) -> bool:
        """Whether the generator is paid."""
        return self._generator.is_paid

    @property
    def offer(self) -> Offer:
        """The generator's offer."""
        return self._generator.offer

    @property
    def abilities(self) -> Abilities:
        """The generator's abilities."""
        return self._generator.abilities

    @property
    def fallback(self) -> Generator | None:
        """The generator's fallback."""
        return self._generator.fallback

    def price_usd(self, num_frames: int, fps: FrameRate, size: tuple[int, int]) -> float:
        """Return the generator's price."""
        return self._generator.price_usd(num_frames, fps, size)

    def has_made(self, model: str) -> bool:
        """Return whether the generator would keep such a clip."""
        return self._generator.has_made(model)

    def request_of(self, request: GenerationRequest) -> str:
        """Return the generator's fingerprint of a request."""
        return self._generator.request_of(request)

    def check_ready(self) -> None:
        """Check that the generator is configured."""
        self._generator.check_ready()

    def original_stored(self, chunk_num: int, clip: GeneratedClip, sha256: str) -> None:
        """Tell the generator."""
        self._generator.original_stored(chunk_num, clip, sha256)

    def close(self) -> None:
        """Close the generator."""
        self._generator.close()
