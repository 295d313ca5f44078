"""Two chunks rendered for real, on Replicate: costs money, so it runs only when it is asked for.

::

    REPLICATE_API_TOKEN=... pytest -m live -n 0
"""

import os
import sys
from pathlib import Path

import pytest

from chunk_assets.film.objects import FilmObjects
from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.catalog import load_catalog
from chunk_assets.generation.hosted import HostedModel
from chunk_assets.media.frames import probe
from chunk_assets.planning.timeline import OVERLAP_SECONDS, SLOT_SECONDS
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cli.commands import done
from chunk_assets_tests.cli.conftest import _loggers  # noqa: F401 - a fixture, used by itself
from chunk_assets_tests.manifests import manifest, write_animatic

FPS, SIZE = 24, (832, 480)


@pytest.fixture(autouse=True)
def _is_meant(request: pytest.FixtureRequest) -> None:
    """No test costs money by accident: `-m` must be exactly `live`."""
    if request.config.getoption("markexpr") != "live":
        pytest.skip("it costs money: ask for it with -m live")
    if not os.environ.get("REPLICATE_API_TOKEN"):
        pytest.skip("it needs REPLICATE_API_TOKEN")


def slot(model: HostedModel) -> float:
    """Seconds of the film that one of its clips fills."""
    return model.slot_seconds(FrameRate(FPS), OVERLAP_SECONDS, wanted=SLOT_SECONDS)


def two_chunks_usd(model: HostedModel) -> float:
    """What the first two chunks of a film cost on a model: the second one has a lead-in."""
    slot_frames = round(slot(model) * FPS)
    frames = (slot_frames, slot_frames + round(OVERLAP_SECONDS * FPS))
    return sum(model.price_usd(model.clip_length(count, FrameRate(FPS)), SIZE) for count in frames)


@pytest.mark.live
@pytest.mark.timeout(3600)
def test_two_chunks_for_real(
    store: ObjectStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    """The cheapest model of the catalog makes a film of two chunks, for what was said before."""
    model = min(load_catalog().values(), key=two_chunks_usd)
    usd = two_chunks_usd(model)
    with capsys.disabled():  # on stderr, which pytest-xdist lets through
        print(f"\n{model.name}: two chunks for about ${usd:.3f}", file=sys.stderr, flush=True)
    duration = 2 * slot(model)
    beats = [{"name": "all", "prompt_template": "a paper boat on calm water", "duration": duration}]
    document = manifest(
        **{"duration": duration, "fps": FPS, "resolution": "{}x{}".format(*SIZE)},
        **{"beats": beats, "transitions": [], "frames": ["one.png"], "model": model.name},
    )
    write_animatic(tmp_path / "film", document, SIZE)
    monkeypatch.chdir(tmp_path)
    limit = round(usd + 0.0001, 4)
    ended = done("render", "film", "--generator", "replicate", "--max-cost", limit, "--json")
    assert probe(Path("film.mp4")).frames == round(duration * FPS)
    assert ended.document["total_cost"] == pytest.approx(usd)
    for number in range(2):
        [attempt] = FilmObjects(store, "film").ledger().chunk(number).attempts
        assert attempt.status == "succeeded"
    assert list(store.keys("videos/film/")) == [
        "videos/film/output.json",
        "videos/film/stitched.mp4",
    ]
