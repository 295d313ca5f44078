"""A fallback takes over what a generator cannot render for now, and nothing is paid for twice."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from chunk_assets.errors import Declined, OverBudget, Rejected, SpecError, Unavailable
from chunk_assets.film.abilities import check_abilities
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import named_specs
from chunk_assets.film.quotes import chunk_price
from chunk_assets.generation.base import GenerationRequest, Generator
from chunk_assets.generation.context import GenerationContext
from chunk_assets.generation.fallback import WithFallback
from chunk_assets.generation.metering import Metered
from chunk_assets.generation.registry import (
    GENERATORS,
    build_generator,
    choose_generator,
    named_fallback,
)
from chunk_assets.schemas import read_animatic
from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.fake_comfyui import FakeComfyUI
from chunk_assets_tests.fake_faults import MODERATED, Answers, Fails, ServerError, Slow, Takes
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.generation.comfyui.studio import ComfyStudio
from chunk_assets_tests.generation.replicate.studio import DEAD, ReplicateStudio
from chunk_assets_tests.generators import BUSY, HoldingGenerator
from chunk_assets_tests.manifests import small_manifest
from chunk_assets_tests.media.media import photo

pytestmark = pytest.mark.slow

CREATE = "POST /v1/predictions"


@pytest.fixture
def hosted(shared_store: ObjectStore, tmp_path: Path) -> Iterator[ReplicateStudio]:
    """An account at Replicate, and nothing stored."""
    for key in shared_store.keys("chunks/film/"):
        shared_store.client.delete_object(Bucket=shared_store.bucket, Key=key)
    Image.fromarray(photo("coffee", (128, 72))).save(tmp_path / "still.png")
    (tmp_path / "hosted").mkdir()
    with FakeReplicate() as fake:
        made = ReplicateStudio(fake, shared_store, tmp_path / "still.png", tmp_path / "hosted")
        yield made
        made.close()


@pytest.fixture
def own(hosted: ReplicateStudio, tmp_path: Path) -> Iterator[ComfyStudio]:
    """A ComfyUI server for the same films."""
    with FakeComfyUI() as fake:
        made = ComfyStudio([fake.url], hosted.store, Settings(), tmp_path)
        yield made
        made.close()


def hosted_or_own(hosted: ReplicateStudio, own: ComfyStudio) -> WithFallback:
    """A new process's generator: Replicate, and ComfyUI if that is away."""
    return WithFallback(hosted.generator(), own.generator(), hosted.ledger, hosted.log.append)


@pytest.mark.parametrize("fault", [ServerError(), Answers(401, {"detail": "Unauthenticated"})])
def test_another_generator_takes_over_from_a_provider_that_is_away(
    hosted: ReplicateStudio, own: ComfyStudio, fault: object
):
    """A refused account is no outage: it is said, and nothing else is rendered."""
    hosted.fake.next(CREATE, *[fault] * 9)
    generator = hosted_or_own(hosted, own)
    if isinstance(fault, Answers):
        with pytest.raises(Exception, match="check REPLICATE_API_TOKEN"):
            hosted.clip(generator)
        return
    clip = hosted.clip(generator)
    assert clip.made_by == "comfyui"
    assert (clip.cost_usd, hosted.fake.billed_usd) == (0.0, 0.0)
    assert "using comfyui instead" in hosted.log[-1]
    # Answers to requests that may have been accepted count as paid until they are found.
    assert [one.status for one in hosted.attempts] == [*["unknown"] * 3, "succeeded"]


def test_a_clip_that_is_paid_for_is_not_rendered_elsewhere(
    hosted: ReplicateStudio, own: ComfyStudio
):
    """It cannot be fetched for now; the next process fetches it, and it is paid for once."""
    hosted.fake.next("GET /delivery", *[ServerError()] * 30)
    with pytest.raises(Unavailable, match="is paid for, but not fetched"):
        hosted.clip(hosted_or_own(hosted, own))
    assert [one.status for one in hosted.attempts] == ["unfetched"]
    hosted.fake.calm()
    clip = hosted.clip(hosted_or_own(hosted, own))
    assert clip.made_by == ""
    assert len(hosted.fake.created) == 1


@pytest.mark.parametrize("status", ["asked", "unfetched"])
def test_what_the_fallback_began_is_finished_by_it(hosted: ReplicateStudio, status: str):
    """A new process does not ask the first model, which would be paid, too."""
    hosted.fake.next("prediction", Fails(MODERATED[1]))
    first = hosted.clip(hosted.with_fallback())
    assert first.made_by == "replicate seedance-1-pro-fast"
    declined, paid = hosted.attempts
    changes = {"status": status, "asked_by": DEAD, "ended_at": None, "cost_usd": 0.0}
    hosted.leave(declined, paid.model_copy(update=changes))
    again = hosted.clip(hosted.with_fallback())
    assert again.prediction_id == first.prediction_id
    assert len(hosted.fake.created) == 2


