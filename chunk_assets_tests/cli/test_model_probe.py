"""`models --probe`: it says the price first, pays once, and shows what the model really does."""

from collections.abc import Iterator

import pytest

from chunk_assets.film.objects import FilmObjects
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cli.commands import done, run, sentence
from chunk_assets_tests.fake_replicate import FakeReplicate

pytestmark = pytest.mark.slow

PROBE = ("models", "--probe", "kling-v3", "--yes")
KLING = "kwaivgi/kling-v3-video"


@pytest.fixture
def account(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeReplicate]:
    """An account at a Replicate whose predictions take no time, and an empty bucket."""
    with FakeReplicate() as fake:
        fake.width = 640
        monkeypatch.setenv("REPLICATE_API_TOKEN", fake.token or "")
        monkeypatch.setenv("REPLICATE_BASE_URL", fake.base_url)
        yield fake


def test_a_probe_measures_one_clip_and_keeps_it(store: ObjectStore, account: FakeReplicate):
    """Size, rate, length, sound, both ends; a second probe measures the same clip at no cost."""
    account.metrics[KLING] = {"video_output_duration_seconds": 3, "resolution_target": "standard"}
    first = done(*PROBE, "--json").document
    [made] = account.created
    assert made.dropped == {}
    assert (made.input["duration"], made.input["mode"]) == (3, "standard")
    assert made.input["end_image"] != made.input["start_image"]
    assert (first["prediction_id"], first["cost_usd"]) == (made.id, pytest.approx(0.504))
    found = {one["name"]: (one["asked"], one["measured"]) for one in first["findings"]}
    assert found["size"] == ("standard", "640x360")
    assert found["rate"] == ("24 fps", "24 fps")
    assert found["length"] == ("3 s", "3 s")
    assert found["sound"] == ("none", "none")
    assert found["content credentials"] == ("unknown", "not signed")
    assert found["seed"] == ("not accepted", "-")
    likeness = {name: float(found[f"{name} frame"][1].split()[1]) for name in ("first", "last")}
    assert min(likeness.values()) > 20
    kept = FilmObjects(store, "probe-kling-v3").take(0, 1, "original")
    assert kept.uri == first["clip"]
    assert kept.head() is not None

    again = done(*PROBE)
    assert len(account.created) == 1
    assert f"Prediction {made.id}: $0.50. The clip is kept at {kept.uri}." in again.stdout


def test_a_second_clip_shows_whether_the_seed_repeats(account: FakeReplicate):
    """The fake pans over the picture, whatever the seed: its clips are the same."""
    probe = ("models", "--probe", "wan-2.2-i2v-fast", "--yes", "--json")
    seeds = []
    for _ in range(2):
        findings = done(*probe).document["findings"]
        seeds.append(next(one["measured"] for one in findings if one["name"] == "seed"))
        account.created[0].born -= 7200  # its data is deleted
    assert len(account.created) == 2
    assert seeds[0] == "a second probe shows whether it repeats"
    assert seeds[1].startswith("repeated (PSNR")


def test_nothing_is_paid_without_consent(account: FakeReplicate, monkeypatch: pytest.MonkeyPatch):
    """The price is shown first; a missing token and an unknown or retired model are sentences."""
    ended = run("models", "--probe", "kling-v3")
    assert ended.code != 0
    assert "one clip of 3 s from kling-v3 (kwaivgi/kling-v3-video): about $0.50" in ended.stderr
    assert account.created == []
    assert "choose veo-3.1-fast or kling-v3" in sentence("models", "--probe", "sora-2", "--yes")
    assert "there is no model 'x'" in sentence("models", "--probe", "x", "--yes")
    assert "--yes needs --probe" in run("models", "--yes").stderr
    monkeypatch.delenv("REPLICATE_API_TOKEN")
    assert "needs an API token" in sentence(*PROBE)
    assert account.created == []
