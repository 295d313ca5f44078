"""Damaged clips of paid generators: the price is printed first, and the limit holds."""

from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import pytest

from chunk_assets.film.objects import FilmObjects
from chunk_assets.media.frames import probe
from chunk_assets.settings import Settings
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cli.commands import done, rendered, run
from chunk_assets_tests.cli.conftest import Animatics
from chunk_assets_tests.fake_replicate import FakeReplicate

pytestmark = pytest.mark.slow

RENDER = ("render", "film", "--generator", "replicate", "--json")
CLIP = keys.chunk_video("film", 1)
NOTE = "it will be rendered again for up to $0.10, or $0.20 if later chunks change too"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeReplicate]:
    """An account at a Replicate whose predictions take no time."""
    with FakeReplicate() as fake:
        monkeypatch.setenv("REPLICATE_API_TOKEN", fake.token or "")
        monkeypatch.setenv("REPLICATE_BASE_URL", fake.base_url)
        yield fake


@pytest.fixture
def damaged(
    animatic: Animatics, store: ObjectStore, settings: Settings, account: FakeReplicate
) -> Path:
    """A rendered film without takes whose clip of chunk 1 is truncated on S3."""
    film = animatic()
    done(*RENDER)
    for key in list(store.keys(keys.takes("film", 1))):
        store.delete(key)
    cut_off(store, settings)
    return film


def cut_off(store: ObjectStore, settings: Settings) -> None:
    """Truncate the clip to 100 bytes, on S3 and in the video cache."""
    record = dict(store.find(CLIP).record)
    store.client.put_object(Bucket=store.bucket, Key=CLIP, Body=bytes(100), Metadata=record)
    rmtree(settings.home / "nearby")


def notes(stderr: str) -> list[str]:
    """The lines about chunks that are rendered again."""
    return [line for line in stderr.splitlines() if "rendered again" in line]


def test_a_paid_clip_that_is_intact_as_a_take_costs_nothing(
    animatic: Animatics, store: ObjectStore, settings: Settings, account: FakeReplicate
):
    """No prediction is requested."""
    animatic()
    done(*RENDER)
    cut_off(store, settings)
    ended = done(*RENDER)
    assert ended.stderr.splitlines()[0].endswith("; it will be made again at no cost")
    assert len(account.created) == 3
    assert store.damage(store.find(CLIP)) == ""


@pytest.mark.usefixtures("damaged")
def test_a_paid_clip_is_fetched_again_while_its_file_is_there(
    store: ObjectStore, account: FakeReplicate
):
    """The price is printed first, and nothing is bought, whatever the limit."""
    ended = done(*RENDER, "--max-cost", "0.30")
    assert ended.stderr.splitlines()[0].startswith("chunk 01: its clip is damaged: ")
    assert [line.endswith(NOTE) for line in notes(ended.stderr)] == [True]
    assert rendered(ended) == [1]
    assert len(account.created) == 3
    assert ended.document["total_cost"] == pytest.approx(account.billed_usd) == 0.30
    assert store.damage(store.find(CLIP)) == ""
    assert probe(Path("film.mp4")).frames == 48


@pytest.mark.usefixtures("damaged")
def test_a_clip_whose_file_is_gone_is_bought_within_the_limit_only(
    store: ObjectStore, account: FakeReplicate
):
    """Above the limit nothing is paid; within it one clip is, and the bill has both."""
    for made in account.created:
        made.born -= account.output_seconds + 60
    refused = run(*RENDER, "--max-cost", "0.35")
    assert refused.code == 2
    assert notes(refused.stderr)[0].endswith(NOTE)
    assert "of the film's limit of $0.35 only $0.05 remains" in refused.stderr.splitlines()[-1]
    assert len(account.created) == 3
    ended = done(*RENDER, "--max-cost", "0.40")
    assert notes(ended.stderr)[0].endswith(NOTE)
    assert rendered(ended)[0] == 1
    assert len(account.created) == 4
    assert ended.document["total_cost"] == pytest.approx(account.billed_usd) == 0.40
    assert [one.seed for one in FilmObjects(store, "film").ledger().chunk(1).attempts] == [
        account.created[1].input["seed"]
    ] * 2
