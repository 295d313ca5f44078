"""The inputs for building a generator: the film, the deployment and the run's choices."""

from collections.abc import Callable
from dataclasses import dataclass

from chunk_assets.generation.ledger import Ledger
from chunk_assets.settings import Settings


@dataclass(frozen=True)
class GenerationContext:
    """The inputs for building a generator for one film in one run.

    Attributes:
        video_id: The film.
        settings: The deployment's settings, including credentials.
        ledger: Where a paid generator records its requests and what they cost.
        model: The chosen hosted model; None for the generator's default.
        fallback_model: What takes over if the generator declines a request or is unavailable: a
            hosted model, a generator, or `GENERATOR:MODEL`.
        max_cost_usd: The film's cost limit; None for no limit.
        log: Takes a sentence for the run's log.
    """

    video_id: str
    settings: Settings
    ledger: Ledger
    model: str | None = None
    fallback_model: str | None = None
    max_cost_usd: float | None = None
    log: Callable[[str], None] = lambda _sentence: None
