"""A walk whose process shuts down: what it finishes, and what it leaves for the next run."""

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chunk_assets.errors import HandedOff
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import generation_context, plan_film
from chunk_assets.generation.base import (
    GeneratedClip,
    GenerationRequest,
    ProgressCallback,
    ignore_progress,
)
from chunk_assets.generation.base import Generator as ClipGenerator
from chunk_assets.generation.replicate.clip_request import PredictionPolicy
from chunk_assets.generation.replicate.generator import build_replicate_generator
from chunk_assets.generation.stopping import NEVER, StopSignal, pause
from chunk_assets.render.context import RenderContext
from chunk_assets.render.hooks import Shutdown
from chunk_assets.render.request import ChunkObject
from chunk_assets.render.scenes import walk_scenes
from chunk_assets.settings import load_settings
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.fake_faults import Takes
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.films import put_animatic
from chunk_assets_tests.generators import HoldingGenerator
from chunk_assets_tests.manifests import small_manifest

pytestmark = pytest.mark.slow


class RequestedShutdown(Shutdown):
    """A shutdown that the test requests."""

    def __init__(self, *, keeps_predictions: bool = True):
        self.requested, self.urgent = threading.Event(), threading.Event()
        self.keeps_predictions = keeps_predictions

    def is_requested(self) -> bool:
        return self.requested.is_set()

    def is_urgent(self) -> bool:
        return self.urgent.is_set()


def walking(
    store: ObjectStore, workdir: Path, generator: ClipGenerator, shutdown: Shutdown
) -> Iterator[ChunkObject]:
    """Walk the film."""
    plan = plan_film(store, "film")
    workdir.mkdir(exist_ok=True)
    context = RenderContext(
        plan=plan, store=store, generator=generator, workdir=workdir, shutdown=shutdown
    )
    return walk_scenes(context, range(len(plan.specs)))


def stored(store: ObjectStore) -> list[int]:
    """Return the numbers of the chunks that have a stored clip."""
    return [n for n in range(3) if store.head(keys.chunk_video("film", n)) is not None]


def test_the_chunk_in_flight_is_the_last(store: ObjectStore, tmp_path: Path):
    """It is finished and yielded; the next walk continues after it and renders no chunk again."""
    put_animatic(store)
    shutdown, generator = RequestedShutdown(), HoldingGenerator()

    def ask(request: GenerationRequest) -> None:
        if request.chunk_num == 1:
            shutdown.requested.set()

    generator.before = ask
    made = []
    with pytest.raises(HandedOff, match="film 'film' is handed off to another worker"):
        made.extend(walking(store, tmp_path / "one", generator, shutdown))
    assert [one.spec.chunk_num for one in made if one.stage == "last_frames"] == [0, 1]
    assert stored(store) == [0, 1]
    list(walking(store, tmp_path / "two", generator, Shutdown()))
    assert generator.chunks == [0, 1, 2]


def test_parallel_scenes_end_after_their_chunks_in_flight(store: ObjectStore, tmp_path: Path):
    """Each scene's chunk in flight is stored."""
    document = small_manifest(continuity="scene", transitions=[{"type": "cut"}])
    put_animatic(store, document=document)
    shutdown, generator = RequestedShutdown(), HoldingGenerator()
    together = threading.Barrier(2, action=shutdown.requested.set)

    def meet(_request: GenerationRequest) -> None:
        together.wait(20)

    generator.before = meet
    with pytest.raises(HandedOff):
        list(walking(store, tmp_path / "one", generator, shutdown))
    assert sorted(generator.chunks) == [0, 2]
    assert stored(store) == [0, 2]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeReplicate]:
    """An account whose predictions take 3 seconds."""
    with FakeReplicate(seconds=3) as fake:
        monkeypatch.setenv("REPLICATE_API_TOKEN", fake.token or "")
        monkeypatch.setenv("REPLICATE_BASE_URL", fake.base_url)
        yield fake


def hosted(store: ObjectStore) -> ClipGenerator:
    """Return the hosted model's generator, polling quickly."""
    generator_context = generation_context(
        "film", plan_film(store, "film").animatic, store, load_settings()
    )
    return build_replicate_generator(
        generator_context,
        policy=PredictionPolicy(first_poll_seconds=0.05, longest_poll_seconds=0.1),
    )


def test_an_urgent_shutdown_leaves_predictions_for_the_next_walk(
    account: FakeReplicate, store: ObjectStore, tmp_path: Path
):
    """The prediction is neither awaited nor cancelled, and paid for once."""
    put_animatic(store)
    shutdown = RequestedShutdown()
    threading.Thread(target=_once_polled, args=(account, shutdown.urgent.set)).start()
    with (
        closing(hosted(store)) as generator,
        pytest.raises(HandedOff, match="handed off unfinished"),
    ):
        list(walking(store, tmp_path / "one", generator, shutdown))
    assert not account.created[0].is_over
    with closing(hosted(store)) as generator:
        list(walking(store, tmp_path / "two", generator, Shutdown()))
    assert [made.status for made in account.created] == ["succeeded"] * 3


