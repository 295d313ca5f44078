"""The first chunk of a film that is out of date, and the price of an update."""

from collections.abc import Sequence
from dataclasses import dataclass

from chunk_assets.errors import SpecError
from chunk_assets.film.chunk_states import ChunkState
from chunk_assets.film.quotes import Quotes
from chunk_assets.film.records import ClipRecord
from chunk_assets.schemas import ChunkSpec


@dataclass(frozen=True)
class Frontier:
    """The first chunk that is stale or missing, and the prices of three updates.

    Attributes:
        chunk_num: The chunk.
        keep_usd: The price of rendering only what is stale or missing.
        scene_usd: The price of rendering from the chunk to the end of its scene (its beat).
        scene_end: The last chunk of that scene.
        end_usd: The price of rendering from the chunk to the film's end.
    """

    chunk_num: int
    keep_usd: float
    scene_usd: float
    scene_end: int
    end_usd: float


def frontier(states: Sequence[ChunkState], quotes: Quotes) -> Frontier | None:
    """Return the first point where a film differs from its plan; None if it is up to date.

    Args:
        states: The film's chunks, in order.
        quotes: The prices of the generators that made its clips.
    """
    changed = [
        number
        for number, state in enumerate(states)
        if state.state != "fresh" and not state.keeps_clip
    ]
    if not changed:
        return None
    first = changed[0]
    scene = states[first].spec.beat.get("name")
    others = (n for n in range(first, len(states)) if states[n].spec.beat.get("name") != scene)
    scene_end = next(others, len(states)) - 1
    prices = chunk_prices(states, quotes)
    return Frontier(
        chunk_num=first,
        keep_usd=round(sum(prices[number] for number in changed), 6),
        scene_usd=round(sum(prices[first : scene_end + 1]), 6),
        scene_end=scene_end,
        end_usd=round(sum(prices[first:]), 6),
    )


def chunk_prices(states: Sequence[ChunkState], quotes: Quotes) -> list[float]:
    """Return what each chunk costs from the generator that made its clip.

    A missing chunk is priced like the film's last paid clip, or else like its last clip.
    """
    made = [state.clip for state in states if state.clip is not None]
    if not made:
        return [0.0] * len(states)
    paid = [clip for clip in made if clip.cost_usd > 0]
    usual = (paid or made)[-1]
    return [_price(state.clip or usual, state.spec, quotes) for state in states]


def _price(clip: ClipRecord, spec: ChunkSpec, quotes: Quotes) -> float:
    try:
        return quotes.again(clip, spec)
    except SpecError:  # its generator or model does not exist any more: estimate by its last price
        return clip.cost_usd
