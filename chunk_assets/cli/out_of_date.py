"""From where on a film is not what its animatic asks for, and what it would cost to mend that."""

from collections.abc import Sequence
from dataclasses import dataclass

from chunk_assets.errors import SpecError
from chunk_assets.film.chunk_states import ChunkState
from chunk_assets.film.quotes import Quotes
from chunk_assets.film.records import ClipRecord
from chunk_assets.schemas import ChunkSpec


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


def frontier(states: Sequence[ChunkState], quotes: Quotes) -> Frontier | None:
    """Where a film begins to differ from its plan; None where it does not.

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
    prices = _prices(states, quotes)
    return Frontier(
        chunk_num=first,
        keep_usd=round(sum(prices[number] for number in changed), 6),
        scene_usd=round(sum(prices[first : scene_end + 1]), 6),
        scene_end=scene_end,
        end_usd=round(sum(prices[first:]), 6),
    )


def _prices(states: Sequence[ChunkState], quotes: Quotes) -> list[float]:
    """What each chunk would cost from the generator that made its clip.

    A missing chunk is priced like the last clip of the film that cost money, or else the last one.
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
    except SpecError:  # a generator or model that is no longer there: its last price is the guess
        return clip.cost_usd
