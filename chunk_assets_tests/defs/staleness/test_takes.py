"""Staleness after new takes and after changes of the animatic."""

from dataclasses import replace

import pytest

from chunk_assets_tests.defs.staleness.model import (
    SPECS,
)
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
