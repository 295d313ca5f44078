"""The contract of generators, as tests."""

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chunk_assets.defs.resources import connect
from chunk_assets.errors import (
    GenerationError,
    HandedOff,
    OverBudget,
    Rejected,
    Stopped,
    Unavailable,
)
from chunk_assets.generation.base import Abilities
from chunk_assets.generation.stopping import StopSignal
from chunk_assets.media.frames import probe
from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets.testing.backend import Backend
from chunk_assets.testing.studio import CHUNK, Studio


class GeneratorContract:
    """What every generator promises. A subclass whose name begins with Test has a `backend`."""

    @pytest.fixture
    def contract_store(self, tmp_path_factory: pytest.TempPathFactory) -> ObjectStore:
        """A bucket on a local S3 server (the extra `local`), which ends with the tests."""
        return connect(Settings(home=tmp_path_factory.getbasetemp() / "contract", bucket=None))

    @pytest.fixture
    def backend(self) -> Backend:
        """The provider; every subclass has its own."""
        raise NotImplementedError("a fixture `backend` is missing")

    @pytest.fixture
    def film(
        self, backend: Backend, contract_store: ObjectStore, tmp_path: Path
    ) -> Iterator[Studio]:
        """A film that nothing is rendered of yet."""
        for key in contract_store.keys("chunks/contract-film/"):
            contract_store.client.delete_object(Bucket=contract_store.bucket, Key=key)
        made = Studio(backend, contract_store, Settings(), tmp_path / "contract")
        yield made
        made.close()
        said = "\n".join(made.log)
        assert not [secret for secret in backend.secrets if secret in said]

    def test_its_name_price_and_abilities_need_no_request(self, film: Studio, backend: Backend):
        """They are asked for each chunk of a film before anything is rendered."""
        generator = film.generator()
        price = film.price(generator)
        assert generator.name
        assert math.isfinite(price)
        assert price >= 0
        assert generator.is_paid or price == 0
        assert isinstance(generator.abilities, Abilities)
        assert backend.requests() == 0

    def test_a_clip_covers_its_request_and_is_recorded(self, film: Studio, backend: Backend):
        """It is a video of at least the length, and what it cost is in the ledger."""
        generator = film.generator()
        clip = film.clip(generator)
        assert float(probe(clip.path).duration) >= 2.0 - 0.1
        assert backend.jobs() == 1
        assert film.spent_usd == pytest.approx(clip.cost_usd)
        assert clip.cost_usd == pytest.approx(backend.billed_usd())
        assert generator.has_made(generator.model)
        if generator.is_paid:
            assert clip.spent_usd == pytest.approx(clip.cost_usd)
            assert clip.cost_usd > 0

    def test_another_take_is_another_clip(self, film: Studio, backend: Backend):
        """Its seed tells it from the first, and both count."""
        first, second = film.clip(seed=1), film.clip(seed=2)
        assert backend.jobs() == 2
        assert film.spent_usd == pytest.approx(first.cost_usd + second.cost_usd)

    def test_the_ledger_knows_a_request_again(self, film: Studio):
        """By its fingerprint, which needs no clip; another seed is another request."""
        generator = film.generator()
        clip = film.clip(generator)
        assert generator.request_of(film.request()) == clip.request
        assert generator.request_of(film.request(seed=8)) != clip.request

    def test_takes_side_by_side_do_not_cancel_each_other(self, film: Studio, backend: Backend):
        """One begins while the other is rendered, in the same process."""
        generator = film.generator()
        backend.takes(1.5)
        first = film.in_background(lambda: film.clip(generator, seed=1))
        until(lambda: backend.running() == 1)
        film.clip(generator, seed=2)
        first.join()
        assert first.error is None
        assert backend.jobs() == 2
        assert film.spent_usd == pytest.approx(backend.billed_usd())

    def test_progress_grows_from_0_to_1(self, film: Studio, backend: Backend):
        """Whatever the provider says, and from whatever thread."""
        backend.takes(0.5)
        seen: list[float] = []
        film.clip(on_progress=seen.append)
        assert all(0.0 <= fraction <= 1.0 for fraction in seen)
        assert seen == sorted(seen)

    def test_a_new_process_renders_nothing_again(self, film: Studio, backend: Backend):
        """A crash after the download costs nothing."""
        first, again = film.clip(), film.clip()
        assert backend.jobs() == 1
        assert again.spent_usd == first.spent_usd
        assert film.spent_usd == pytest.approx(backend.billed_usd())

    def test_a_clip_whose_original_is_stored_counts_as_fetched(self, film: Studio):
        """Not before: until then, the next run fetches it again. Twice changes nothing."""
        generator = film.generator()
        clip = film.clip(generator)
        assert [one.status for one in film.attempts] == ["unfetched"]
        for _ in range(2):
            generator.original_stored(CHUNK, clip, "0" * 64)
            [attempt] = film.attempts
            assert (attempt.status, attempt.output_sha256) == ("succeeded", "0" * 64)
            assert attempt.request == clip.request
            assert attempt.prediction_id == clip.prediction_id

    def test_a_job_that_runs_is_continued(self, film: Studio, backend: Backend):
        """By the next process, if the first one was handed off, or killed."""
        backend.takes(1.5)
        stop = StopSignal()
        rendering = film.in_background(lambda: film.clip(stop=stop))
        until(lambda: backend.running() == 1)
        stop.set(HandedOff("this worker is stopping"))
        rendering.join()
        assert isinstance(rendering.error, HandedOff)
        film.forget_process()
        film.clip()
        assert backend.jobs() == 1
        assert film.spent_usd == pytest.approx(backend.billed_usd())

    def test_stopping_cancels_the_job(self, film: Studio, backend: Backend):
        """Within three seconds, and the ledger has what it cost."""
        backend.takes(60)
        stop = StopSignal()
        rendering = film.in_background(lambda: film.clip(stop=stop))
        until(lambda: backend.running() == 1)
        began = time.monotonic()
        stop.set()
        rendering.join(10)
        assert isinstance(rendering.error, Stopped)
        assert time.monotonic() - began < 3
        until(lambda: backend.running() == 0)
        assert [one.is_open for one in film.attempts] == [False]
        assert film.spent_usd == pytest.approx(backend.billed_usd())

    def test_a_lost_answer_pays_once_or_counts(self, film: Studio, backend: Backend):
        """The job is found, or counts at its full price."""
        backend.loses_answer()
        film.clip()
        counted = film.ledger.chunk(CHUNK).committed_usd
        assert counted >= backend.billed_usd() - 1e-9
        if backend.jobs() == 1:
            assert film.spent_usd == pytest.approx(backend.billed_usd())

    def test_a_failure_of_the_moment_is_repeated(self, film: Studio, backend: Backend):
        """And counts as what it cost."""
        backend.fails(1)
        film.clip()
        assert backend.jobs() == 2
        assert film.spent_usd == pytest.approx(backend.billed_usd())

    def test_failures_are_limited(self, film: Studio, backend: Backend):
        """A provider that keeps failing is not asked for ever."""
        backend.fails(20)
        with pytest.raises(Unavailable) as raised:
            film.clip()
        check_sentence(raised.value, backend)
        assert 1 <= backend.jobs() <= 6
        assert film.spent_usd == pytest.approx(backend.billed_usd())

    def test_a_failure_for_good_is_not_repeated(self, film: Studio, backend: Backend):
        """It would cost the same again."""
        backend.fails_for_good()
        with pytest.raises(Rejected) as raised:
            film.clip()
        check_sentence(raised.value, backend)
        assert backend.jobs() == 1

    def test_a_damaged_download_is_fetched_again(self, film: Studio, backend: Backend):
        """Nothing is rendered again."""
        backend.damages_clip()
        assert probe(film.clip().path).frames > 0
        assert backend.jobs() == 1

    def test_a_clip_that_is_gone_is_rendered_again(self, film: Studio, backend: Backend):
        """Both count."""
        film.clip()
        backend.deletes_clips()
        film.clip()
        assert backend.jobs() == 2
        assert film.spent_usd == pytest.approx(backend.billed_usd())

    def test_processes_at_the_same_time_render_once(self, film: Studio, backend: Backend):
        """Each has the clip in the end."""
        backend.takes(0.7)
        renderings = [film.in_background(film.clip) for _ in range(2)]
        for rendering in renderings:
            rendering.join()
        assert [rendering.error for rendering in renderings] == [None, None]
        assert backend.jobs() == 1
        assert film.spent_usd == pytest.approx(backend.billed_usd())

    def test_the_cost_limit_holds(self, film: Studio, backend: Backend):
        """A paid clip beyond it is not asked for; a free one never is beyond it."""
        film.max_cost_usd = 0.0
        generator = film.generator()
        if not generator.is_paid:
            assert film.clip(generator)
            return
        with pytest.raises(OverBudget) as raised:
            film.clip(generator)
        check_sentence(raised.value, backend)
        assert backend.jobs() == 0
        film.max_cost_usd = 1.5 * film.price(generator)
        film.clip(seed=1)
        with pytest.raises(OverBudget):
            film.clip(seed=2)
        assert backend.jobs() == 1


def check_sentence(error: GenerationError, backend: Backend) -> None:
    """Check that an error is one sentence that names the chunk, and no secret."""
    said = str(error)
    assert "\n" not in said
    assert "chunk 3" in said
    assert not [secret for secret in backend.secrets if secret in said]


def until(is_so: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"it is not so within {seconds:g} s"
        time.sleep(0.02)
