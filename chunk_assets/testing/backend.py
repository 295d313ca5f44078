"""What the contract needs to know of a generator's provider: a fake one that runs on loopback."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from chunk_assets.generation.base import Generator
from chunk_assets.generation.context import GenerationContext


class Backend(ABC):
    """A provider under test, and how the generator is built for it.

    A method that the provider has nothing to do with may call `pytest.skip`, as those of the
    generators that render in this process do.
    """

    secrets: Sequence[str] = ()
    """Texts that may be in no error, log, event or stored object, such as the token."""

    @abstractmethod
    def generator(self, context: GenerationContext) -> Generator:
        """Return a new generator, as another process would build it, with short timeouts."""

    @abstractmethod
    def jobs(self) -> int:
        """Return how many clips the provider has accepted to render so far."""

    @abstractmethod
    def running(self) -> int:
        """Return how many of them it is rendering, or will."""

    @abstractmethod
    def billed_usd(self) -> float:
        """Return what the provider has charged so far; 0 if it charges nothing."""

    @abstractmethod
    def requests(self) -> int:
        """Return how many requests of any kind have reached the provider."""

    @abstractmethod
    def takes(self, seconds: float) -> None:
        """Let the next job take so long."""

    @abstractmethod
    def fails(self, times: int) -> None:
        """Let the next jobs fail in a way that another one may not, such as out of memory."""

    @abstractmethod
    def fails_for_good(self) -> None:
        """Let the next job fail in a way that it always would."""

    @abstractmethod
    def loses_answer(self) -> None:
        """Accept the next job, and lose the answer."""

    @abstractmethod
    def damages_clip(self) -> None:
        """Send only a part of the next clip that is fetched."""

    @abstractmethod
    def deletes_clips(self) -> None:
        """Delete all clips that were rendered so far."""
