"""The product reference and the style guide reach models that take reference pictures."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chunk_assets.film.chunk_states import chunk_states
from chunk_assets.film.plan import generation_context, plan_film
from chunk_assets.film.references import reference_note
from chunk_assets.generation.replicate.clip_request import PredictionPolicy
from chunk_assets.generation.replicate.generator import build_replicate_generator
from chunk_assets.media.images import save_png
from chunk_assets.render.context import RenderContext
from chunk_assets.render.walk import walk
from chunk_assets.schemas import read_animatic
from chunk_assets.settings import load_settings
from chunk_assets.storage import keys
from chunk_assets.storage.objects import json_bytes
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.films import put_animatic
from chunk_assets_tests.manifests import picture, small_manifest

pytestmark = pytest.mark.slow

POLICY = PredictionPolicy(first_poll_seconds=0.02, longest_poll_seconds=0.1)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeReplicate]:
    """An account on a fake Replicate."""
    with FakeReplicate() as fake:
        monkeypatch.setenv("REPLICATE_API_TOKEN", fake.token or "")
        monkeypatch.setenv("REPLICATE_BASE_URL", fake.base_url)
        yield fake


def render(store: ObjectStore, workdir: Path) -> None:
    """Render the film."""
    plan = plan_film(store, "film")
    workdir.mkdir()
    film = generation_context("film", plan.animatic, store, load_settings())
    generator = build_replicate_generator(film, policy=POLICY)
    context = RenderContext(plan=plan, store=store, generator=generator, workdir=workdir)
    list(walk(context, range(len(plan.specs))))
    generator.close()


def sent(account: FakeReplicate, url: str) -> np.ndarray:
    """Return a picture that was sent."""
    content = account.files[url.removeprefix(f"{account.base_url}/v1/files/")][2]
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def test_both_pictures_reach_every_clip(account: FakeReplicate, store: ObjectStore, tmp_path: Path):
    """The product comes first; a new product picture makes the clips out of date."""
    put_animatic(store, "film", small_manifest(model="kling-o1"))
    render(store, tmp_path / "first")
    chunks = len(plan_film(store, "film").specs)
    assert len(account.created) == chunks
    for made in account.created:
        product, style = made.input["reference_images"]
        assert np.array_equal(sent(account, style), np.asarray(picture(2)))
        assert np.array_equal(sent(account, product), np.asarray(picture(3)))
    render(store, tmp_path / "again")
    assert len(account.created) == chunks

    path = save_png(picture(9), tmp_path / "product.png")
    store.put_file(keys.animatic_file("film", "product.png"), path, "image/png")
    states = list(chunk_states(plan_film(store, "film"), store))
    assert {state.reason for state in states} == {"changed: reference"}
    render(store, tmp_path / "changed")
    assert len(account.created) == 2 * chunks


def test_other_models_get_no_references(store: ObjectStore):
    """Their specs, and so their clips, do not depend on the product's picture."""
    for model in (None, "kling-v3", "seedance-2.0"):
        put_animatic(store, "film", small_manifest(model=model))
        for spec in plan_film(store, "film").specs:
            assert (spec.reference_urls, spec.reference_versions) == ((), ())
            assert b"reference_versions" not in json_bytes(spec)


@pytest.mark.parametrize(
    ("model", "note"),
    [
        (None, "only a hosted model that takes reference pictures uses it, such as kling-o1."),
        (
            "seedance-2.0",
            "seedance-2.0 takes no reference pictures beside a first picture; choose a model that "
            "does, such as kling-o1.",
        ),
        (
            "kling-v3",
            "kling-v3 takes no reference pictures; choose a model that does, such as kling-o1.",
        ),
        ("kling-o1", None),
    ],
)
def test_the_note_says_when_the_product_reference_is_not_used(model: str | None, note: str | None):
    """It names the model, and one that takes reference pictures."""
    said = reference_note(read_animatic(small_manifest(model=model)))
    expected = note and f"product_reference is stored, but not used: {note}"
    assert said == expected
    assert (
        reference_note(read_animatic(small_manifest(model=model, product_reference=None))) is None
    )
