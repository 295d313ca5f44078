"""A generator around another one, which is that one to everybody else."""

from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.base import Generator, Offer


class Wrapping(Generator):
    """Passes every question on to the generator inside; subclasses add to `generate`."""

    name = "wrapping"

    def __init__(self, generator: Generator):
        self.inside = generator
        self.name = generator.name  # type: ignore[misc]  # others know it by that one
        self.pool = generator.pool  # type: ignore[misc]
        self.keeps_ledger = generator.keeps_ledger  # type: ignore[misc]

    @property
    def model(self) -> str:
        """The model of the generator inside."""
        return self.inside.model

    @property
    def is_paid(self) -> bool:
        """Whether the generator inside is paid."""
        return self.inside.is_paid

    @property
    def offer(self) -> Offer:
        """What the generator inside renders with."""
        return self.inside.offer

    def price_usd(self, num_frames: int, fps: FrameRate, size: tuple[int, int]) -> float:
        """The price of the generator inside."""
        return self.inside.price_usd(num_frames, fps, size)

    def has_made(self, model: str) -> bool:
        """Whether the generator inside would keep such a clip."""
        return self.inside.has_made(model)

    def check_ready(self) -> None:
        """Check the needs of the generator inside."""
        self.inside.check_ready()

    def close(self) -> None:
        """Close the generator inside."""
        self.inside.close()
