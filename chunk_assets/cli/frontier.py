"""From where on a film is not what its animatic asks for, and what it would cost to mend that."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chunk_assets.chain.inspect import ChunkState
from chunk_assets.errors import SpecError
from chunk_assets.generation.catalog import load_catalog


@dataclass(frozen=True)
class Frontier:
    """The first chunk that is stale or missing, and three ways on from there.

    Attributes:
        chunk_num: That chunk.
        keep_usd: To render what is stale or missing, and keep the rest as it is.
        scene_usd: To render from there to the next scene (the next beat).
        scene_end: The last chunk of that.
        end_usd: To render from there to the film's end.
    """

    chunk_num: int
    keep_usd: float
    scene_usd: float
    scene_end: int
    end_usd: float


def frontier(states: Sequence[ChunkState], models: Path | None) -> Frontier | None:
    """Where a film begins to differ from its plan; None where it does not.

    Args:
        states: The film's chunks, in order.
        models: The deployment's own models and prices.
    """
    changed = [number for number, state in enumerate(states) if state.state != "fresh"]
    if not changed:
        return None
    first = changed[0]
    scene = states[first].spec.beat.get("name")
    others = (n for n in range(first, len(states)) if states[n].spec.beat.get("name") != scene)
    scene_end = next(others, len(states)) - 1
    prices = _prices(states, models)
    return Frontier(
        chunk_num=first,
        keep_usd=round(sum(prices[number] for number in changed), 6),
        scene_usd=round(sum(prices[first : scene_end + 1]), 6),
        scene_end=scene_end,
        end_usd=round(sum(prices[first:]), 6),
    )


def _prices(states: Sequence[ChunkState], models: Path | None) -> list[float]:
    """What each chunk would cost, made by whoever made the film's newest clips.

    A clip that cost nothing, as a preview, is taken to cost nothing again; chunks that are missing
    cost what the film's other clips do.
    """
    made = [state.clip for state in states if state.clip is not None]
    paid = [clip for clip in made if clip.generator == "replicate"]
    if not paid:
        return [0.0] * len(states)
    catalog = load_catalog(models)
    prices = []
    for state in states:
        clip, spec = state.clip or paid[-1], state.spec
        try:
            model = catalog.find(clip.model)
            length = model.clip_length(spec.num_frames, spec.fps)
            price = model.price_usd(length, spec.size)
        except SpecError:  # a model that is in the catalog no more: what it cost is the best guess
            price = clip.cost_usd
        prices.append(price if clip.generator == "replicate" else 0.0)
    return prices
