"""Whole films on a hosted model with all kinds of failures: they finish, at the right cost."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from chunk_assets.errors import GenerationError
from chunk_assets.film.bill import film_bill
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import generation_context, plan_film
from chunk_assets.film.records import ClipRecord
from chunk_assets.generation.replicate.clip_request import PredictionPolicy
from chunk_assets.generation.replicate.generator import build_replicate_generator
from chunk_assets.render.context import RenderContext
from chunk_assets.render.walk import walk
from chunk_assets.retry import RetryPolicy
from chunk_assets.settings import load_settings
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.fake_faults import Faults, Lost, Truncated
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.films import put_animatic
from chunk_assets_tests.manifests import manifest

pytestmark = pytest.mark.slow

HURRY = RetryPolicy(attempts=12, seconds=60, wait_initial=0.01, wait_max=0.05)
POLICY = PredictionPolicy(
    first_poll_seconds=0.02, longest_poll_seconds=0.1, settle_seconds=0.4, predictions=6
)
FILMS, CHUNKS = 10, 15


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeReplicate]:
    """An account on a fake Replicate where about one request in five fails."""
    faults = Faults(too_many=0.1, html_5xx=0.05, reset=0.05, failed=0.03, seed=5)
    with FakeReplicate(faults=faults) as fake:
        fake.next("POST /v1/predictions", Lost())
        fake.next("GET /delivery", Truncated())
        fake.price = 0.07
        monkeypatch.setenv("REPLICATE_API_TOKEN", fake.token or "")
        monkeypatch.setenv("REPLICATE_BASE_URL", fake.base_url)
        yield fake


def threads() -> set[str]:
    """Return the names of all threads, except those in which the account answers a connection.

    One of those ends when it has seen its connection closed, some moments after we closed it.
    """
    alive = {thread.name for thread in threading.enumerate()}
    return {name for name in alive if not name.endswith("(process_request_thread)")}


def rendered(store: ObjectStore, video_id: str, workdir: Path) -> int:
    """Render one film, retrying after each error; return how many runs that took."""
    plan = plan_film(store, video_id)
    for run in range(1, 20):
        directory = workdir / f"{video_id}-{run}"
        directory.mkdir()
        generator_context = generation_context(video_id, plan.animatic, store, load_settings())
        generator = build_replicate_generator(generator_context, policy=POLICY, retries=HURRY)
        context = RenderContext(plan=plan, store=store, generator=generator, workdir=directory)
        try:
            list(walk(context, range(len(plan.specs))))
        except GenerationError:
            continue
        finally:
            generator.close()
        return run
    raise AssertionError(f"{video_id} did not finish in 19 runs")


@pytest.mark.endurance
def test_ten_films_finish_and_cost_what_they_must(
    account: FakeReplicate, store: ObjectStore, tmp_path: Path
):
    """150 clips and the billed failures are paid for, nothing twice."""
    beat = {"name": "b", "duration": 30, "prompt_template": "x"}
    document = manifest(
        fps=8,
        resolution="128x72",
        beats=[beat],
        transitions=[],
        frames=["one.png"],
        model="zeroscope-v2-xl",
    )
    films = [f"film-{number}" for number in range(FILMS)]
    for film in films:
        put_animatic(store, film, document)
    before = threads()
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(partial(rendered, store, workdir=tmp_path), films))
    assert threads() == before

    assert len(account.succeeded()) == FILMS * CHUNKS
    ended = {made.id: made for made in account.created}
    assert all(made.dropped == {} for made in account.created)
    known = set()
    for film in films:
        for number in range(CHUNKS):
            ledger = FilmObjects(store, film).ledger().chunk(number)
            doubted = ("void", "unknown")  # refused, or the request was lost before it was created
            attempts = [one for one in ledger.attempts if one.status not in doubted]
            assert [one.status for one in attempts[-1:]] == ["succeeded"]
            assert {one.status for one in attempts[:-1]} <= {"failed"}
            known |= {one.prediction_id for one in attempts}
            for one in attempts:
                assert one.prediction_id is not None
                assert bool(one.cost_usd) == bool(ended[one.prediction_id].line.usd)
    # Every prediction is in a ledger: none was paid for and forgotten.
    assert known == ended.keys()
    failed = [line for line in account.bill if line.status == "failed"]
    assert failed, "3 % of the predictions should fail"
    assert account.billed_usd == pytest.approx(0.07 * (150 + sum(line.ran for line in failed)))
    for film in films:
        clips = {
            number: ClipRecord.of(stored)
            for number in range(CHUNKS)
            if (stored := store.head(keys.chunk_video(film, number))) is not None
        }
        assert len(clips) == CHUNKS
        billed = [
            one
            for number in range(CHUNKS)
            for one in FilmObjects(store, film).ledger().chunk(number).attempts
        ]
        committed = sum(one.committed_usd for one in billed)
        assert film_bill(store, film, clips).total_usd == pytest.approx(committed)
