"""Several takes of a chunk, rendered side by side in one run."""

import threading
from dataclasses import replace
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from PIL import Image

from chunk_assets.film.bill import film_bill
from chunk_assets.film.fingerprints import chunk_seed
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import plan_film
from chunk_assets.film.records import ClipRecord
from chunk_assets.film.take_records import CHECKS
from chunk_assets.film.takes import Takes
from chunk_assets.generation.base import (
    GeneratedClip,
    GenerationRequest,
    ProgressCallback,
    ignore_progress,
)
from chunk_assets.generation.stopping import NEVER, StopSignal
from chunk_assets.media.images import save_png
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import Studio, failure
from chunk_assets_tests.generators import BUSY, HoldingGenerator
from chunk_assets_tests.manifests import small_manifest

pytestmark = pytest.mark.slow

PRICE = 0.25


class SometimesBlack(HoldingGenerator):
    """Makes a black clip for some seeds."""

    def __init__(self, pays: float = 0.0):
        super().__init__(pays=pays)
        self.black_seeds: set[int] = set()

    def generate(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback = ignore_progress,
        stop: StopSignal = NEVER,
    ) -> GeneratedClip:
        if request.seed in self.black_seeds:
            black = Image.fromarray(np.zeros((request.size[1], request.size[0], 3), np.uint8))
            path = save_png(black, workdir / "black.png")
            request = replace(request, conditioning_image=path)
        return super().generate(request, workdir, on_progress, stop)


class BlackStudio(Studio):
    """A deployment with that generator."""

    generator: SometimesBlack


@pytest.fixture
def studio(store: ObjectStore, instance: dg.DagsterInstance) -> BlackStudio:
    """A deployment with a paid generator, and a rendered film of three chunks."""
    made = BlackStudio(store, instance, SometimesBlack(PRICE))
    beats = [
        {**beat, "camera_movement": "static"} for beat in small_manifest()["beats"]
    ]  # held clips are not frozen then
    made.submit("film", small_manifest(beats=beats))
    assert made.render(range(3)).success
    made.generator.requests.clear()
    return made


def seeds(studio: BlackStudio, *takes: int) -> set[int]:
    """The seeds of these takes of chunk 1."""
    spec = plan_film(studio.store, "film").specs[1]
    return {chunk_seed(spec, take) for take in takes}


def complete(studio: BlackStudio) -> list[int]:
    """The takes of chunk 1 that can be chosen."""
    listed = Takes(FilmObjects(studio.store, "film"), 1).listed
    return [number for number, take in listed.items() if take.is_complete]


def chosen(studio: BlackStudio) -> int:
    """Which take of chunk 1 is chosen."""
    return ClipRecord.of(FilmObjects(studio.store, "film").clip(1).find()).take


def test_takes_are_rendered_side_by_side_and_what_follows_once(studio: BlackStudio):
    """Three requests are open at the same time; all are checked, and the first good one chosen."""
    together = threading.Barrier(3, timeout=60)

    def meet(request: GenerationRequest) -> None:
        if request.chunk_num == 1:
            together.wait()

    studio.generator.before = meet
    studio.generator.black_seeds |= seeds(studio, 2)
    assert studio.render([1], takes=3).success
    assert {one.seed for one in studio.generator.requests} == seeds(studio, 2, 3, 4)
    assert complete(studio) == [1, 2, 3, 4]
    assert chosen(studio) == 3
    listed = Takes(FilmObjects(studio.store, "film"), 1).listed
    assert [number for number, take in listed.items() if CHECKS in take.objects] == [2, 3, 4]
    assert studio.render(range(3), reuse="matching").success
    assert studio.generator.chunks == [1, 1, 1, 2]
    assert film_bill(studio.store, "film", {}).total_usd == pytest.approx(7 * PRICE)


def test_a_take_that_fails_is_left_out(studio: BlackStudio):
    """The others are kept, and one of them is chosen."""
    studio.generator.fails_at = {1: BUSY}
    assert studio.render([1], takes=2).success
    assert len(complete(studio)) == 2
    assert chosen(studio) in (2, 3)


def test_the_cost_limit_holds_for_each_take(studio: BlackStudio):
    """Two of three fit; the run ends well with those."""
    assert studio.render([1], takes=3, max_cost_usd=5 * PRICE).success
    assert len(studio.generator.requests) == 2
    assert len(complete(studio)) == 3
    said = failure(studio.render([1], takes=2, max_cost_usd=5 * PRICE))
    assert "of the film's limit of $1.25 only $0.00 remains" in said
