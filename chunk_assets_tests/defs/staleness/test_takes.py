"""Staleness after new takes and after changes of the animatic."""

from dataclasses import replace

import pytest

from chunk_assets.storage import keys
from chunk_assets_tests.defs.staleness.model import SPECS
from chunk_assets_tests.defs.staleness.walk import FILM, FRESH, Walk, with_beat

pytestmark = pytest.mark.slow


def test_takes_and_changes_of_the_animatic(walk: Walk):
    """After each take and each change of the animatic all three say the same of every partition."""
    compare = walk.compare
    compare("Nothing is rendered", "------ ------ ------ ------ -", "----")
    walk.render([0, 1])
    compare("Half of the film is rendered", "..---- ..---- ..---- ..---- -", "..--")
    walk.render()
    walk.stitch()
    compare("The film is stitched", FRESH, "....")
    assert walk.render() == []
    compare("A matching render finds nothing to do", FRESH, "....")

    walk.render([0], is_matching=False)
    compare("A new take of chunk 0 has the same pixels", FRESH, "....")
    walk.generator.shade = 12
    walk.render([0], is_matching=False)
    compare("A new take of chunk 0 has others", "....-- .s..-- ....-- ....-- s", ".s..")
    assert walk.render([1]) == [1]
    compare("The next chunk followed", "....-- ..s.-- ....-- ....-- s", "..s.")
    assert walk.render() == [2, 3]
    walk.stitch()
    compare("The chain and the film followed", FRESH, "....")

    moved = with_beat(FILM, 1, words="runs")
    walk.submit(moved)
    compare("Beat 1 has other words", "ssss-- ....-- ....-- ....-- s", "..s.")
    walk.render(stages=[SPECS])
    compare("Specs were planned", "....-- ..s.-- ..s.-- ....-- s", "..s.")
    walk.submit(FILM)
    walk.render(stages=[SPECS])
    compare("Beat 1 has its old words, and specs were planned", FRESH, "....")
    walk.submit(moved)
    walk.generator.shade = 24
    walk.render(fails_at=2)
    compare("The run fails at chunk 2", "...s-- ....-- ..s.-- ....-- s", "..s.")
    assert walk.render() == [2, 3]
    walk.stitch()
    compare("A second run completes it", FRESH, "....")

    redrawn = with_beat(moved, 0, picture=9)
    walk.submit(redrawn)
    compare("Beat 0 has another picture", "ssss-- ....-- ....-- ....-- s", "ss..")
    assert walk.render() == [0, 1, 2, 3]
    walk.stitch()
    compare("It is in all chunks behind it", FRESH, "....")
    styled = replace(redrawn, style=101)
    walk.submit(styled)
    walk.render(stages=[SPECS])
    compare("The style guide concerns chunk 0", "....-- s...-- s...-- ....-- s", "s...")
    walk.render()
    walk.stitch()
    cut = replace(styled, transition="cut")
    walk.submit(cut)
    assert walk.render() == []
    compare("Beats are cut, not dissolved: clips stay", FRESH[:-1] + "s", "....")
    walk.stitch()
    compare("The film is stitched with cuts", FRESH, "....")


def test_choosing_and_accepting(walk: Walk):
    """A choice is as if its take had just been rendered; an acceptance is today's inputs."""
    compare = walk.compare
    walk.render()
    walk.stitch()
    walk.generator.shade = 12
    walk.render([1], is_matching=False)
    compare("Chunk 1 has a second take", "....-- ..s.-- ....-- ....-- s", "..s.")
    walk.choose(1, 1)
    compare("Its first take is chosen again", FRESH, "....")
    walk.choose(1, 2)
    compare("And the second", "....-- ..s.-- ....-- ....-- s", "..s.")
    walk.accept([2])
    compare("Chunk 2 is accepted as it is", "....-- ....-- ....-- ....-- s", "....")
    assert walk.render() == []
    walk.stitch()
    compare("It stays, and the film is stitched", FRESH, "....")
    walk.take_back(2)
    compare("The acceptance is taken back, unknown to Dagster", FRESH, "..s.")
    walk.choose(1, 1)
    compare("Chunk 1 is as before", "....-- ..s.-- ....-- ....-- s", "..s.")
    assert walk.render() == []
    walk.stitch()
    compare("All is as it was first", FRESH, "....")

    walk.submit(with_beat(FILM, 1, words="runs"))
    assert walk.render() == [2, 3]
    walk.stitch()
    compare("Chunk 2 has other words", FRESH, "....")
    walk.choose(2, 1)
    compare("Its take with the old words is chosen", "....-- ...s-- ..s.-- ....-- s", "..ss")
    walk.accept([2, 3])
    walk.stitch()
    compare("They are accepted", FRESH, "....")
    walk.submit(FILM)
    assert walk.render() == []
    walk.stitch()
    compare("The old words are back; chunk 3 is accepted for what it is made from", FRESH, "....")


def test_a_film_from_before_takes(walk: Walk):
    """Its clips are kept as takes when new ones are made, and are chosen again."""
    walk.render()
    walk.stitch()
    store = walk.studio.store
    for key in store.keys(f"{keys.clips('film')}takes/"):
        store.delete(key)
    walk.compare("The film is older than takes", FRESH, "....")
    assert walk.render() == []
    walk.compare("Its clips are up to date", FRESH, "....")
    walk.choose(1, 1)
    walk.compare("Its only clip is chosen, which changes nothing", FRESH, "....")
    first = store.find(keys.chunk_video("film", 1))
    walk.generator.shade = 12
    walk.render([1], is_matching=False)
    walk.compare("Chunk 1 has a new take", "....-- ..s.-- ....-- ....-- s", "..s.")
    walk.choose(1, 1)
    assert store.find(keys.chunk_video("film", 1)).sha256 == first.sha256
    walk.compare("Its first take is chosen again", FRESH, "....")
    walk.choose(1, 2)
    assert walk.render() == [2, 3]
    walk.stitch()
    walk.compare("The film followed", FRESH, "....")
    walk.choose(1, 1)
    assert walk.render() == []
    walk.stitch()
    walk.compare("And is as it was", FRESH, "....")
