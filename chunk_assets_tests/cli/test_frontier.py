"""Where a film begins to differ from its animatic, and what the ways on from there cost."""

from chunk_assets.chain.inspect import ChunkState, State
from chunk_assets.chain.records import ClipRecord
from chunk_assets.cli.frontier import Frontier, frontier
from chunk_assets.schemas import ChunkSpec

KLING = "kwaivgi/kling-v2.5-turbo-pro"
A_CLIP = 5 * 0.07
"""USD: the shortest clip, by the catalog."""


def state(number: int, kind: State, model: str | None = KLING, beat: str = "one") -> ChunkState:
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
        generator="replicate" if model else "preview",
        model=model or "preview/1",
        seed=1,
        take=1,
        cost_usd=0.3 if model else 0.0,
        spent_usd=0.3,
        seconds=1.0,
    )
    return ChunkState(spec, kind, clip=clip)


def test_a_film_that_is_fresh_has_no_frontier():
    """There is nothing to render and nothing to pay."""
    assert frontier([state(0, "fresh"), state(1, "fresh")], None) is None


def test_three_ways_on_and_their_prices():
    """The stale chunks alone, the rest of their scene, the rest of the film."""
    states = [
        state(0, "fresh"),
        state(1, "stale"),
        state(2, "fresh"),
        state(3, "stale", beat="two"),
        state(4, "missing", beat="two"),
    ]
    assert frontier(states, None) == Frontier(
        chunk_num=1,
        keep_usd=round(3 * A_CLIP, 6),
        scene_usd=round(2 * A_CLIP, 6),
        scene_end=2,
        end_usd=round(4 * A_CLIP, 6),
    )


def test_a_preview_costs_nothing_again():
    """Nobody is told a price for what was free."""
    found = frontier([state(0, "stale", model=None), state(1, "missing")], None)
    assert found is not None
    assert (found.keep_usd, found.end_usd) == (0, 0)


def test_a_model_that_is_known_no_more_costs_what_it_did():
    """The clip's own cost is the best guess there is."""
    found = frontier([state(0, "stale", model="someone/gone")], None)
    assert found is not None
    assert found.keep_usd == 0.3
