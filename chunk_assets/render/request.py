"""What a run asks of the walk."""

from dataclasses import dataclass, field
from typing import Literal

from chunk_assets.film.fingerprints import Weights
from chunk_assets.render.stored_chunks import STAGES

Reuse = Literal["matching", "this_run"]


@dataclass(frozen=True)
class Order:
    """What a run asks of the walk.

    Attributes:
        stages: Which of the four assets to make; the others are read as they are stored.
        reuse: Which stored clips stay. `matching`: those made from what they would be made from
            now; `this_run`: of these only what `root_run` made, so that all else is a new take.
        root_run: This run, or the first of the runs it retries.
        weights: The shares of the composite's pictures.
    """

    stages: frozenset[str] = frozenset(STAGES)
    reuse: Reuse = "matching"
    root_run: str = ""
    weights: Weights = field(default_factory=Weights)
