"""What a generator is told of the film and the deployment before its first chunk."""

from collections.abc import Callable
from dataclasses import dataclass

from chunk_assets.generation.ledger import Ledger
from chunk_assets.settings import Settings


@dataclass(frozen=True)
class GenerationContext:
    """One film that a generator is to render in one run.

    Attributes:
        video_id: The film.
        settings: The deployment's; credentials among them.
        ledger: Where a paid generator records its requests and what they cost.
        model: The hosted model that was chosen, None for the generator's own choice.
        fallback_model: What to ask where that one declines.
        max_cost_usd: What the film may cost in all; None is no limit.
        log: Takes a sentence for the run's log.
    """

    video_id: str
    settings: Settings
    ledger: Ledger
    model: str | None = None
    fallback_model: str | None = None
    max_cost_usd: float | None = None
    log: Callable[[str], None] = lambda _sentence: None
