"""A fallback takes over what a generator cannot render for now, and nothing is paid for twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from chunk_assets.errors import Declined, SpecError, Unavailable
from chunk_assets.film.abilities import check_abilities
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import named_specs
from chunk_assets.film.quotes import chunk_price
from chunk_assets.generation.base import GenerationRequest, Generator
from chunk_assets.generation.context import GenerationContext
from chunk_assets.generation.fallback import WithFallback
from chunk_assets.generation.registry import GENERATORS, build_generator, named_fallback
from chunk_assets.schemas import read_animatic
from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.fake_comfyui import FakeComfyUI
from chunk_assets_tests.fake_faults import MODERATED, Answers, Fails, ServerError, Takes
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.generation.comfyui.studio import ComfyStudio
from chunk_assets_tests.generation.replicate.studio import DEAD, ReplicateStudio
from chunk_assets_tests.generators import BUSY, HoldingGenerator
from chunk_assets_tests.manifests import small_manifest
from chunk_assets_tests.media.media import photo

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
        ("wan-2.2-i2v-fast", "comfyui", None),  # nobody chose Replicate for this run
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
