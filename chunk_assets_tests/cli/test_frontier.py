"""Where a film begins to differ from its animatic, and what the ways on from there cost."""

import pytest

from chunk_assets.cli.frontier import Frontier, frontier
from chunk_assets.film.chunk_states import ChunkState, State
from chunk_assets.film.quotes import Quotes
from chunk_assets.film.records import ClipRecord
from chunk_assets.generation.registry import GENERATORS
from chunk_assets.schemas import ChunkSpec
from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.generators import HoldingGenerator, only

pytestmark = pytest.mark.slow

KLING = "kwaivgi/kling-v2.5-turbo-pro"
A_CLIP = 5 * 0.07
"""USD: the shortest clip, by the catalog."""


@pytest.fixture
def quotes(settings: Settings, store: ObjectStore) -> Quotes:
    """The prices of a deployment with a third generator."""
    generators = {**GENERATORS, **only(HoldingGenerator(pays=0.42))}
    return Quotes("film", settings, store, generators)


def state(
    number: int,
    kind: State,
    model: str | None = KLING,
    beat: str = "one",
    generator: str = "replicate",
) -> ChunkState:
    """A chunk of 4 s, rendered on a hosted model, by the preview (no model), or not yet."""
    spec = ChunkSpec(
        video_id="film",
        chunk_num=number,
        start_time=4.0 * number,
        duration=4.0,
        num_frames=96,
        beat={"name": beat},
        animatic_frame_url="one.png",
        prompt="x",
    )
    if kind == "missing":
        return ChunkState(spec, kind)
    clip = ClipRecord(
        fingerprint="f",
        generator=generator if model else "preview",
        model=model or "preview/1",
        seed=1,
        take=1,
        cost_usd=0.3 if model else 0.0,
        spent_usd=0.3,
        seconds=1.0,
    )
    return ChunkState(spec, kind, clip=clip)


def test_a_film_that_is_fresh_has_no_frontier(quotes: Quotes):
    """There is nothing to render and nothing to pay."""
    assert frontier([state(0, "fresh"), state(1, "fresh")], quotes) is None


def test_three_ways_on_and_their_prices(quotes: Quotes):
    """The stale chunks alone, the rest of their scene, the rest of the film."""
    states = [
        state(0, "fresh"),
        state(1, "stale"),
        state(2, "fresh"),
        state(3, "stale", beat="two"),
        state(4, "missing", beat="two"),
    ]
    assert frontier(states, quotes) == Frontier(
        chunk_num=1,
        keep_usd=round(3 * A_CLIP, 6),
        scene_usd=round(2 * A_CLIP, 6),
        scene_end=2,
        end_usd=round(4 * A_CLIP, 6),
    )


def test_a_preview_costs_nothing_again(quotes: Quotes):
    """What was free has no price."""
    found = frontier([state(0, "stale", model=None), state(1, "missing")], quotes)
    assert found is not None
    assert (found.keep_usd, found.end_usd) == (0, 0)


def test_a_model_that_is_known_no_more_costs_what_it_did(quotes: Quotes):
    """The clip's own cost is the best guess there is."""
    found = frontier([state(0, "stale", model="someone/gone")], quotes)
    assert found is not None
    assert found.keep_usd == 0.3


def test_a_third_generator_is_asked_for_its_own_price(quotes: Quotes):
    """Neither free nor priced as a hosted model; chunks that are missing cost the same."""
    states = [state(0, "stale", model="holding/1", generator="holding"), state(1, "missing")]
    found = frontier(states, quotes)
    assert found is not None
    assert (found.keep_usd, found.end_usd) == (0.84, 0.84)


def test_a_generator_that_is_gone_costs_what_it_did(quotes: Quotes):
    """As a model that is gone."""
    found = frontier([state(0, "stale", generator="another")], quotes)
    assert found is not None
    assert found.keep_usd == 0.3