def test_a_film_that_makes_no_progress_gives_its_slot_back(
    account: FakeReplicate, store: ObjectStore, tmp_path: Path
):
    """Its prediction stays in the provider's queue, and the next walk fetches its clip."""
    put_animatic(store)
    account.next("prediction", Takes(queue=3))
    shutdown = Shutdown()
    shutdown.keeps_predictions, shutdown.wait_seconds = True, 1.0
    with (
        closing(hosted(store)) as generator,
        pytest.raises(HandedOff, match="has only waited for 1 s, and goes back to the end"),
    ):
        list(walking(store, tmp_path / "one", generator, shutdown))
    [prediction] = account.created
    assert not prediction.is_over
    with closing(hosted(store)) as generator:
        list(walking(store, tmp_path / "two", generator, Shutdown()))
    assert [made.status for made in account.created] == ["succeeded"] * 3


class Staged(HoldingGenerator):
    """Reports these fractions for each chunk, a fifth of a second apart."""

    keeps_ledger = True

    def __init__(self, *fractions: float):
        super().__init__()
        self.fractions = fractions

    def generate(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback = ignore_progress,
        stop: StopSignal = NEVER,
    ) -> GeneratedClip:
        for fraction in self.fractions:
            on_progress(fraction)
            pause(0.2, stop)
        return super().generate(request, workdir, on_progress, stop)


@pytest.mark.parametrize(
    ("fractions", "is_resumable", "is_handed_off"),
    [
        ([0.0] * 9, True, True),  # it stands in a queue
        ([0.0, *[0.01] * 8], True, False),  # it is rendered, slowly
        ([0.9, 0.0, 0.0, 0.1, *[0.2] * 8], True, False),  # a second job, after one that failed
        ([0.0] * 9, False, False),  # no other process would find its clip
    ],
)
def test_only_a_film_that_waits_is_handed_off(
    store: ObjectStore,
    tmp_path: Path,
    fractions: list[float],
    is_resumable: bool,
    is_handed_off: bool,
):
    """What is rendered has limits of its own."""
    put_animatic(store)
    shutdown, generator = Shutdown(), Staged(*fractions)
    shutdown.wait_seconds = 1.5
    generator.keeps_ledger = is_resumable  # type: ignore[misc]
    if is_handed_off:
        with pytest.raises(HandedOff, match="only waited"):
            list(walking(store, tmp_path / "one", generator, shutdown))
    else:
        list(walking(store, tmp_path / "one", generator, shutdown))
    assert stored(store) == ([] if is_handed_off else [0, 1, 2])


def test_one_clip_that_is_rendered_keeps_the_others_waiting(store: ObjectStore, tmp_path: Path):
    """A film of two scenes is handed off as a whole, or not at all."""
    document = small_manifest(continuity="scene", transitions=[{"type": "cut"}])
    put_animatic(store, document=document)
    shutdown, generator = Shutdown(), Staged(*[0.0] * 9)
    shutdown.wait_seconds = 1.5
    first = Staged(*[0.5] * 8)

    class Both(Staged):
        def generate(
            self,
            request: GenerationRequest,
            workdir: Path,
            on_progress: ProgressCallback = ignore_progress,
            stop: StopSignal = NEVER,
        ) -> GeneratedClip:
            chosen = first if request.chunk_num < 2 else generator
            return chosen.generate(request, workdir, on_progress, stop)

    list(walking(store, tmp_path / "one", Both(), shutdown))
    assert stored(store) == [0, 1, 2]


@pytest.mark.parametrize(("keeps", "status"), [(True, "asked"), (False, "canceled")])
def test_a_closed_walk_cancels_its_prediction_unless_another_run_takes_over(
    account: FakeReplicate, store: ObjectStore, tmp_path: Path, keeps: bool, status: str
):
    """A worker's run that breaks off is continued by another run; one that a person ends is not."""
    put_animatic(store)
    with closing(hosted(store)) as generator:
        walk = walking(
            store, tmp_path / "one", generator, RequestedShutdown(keeps_predictions=keeps)
        )
        next(walk)
        is_polled = threading.Event()
        _once_polled(account, is_polled.set)
        assert is_polled.is_set()
        assert isinstance(walk, Generator)
        walk.close()
    [attempt] = FilmObjects(store, "film").ledger().chunk(0).attempts
    assert attempt.status == status


def _once_polled(account: FakeReplicate, then: Callable[[], None]) -> None:
    """Call `then` as soon as a prediction was polled."""
    pause = threading.Event()
    for _ in range(2000):
        if account.received("GET /v1/predictions/{id}"):
            then()
            return
        pause.wait(0.01)