@pytest.mark.parametrize("status", ["asked", "unfetched", "unknown"])
def test_another_request_s_attempts_decide_nothing(hosted: ReplicateStudio, status: str):
    """The prompt was changed: the first model is asked, and the fallback if it declines."""
    hosted.fake.next("prediction", Fails(MODERATED[1]))
    hosted.clip(hosted.with_fallback())
    paid = [
        one.model_copy(update={"status": status, "asked_by": DEAD, "ended_at": None})
        for one in hosted.attempts
    ]
    hosted.leave(*paid)
    harmless = replace(hosted.request(), prompt="a harmless lamp")
    assert hosted.with_fallback().generate(harmless, hosted.workdir).made_by == ""
    hosted.leave(*paid)
    hosted.fake.next("prediction", Fails(MODERATED[1]))
    other = replace(hosted.request(), prompt="another lamp")
    assert hosted.with_fallback().generate(other, hosted.workdir).made_by


def test_a_lost_answer_of_a_paid_fallback_is_looked_for(hosted: ReplicateStudio):
    """Its prediction exists: the first model is not paid for the same take."""
    hosted.fake.next("prediction", Fails(MODERATED[1]))
    hosted.clip(hosted.with_fallback())
    declined, paid = hosted.attempts
    lost = {"status": "unknown", "asked_by": DEAD, "ended_at": None, "cost_usd": 0.0}
    hosted.leave(declined, paid.model_copy(update=lost))
    assert hosted.clip(hosted.with_fallback()).made_by
    assert len(hosted.fake.created) == 2


def test_an_outage_that_shows_as_timeouts(hosted: ReplicateStudio, own: ComfyStudio):
    """The provider accepts connections, and answers nothing."""
    generator = hosted_or_own(hosted, own)
    hosted.fake.next("GET /v1/models", *[Slow(4)] * 50)
    assert hosted.clip(generator).made_by == "comfyui"


def test_an_intent_that_nothing_can_resume_blocks_no_fallback(
    hosted: ReplicateStudio, tmp_path: Path
):
    """A metered plug-in's process died: the plug-in could not find its clip again either."""
    first, second = HoldingGenerator("1", pays=0.1), HoldingGenerator("2")
    second.name = "second"  # type: ignore[misc]
    first.before = lambda _request: hosted.leave(
        *(one.model_copy(update={"status": "intended"}) for one in hosted.attempts)
    )
    for _ in range(2):
        first.fails_at = {3: Unavailable("away", cost_usd=0.0)}
        metered = Metered(first, context(hosted.store))
        both = WithFallback(metered, second, hosted.ledger)
        assert both.generate(hosted.request(), tmp_path).made_by == "second"


@pytest.mark.parametrize("refusal", [OverBudget, Declined, Rejected])
def test_a_refusal_of_the_fallback_does_not_make_an_outage_final(
    hosted: ReplicateStudio, refusal: type[Rejected]
):
    """Dagster may retry the run; the sentence has both reasons."""
    first, second = HoldingGenerator("1"), HoldingGenerator("2")
    second.name = "second"  # type: ignore[misc]
    first.fails_at = {3: Unavailable("away for a minute")}
    second.fails_at = {3: refusal("it says no")}
    both = WithFallback(first, second, hosted.ledger)
    with pytest.raises(Unavailable, match="away for a minute; second does not take over: it says"):
        both.generate(hosted.request(), hosted.workdir)


def test_a_model_that_fails_does_not_close_its_provider_to_the_fallback(
    hosted: ReplicateStudio, tmp_path: Path
):
    """What the fallback renders is no failure of the provider."""
    first, second = HoldingGenerator("1", pays=0.1), HoldingGenerator("2", pays=0.1)
    together = threading.Barrier(6, timeout=20)

    def meet(_request: GenerationRequest) -> None:
        together.wait()

    first.before = meet
    away = Unavailable("the model fails", model="1", cost_usd=0.0)
    first.fails_at = dict.fromkeys(range(6), away)
    settings = Settings().model_copy(update={"home": tmp_path / "home"})
    chosen = choose_generator(
        "holding",
        replace(context(hosted.store, fallback_model="holding:2"), settings=settings),
        {"holding": lambda its: second if its.model else first},
    )

    def made_by(number: int) -> str:
        (tmp_path / str(number)).mkdir()
        wanted = replace(hosted.request(), chunk_num=number)
        return chosen.generate(wanted, tmp_path / str(number)).made_by

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(made_by, range(6))) == ["holding"] * 6


