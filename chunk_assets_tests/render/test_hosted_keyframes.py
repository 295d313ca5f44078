"""Key pictures on a hosted model: all predictions run at once, and none is paid for twice."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from chunk_assets.errors import HandedOff, SpecError
from chunk_assets.film.abilities import check_abilities
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import generation_context, plan_film
from chunk_assets.generation.base import Generator
from chunk_assets.generation.replicate.clip_request import PredictionPolicy
from chunk_assets.generation.replicate.generator import build_replicate_generator
from chunk_assets.media.images import cover, open_picture
from chunk_assets.render.context import RenderContext
from chunk_assets.render.hooks import Shutdown
from chunk_assets.render.scenes import walk_scenes
from chunk_assets.settings import load_settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.fake_faults import Lost
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.films import put_animatic
from chunk_assets_tests.manifests import picture, small_manifest

pytestmark = pytest.mark.slow

SIZE = (128, 72)
TOLERANCE = 12.0
"""Mean error, of 255, of a small picture that was scaled to 480p and encoded by the model."""


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeReplicate]:
    """An account whose predictions take 2 seconds."""
    with FakeReplicate(seconds=2) as fake:
        monkeypatch.setenv("REPLICATE_API_TOKEN", fake.token or "")
        monkeypatch.setenv("REPLICATE_BASE_URL", fake.base_url)
        yield fake


def put_film(store: ObjectStore, model: str = "wan-2.2-i2v-fast") -> None:
    """A film of two chunks of 4.5 s, each with its picture."""
    beats = [{"name": name, "duration": 4.5, "prompt_template": name} for name in ("one", "two")]
    document = small_manifest(
        duration=9,
        beats=beats,
        transitions=None,
        frames=["a.png", "b.png"],
        continuity="keyframes",
        model=model,
    )
    put_animatic(store, document=document)


def hosted(store: ObjectStore) -> Generator:
    """The film's model, polled quickly."""
    animatic = plan_film(store, "film").animatic
    policy = PredictionPolicy(first_poll_seconds=0.05, longest_poll_seconds=0.1, settle_seconds=0.4)
    return build_replicate_generator(
        generation_context("film", animatic, store, load_settings()), policy=policy
    )


def render(store: ObjectStore, workdir: Path, shutdown: Shutdown | None = None) -> None:
    """Render the film."""
    plan = plan_film(store, "film")
    workdir.mkdir()
    with closing(hosted(store)) as generator:
        context = RenderContext(
            plan=plan,
            store=store,
            generator=generator,
            workdir=workdir,
            shutdown=shutdown or Shutdown(),
        )
        list(walk_scenes(context, range(len(plan.specs))))


class Leaving(Shutdown):
    """A process that must stop at once, and leaves its predictions to the next one."""

    keeps_predictions = True

    def __init__(self, account: FakeReplicate):
        self._account = account

    def is_urgent(self) -> bool:
        return len(self._account.created) >= 2


def test_a_run_that_is_handed_off_pays_for_nothing_twice(
    account: FakeReplicate, store: ObjectStore, tmp_path: Path
):
    """Both predictions run at once, one of their answers is lost, and the next run takes both.

    The clip of the first chunk ends on the second picture.
    """
    put_film(store)
    account.next("POST /v1/predictions", Lost())
    with pytest.raises(HandedOff):
        render(store, tmp_path / "one", Leaving(account))
    assert [made.is_over for made in account.created] == [False, False]
    render(store, tmp_path / "two")
    assert [made.status for made in account.created] == ["succeeded"] * 2
    ends = [made.input.get("last_image") is not None for made in account.created]
    assert sorted(ends) == [False, True]
    last = tmp_path / "last.png"
    FilmObjects(store, "film").last_frame(0).download(last)
    wanted = np.asarray(cover(picture(1), SIZE), np.float32)
    assert np.abs(np.asarray(open_picture(last), np.float32) - wanted).mean() < TOLERANCE
    assert [thread.name for thread in threading.enumerate() if thread.name == "chain"] == []


def test_a_hosted_model_without_end_pictures_is_refused(account: FakeReplicate, store: ObjectStore):
    """The sentence names models that can; nothing is requested."""
    put_film(store, model="zeroscope-v2-xl")
    first = next(spec for spec in plan_film(store, "film").specs if spec.end_frame_url)
    with closing(hosted(store)) as generator, pytest.raises(SpecError) as refused:
        check_abilities(generator, first)
    assert "zeroscope-v2-xl cannot end a clip on a picture" in str(refused.value)
    assert "wan-2.2-i2v-fast" in str(refused.value)
    assert account.requests == []
