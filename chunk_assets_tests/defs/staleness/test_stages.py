"""Staleness after single stages, other lengths, other models and other code versions."""

import pytest

from chunk_assets.storage import keys
from chunk_assets_tests.defs.staleness.model import (
    CHUNK_ASSETS,
    CLIPS,
    COMPOSITES,
    FILMS,
    FRAMES,
    SPECS,
)
from chunk_assets_tests.defs.staleness.walk import FILM, FRESH, Walk, with_beat, with_code_version

pytestmark = pytest.mark.slow


def test_stages_lengths_and_models(walk: Walk):
    """Stages made alone, a longer and a shorter film, other weights and models: all agree."""
    compare = walk.compare
    walk.render()
    walk.stitch()
    walk.generator.shade = 12
    walk.render([1], [CLIPS], is_matching=False)
    compare("Chunk 1's clip alone was rendered again", "....-- ....-- ....-- .s..-- s", "..s.")
    walk.render([1], [FRAMES])
    compare("Its last frame was taken", "....-- ..s.-- ....-- ....-- s", "..s.")
    walk.render([2], [COMPOSITES])
    compare("The next composite alone was made", "....-- ....-- ..s.-- ....-- s", "..s.")
    assert walk.render() == [2, 3]
    walk.stitch()
    compare("The rest followed", FRESH, "....")
    assert walk.render([0, 1], weight=0.5) == [1]
    compare("Chunk 1 has other weights", "....-- ..s.-- ....-- ....-- s", "..s.")
    assert walk.render() == []  # the take with the old weights is there
    compare("Weights and pixels are as before", FRESH, "....")

    walk.studio.store.client.delete_object(
        Bucket=walk.studio.store.bucket, Key=keys.chunk_video("film", 3)
    )
    walk.model.lose_clip(3)
    compare("A clip is lost, unknown to Dagster", FRESH, "...-")
    assert walk.render() == []
    compare("Its take is chosen again", FRESH, "....")

    walk.generator.version = "2"
    compare("Dagster cannot know of a new model", FRESH, "....")
    assert walk.render([1, 2, 3]) == [1, 2, 3]
    compare("The new model makes the same pixels", FRESH, "....")
    walk.generator.version, walk.generator.shade = "3", 24
    assert walk.render([0, 1]) == [0, 1]
    compare("A newer one makes others", "....-- ..s.-- ....-- ....-- s", "..s.")
    walk.render()
    walk.stitch()

    longer = with_beat(FILM, 2, chunks=2)
    walk.submit(longer)
    compare("Beat 2 is longer by a chunk", "ssss-- ....-- ....-- ....-- s", "....-")
    walk.render(stages=[SPECS])
    compare("Its chunks were planned", ".....- ...s-- ...s-- ....-- s", "....-")
    assert walk.render() == [4]
    walk.stitch()
    compare("All is as planned", ".....- .....- .....- .....- .", ".....")
    walk.generator.shade = 0
    walk.render([3], is_matching=False)
    compare("A new take before it", ".....- ....s- .....- .....- s", "....s")
    walk.submit(FILM)
    walk.render()
    walk.stitch()
    compare("The film is short again", "....s- ....s- .....- .....- .", "....")


@pytest.mark.filterwarnings("ignore::dagster.PreviewWarning")  # of `map_resolved_asset_specs`
def test_new_code_versions(walk: Walk):
    """A release with another code version of one asset makes all partitions of it stale."""
    walk.render()
    walk.stitch()
    released = walk.studio.definitions
    for row, asset in enumerate(CHUNK_ASSETS):
        walk.studio.definitions = with_code_version(released, asset, "next")
        walk.model.code = {**walk.model.code, asset: 2}
        rows = FRESH.split()
        rows[row] = "ssss--"
        walk.compare(f"A release with another code version of {asset}", " ".join(rows), "....")
        walk.model.code = {**walk.model.code, asset: 1}
    walk.studio.definitions = with_code_version(released, FILMS, "next")
    walk.model.code[FILMS] = 2
    walk.compare("A release that stitches otherwise", FRESH[:-1] + "s", "....")
    walk.stitch()
    walk.compare("The film is stitched by it", FRESH, "....")


def test_a_frame_that_no_event_had_handed_over(walk: Walk):
    """A chunk made from a stored frame without a recorded handoff follows that frame later."""
    walk.render()
    walk.generator.shade = 12
    walk.render([1], [CLIPS], is_matching=False)
    walk.render([2])
    walk.compare("Chunk 2 begins with it", "....-- ...s-- ....-- .s..-- -", "...s")
    walk.generator.shade = 24
    walk.render([1], is_matching=False)
    walk.compare("A new take of chunk 1", "....-- ..ss-- ....-- ....-- -", "..ss")


def test_a_chunk_behind_what_was_the_end(walk: Walk):
    """A chunk added to a film and rendered alone follows the chunk before it later."""
    walk.render()
    walk.submit(with_beat(FILM, 2, chunks=2))
    walk.render([4])
    walk.compare("It is rendered alone", "ssss.- .....- .....- .....- -", ".....")
    walk.generator.shade = 12
    walk.render([3], is_matching=False)
    walk.compare("A new take before it", "sss..- ....s- .....- .....- -", "....s")


def test_an_animatic_that_was_not_announced(walk: Walk):
    """Chunks planned from a manifest before anyone announced it follow the next manifest."""
    moved = with_beat(FILM, 1, words="runs")
    walk.submit(moved, is_announced=False)
    walk.render(stages=[SPECS])
    walk.compare("Specs are planned from it", "....-- ------ ------ ------ -", "----")
    walk.submit(moved)
    walk.compare("It is announced", "....-- ------ ------ ------ -", "----")
    walk.submit(FILM)
    walk.compare("Another one is announced", "ssss-- ------ ------ ------ -", "----")
