"""Check results are kept beside each take, and come back with it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from chunk_assets.checks import results
from chunk_assets.checks.results import CheckResult, store_results, stored_results, take_results
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import plan_film
from chunk_assets.film.take_records import CHECKS, CLIP
from chunk_assets.render.context import RenderContext
from chunk_assets.render.request import RenderRequest
from chunk_assets.render.walk import walk
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import put_animatic
from chunk_assets_tests.generators import HoldingGenerator

pytestmark = pytest.mark.slow

FIRST = [CheckResult(results.CONFORMS, True, "the first take")]
SECOND = [CheckResult(results.CONFORMS, False, "the second take")]
NEW_TAKE = RenderRequest(reuse="this_run", root_run="again")


@pytest.fixture
def render(store: ObjectStore, tmp_path: Path) -> Callable[[RenderRequest], None]:
    """A function that renders chunk 0 of a new film, or chooses a take of it."""
    put_animatic(store)

    def render(request: RenderRequest) -> None:
        context = RenderContext(
            plan=plan_film(store, "film"),
            store=store,
            generator=HoldingGenerator(),
            workdir=tmp_path,
            request=request,
        )
        list(walk(context, range(1)))

    return render


def store_checks(store: ObjectStore, found: list[CheckResult]) -> None:
    """Store check results for the clip that chunk 0 has now."""
    store_results(store, "film", 0, store.head(keys.chunk_video("film", 0)), found)


def shown(store: ObjectStore) -> list[CheckResult] | None:
    """Return the check results of the clip that chunk 0 has now."""
    return stored_results(store, "film", 0, store.head(keys.chunk_video("film", 0)))


def of_take(store: ObjectStore, number: int) -> list[CheckResult] | None:
    """Return the check results beside a take of chunk 0."""
    objects = FilmObjects(store, "film")
    return take_results(objects, 0, number, objects.take(0, number, CLIP).find())


def test_a_chosen_take_brings_its_check_results(
    store: ObjectStore, render: Callable[[RenderRequest], None]
):
    """A new take is not checked; going back to the first needs no second check."""
    render(RenderRequest())
    store_checks(store, FIRST)
    render(NEW_TAKE)
    assert shown(store) is None
    assert (of_take(store, 1), of_take(store, 2)) == (FIRST, None)
    store_checks(store, SECOND)
    render(RenderRequest(take=1))
    assert shown(store) == FIRST
    render(RenderRequest(take=2))
    assert shown(store) == SECOND
    assert (of_take(store, 1), of_take(store, 2)) == (FIRST, SECOND)


def test_a_clip_from_before_takes_keeps_its_check_results(
    store: ObjectStore, render: Callable[[RenderRequest], None]
):
    """They are stored with the clip when it is kept as a take."""
    render(RenderRequest())
    for key in list(store.keys(keys.takes("film", 0))):
        store.client.delete_object(Bucket=store.bucket, Key=key)
    store_checks(store, FIRST)
    assert not list(store.keys(keys.takes("film", 0))), "there is no take to store them beside"
    render(NEW_TAKE)
    assert of_take(store, 1) == FIRST
    render(RenderRequest(take=1))
    assert shown(store) == FIRST


def test_results_of_another_clip_are_not_those_of_a_take(
    store: ObjectStore, render: Callable[[RenderRequest], None]
):
    """Damaged results, and those of a clip that a take had before, count as none."""
    render(RenderRequest())
    store_checks(store, FIRST)
    ref = FilmObjects(store, "film").take(0, 1, CHECKS)
    ref.write_json(results.StoredResults(clip="sha256:another", verdicts=SECOND))
    assert of_take(store, 1) is None
    store.put_bytes(ref.key, b"{} is not what it was", "application/json")
    assert of_take(store, 1) is None