def test_a_running_prediction_is_waited_for(hosted: ReplicateStudio, own: ComfyStudio):
    """The first generator has it, whatever the fallback could do meanwhile."""
    hosted.fake.next("prediction", Takes(seconds=1))
    assert hosted.clip(hosted_or_own(hosted, own)).made_by == ""


def test_both_fail(tmp_path: Path, hosted: ReplicateStudio):
    """The fallback's failure is the one that is raised."""
    first, second = HoldingGenerator("1"), HoldingGenerator("2")
    first.fails_at = {3: Declined("the first declines")}
    second.fails_at = {3: Unavailable("the second is busy")}
    both = WithFallback(first, second, hosted.ledger)
    second.name = "second"  # type: ignore[misc]
    with pytest.raises(Unavailable, match="the second is busy"):
        both.generate(hosted.request(), tmp_path)


def test_the_same_provider_is_not_asked_while_it_is_away(hosted: ReplicateStudio):
    """Another of its models would not answer either, and the wait would be doubled."""
    first, second = HoldingGenerator("1"), HoldingGenerator("2")
    first.fails_at = {3: BUSY}
    both = WithFallback(first, second, hosted.ledger)
    with pytest.raises(Unavailable, match="busy"):
        both.generate(hosted.request(), hosted.workdir)
    assert second.requests == []


def test_references_that_the_fallback_cannot_take_are_left_out(
    hosted: ReplicateStudio, own: ComfyStudio
):
    """One reference picture less does not stop the film."""
    first, second = HoldingGenerator("1"), HoldingGenerator("2")
    first.fails_at = {3: Declined("no", model="holding")}
    wanted = hosted.request()
    with_reference = GenerationRequest(**{**vars(wanted), "references": (hosted.still,)})
    WithFallback(first, second, hosted.ledger).generate(with_reference, hosted.workdir)
    assert [len(one.references) for one in (*first.requests, *second.requests)] == [1, 0]


@pytest.mark.parametrize(
    ("fallback", "generator", "named"),
    [
        (None, "replicate", None),
        ("comfyui", "replicate", ("comfyui", None)),
        ("replicate:wan-2.2-i2v-fast", "comfyui", ("replicate", "wan-2.2-i2v-fast")),
        ("wan-2.2-i2v-fast", "replicate", ("replicate", "wan-2.2-i2v-fast")),
        ("owner/model:0123", "replicate", ("replicate", "owner/model:0123")),
        ("wan-2.2-i2v-fast", "comfyui", None),  # this run did not choose Replicate
    ],
)
def test_what_a_manifest_names(fallback: str | None, generator: str, named: object):
    """A hosted model alone is a fallback of Replicate only."""
    assert named_fallback(fallback, generator) == named


def test_an_unknown_generator_is_refused():
    """The sentence names those that exist."""
    with pytest.raises(SpecError, match=r"no generator 'comfy': choose one of comfyui, preview"):
        named_fallback("comfy:x", "replicate")


def context(store: ObjectStore, **changes: object) -> GenerationContext:
    ledger = FilmObjects(store, "film").ledger()
    return GenerationContext("film", Settings(), ledger, **changes)  # type: ignore[arg-type]


def built(name: str, store: ObjectStore, fallback: str, model: str | None = None) -> Generator:
    return build_generator(name, context(store, model=model, fallback_model=fallback), GENERATORS)


def test_a_free_generator_has_no_paid_fallback(shared_store: ObjectStore):
    """Who renders for free never gets a bill; the preview needs no fallback at all."""
    with pytest.raises(SpecError, match="which is paid, and the generator 'comfyui' is free"):
        built("comfyui", shared_store, "replicate:wan-2.2-i2v-fast")
    assert built("preview", shared_store, "replicate:wan-2.2-i2v-fast").fallback is None


def test_what_the_fallback_cannot_do_is_said_before_anything_is_paid(shared_store: ObjectStore):
    """An end picture, and a clip that is longer than it makes."""
    spec = named_specs("film", read_animatic(small_manifest()))[0]
    able = built("replicate", shared_store, "zeroscope-v2-xl", "wan-2.7-i2v")
    check_abilities(able, spec)
    assert able.abilities.end_image
    with pytest.raises(SpecError, match="zeroscope-v2-xl cannot end a clip on a picture"):
        check_abilities(able, spec.model_copy(update={"end_frame_url": "end.png"}))
    with pytest.raises(SpecError, match="zeroscope-v2-xl makes no clip"):
        chunk_price(able, spec.model_copy(update={"num_frames": 24 * 12}))
    with pytest.raises(SpecError, match="no-such-model"):
        built("replicate", shared_store, "no-such-model")
