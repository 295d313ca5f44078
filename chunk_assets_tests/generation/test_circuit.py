"""A provider that keeps failing is left alone for a while, by all processes of this machine."""

import time
from pathlib import Path

import pytest

from chunk_assets.errors import Rejected, Unavailable
from chunk_assets.film.objects import FilmObjects
from chunk_assets.generation.base import GenerationRequest
from chunk_assets.generation.circuit import Circuit, CircuitBreaker, CircuitPolicy
from chunk_assets.generation.context import GenerationContext
from chunk_assets.generation.registry import choose_generator
from chunk_assets.media.images import save_png
from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.generation.replicate.requests import request
from chunk_assets_tests.generators import BUSY, HoldingGenerator, only
from chunk_assets_tests.manifests import picture

POLICY = CircuitPolicy(failures=3, open_seconds=0.5)


@pytest.fixture
def wanted(tmp_path: Path) -> GenerationRequest:
    """A small clip."""
    still = save_png(picture(1), tmp_path / "still.png")
    return request(conditioning_image=still, num_frames=4, size=(128, 72))


def test_it_opens_after_failures_in_a_row_and_closes_by_a_success(
    tmp_path: Path, wanted: GenerationRequest
):
    """While it is open nothing is asked; the sentence says why and until when."""
    generator, home = HoldingGenerator(pays=1.0), tmp_path / "home"

    def render() -> None:  # as another process would
        breaker = CircuitBreaker(generator, Circuit(home, "holding", POLICY))
        breaker.generate(wanted, tmp_path)

    for failure in range(3):
        generator.fails_at = {1: BUSY}
        with pytest.raises(Unavailable, match="the model is busy") as raised:
            render()
        assert ("after several failures in a row" in str(raised.value)) == (failure == 2)
    with pytest.raises(Unavailable, match=r"not asked of holding, which has failed 3 times.*UTC"):
        render()
    assert len(generator.requests) == 3
    time.sleep(0.6)
    generator.fails_at = {1: BUSY}
    with pytest.raises(Unavailable, match="after several failures"):
        render()
    time.sleep(0.6)
    render()
    assert list((home / "circuits").iterdir()) == []
    assert len(generator.requests) == 5


def test_a_refusal_is_no_failure_of_the_provider(tmp_path: Path, wanted: GenerationRequest):
    """It would refuse the same request again, and others not."""
    generator, circuit = HoldingGenerator(pays=1.0), Circuit(tmp_path, "holding", POLICY)
    for _ in range(5):
        generator.fails_at = {1: Rejected("the prompt is empty")}
        with pytest.raises(Rejected):
            CircuitBreaker(generator, circuit).generate(wanted, tmp_path)
    assert len(generator.requests) == 5


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[" * 9000,
        b'{"failures": "x"}',
        b'{"failures": 9, "open_until": 1e300, "reason": ""}',
        b'{"failures": 9, "open_until": NaN, "reason": ""}',
    ],
)
def test_a_damaged_file_keeps_nothing_closed(tmp_path: Path, content: bytes):
    """Neither does one from a clock that was wrong."""
    path = tmp_path / "circuits" / "holding.json"
    path.parent.mkdir()
    path.write_bytes(content)
    Circuit(tmp_path, "holding", POLICY).check("chunk 1")


def test_a_provider_is_guarded_and_a_free_generator_is_not(store: ObjectStore, settings: Settings):
    """What renders here cannot be down."""
    context = GenerationContext("film", settings, FilmObjects(store, "film").ledger())
    paid, free = HoldingGenerator(pays=1.0), HoldingGenerator()
    assert isinstance(choose_generator("holding", context, only(paid)), CircuitBreaker)
    assert choose_generator("holding", context, only(free)) is free
