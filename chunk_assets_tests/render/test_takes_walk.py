"""No take is lost, overwritten or paid for twice, at whatever point a process is killed."""

import itertools
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chunk_assets.film.chunk_states import chunk_states
from chunk_assets.film.plan import plan_film
from chunk_assets.render.request import RenderRequest
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.defs.staleness.model import Film
from chunk_assets_tests.defs.staleness.walk import with_beat
from chunk_assets_tests.render.takes_walk import CHUNKS, FILM, TakesWalk

pytestmark = pytest.mark.slow

FILMS = (FILM, with_beat(FILM, 0, words="runs"), with_beat(FILM, 1, picture=9))
"""Versions of the animatic: other words, another picture."""
NUMBERS, SHADES = st.integers(0, CHUNKS - 1), st.sampled_from((0, 12, 24))
KILLS = st.none() | st.integers(0, 40)
"""At which write the process dies; a film takes fewer than forty."""


@pytest.fixture
def walk(store: ObjectStore, tmp_path: Path) -> TakesWalk:
    """A film of three chunks, rendered."""
    walk = TakesWalk(store, "film", tmp_path)
    walk.render()
    return walk


def test_a_new_take_survives_a_kill_at_any_write(walk: TakesWalk):
    """The same run, retried, finishes the take that was paid for."""
    kill = 0
    while walk.new_take(1, 12, kill):
        walk.check()
        kill += 1
    walk.check()
    assert kill >= 7  # original, record, frame, clip, preview; the chosen frame and clip


def test_the_next_command_finishes_a_killed_take(walk: TakesWalk):
    """A render that keeps what matches leaves no mixed clip and frame, and pays nothing."""
    plan = plan_film(walk.store, "film")
    for kill in itertools.count():
        before, walk.generator.shade = walk.check_pair(2), kill + 1
        clip = walk.objects.clip(2).find().sha256
        request = RenderRequest(reuse="this_run", root_run=f"killed {kill}")
        if not walk.dies(request, [2], kill):
            break
        is_published = walk.objects.last_frame(2).find().record["clip"] != clip
        walk.run(RenderRequest(), range(CHUNKS))
        assert walk.check_pair(2) == (before + 1 if is_published else before)
        assert {chunk.state for chunk in chunk_states(plan, walk.store)} == {"fresh"}
        walk.run(request, [2])
        assert walk.check_pair(2) == before + 1
        assert len(walk.generator.paid) == CHUNKS + kill + 1


def test_a_choice_survives_a_kill_at_any_write(walk: TakesWalk):
    """The same choice, made again, is complete."""
    walk.new_take(1, 12)
    kill = 0
    while walk.choose(1, 1 + kill % 2, kill):
        walk.check()
        kill += 1
    walk.check()
    assert kill >= 3  # the choice, the frame, the clip


def test_pruning_survives_a_kill_at_any_write(walk: TakesWalk):
    """What is pruned is pruned whole; what is chosen, or in no ledger, stays."""
    for kill in range(8):
        walk.new_take(1, 12)
        walk.new_take(1, 24)
        walk.new_take(1, 36)
        walk.prune(kill)
        walk.check()
    walk.render()
    walk.check()


class Director(RuleBasedStateMachine):
    """Renders, renders again, chooses, accepts, prunes, changes the animatic; processes die."""

    walk: TakesWalk

    @rule(kill=KILLS)
    def render(self, kill: int | None) -> None:
        self.walk.render(kill)

    @rule(n=NUMBERS, shade=SHADES, kill=KILLS)
    def new_take(self, n: int, shade: int, kill: int | None) -> None:
        if n == 0 or self.walk.model.clip(n - 1) is not None:
            self.walk.new_take(n, shade, kill)

    @precondition(lambda self: self.walk.model.clip(0) is not None)
    @rule(n=NUMBERS, number=st.integers(1, 6), kill=KILLS)
    def choose(self, n: int, number: int, kill: int | None) -> None:
        if takes := list(self.walk.model.stored_takes(n)):
            self.walk.choose(n, takes[min(number, len(takes)) - 1], kill)

    @precondition(lambda self: self.walk.model.clip(0) is not None)
    @rule(n=NUMBERS, kill=KILLS)
    def accept(self, n: int, kill: int | None) -> None:
        if self.walk.model.clip(n) is not None:
            self.walk.accept(n, kill)

    @rule(n=NUMBERS)
    def take_back(self, n: int) -> None:
        self.walk.take_back(n)

    @rule(kill=KILLS)
    def prune(self, kill: int | None) -> None:
        self.walk.prune(kill)

    @rule(film=st.sampled_from(FILMS))
    def submit(self, film: Film) -> None:
        self.walk.submit(film)

    @invariant()
    def is_as_modelled(self) -> None:
        self.walk.check()


@pytest.mark.parametrize(
    ("examples", "steps"),
    [
        pytest.param(2, 8, id="short"),
        pytest.param(60, 20, marks=[pytest.mark.fuzz, pytest.mark.timeout(3600)], id="long"),
    ],
)
def test_any_walk_keeps_what_was_paid(
    store: ObjectStore, tmp_path: Path, examples: int, steps: int
):
    """After each step of a random walk all takes are there, and the film is as modelled."""
    films = itertools.count()

    class NewFilm(Director):
        def __init__(self) -> None:
            super().__init__()
            name = f"film-{next(films)}"
            (tmp_path / name).mkdir()
            self.walk = TakesWalk(store, name, tmp_path / name)

    run_state_machine_as_test(
        NewFilm,
        settings=hypothesis.settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=examples < 10,
            suppress_health_check=[
                hypothesis.HealthCheck.too_slow,
                hypothesis.HealthCheck.filter_too_much,
            ],
        ),
    )
