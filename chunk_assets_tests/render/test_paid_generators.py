"""Every paid generator has its own price, the film's cost limit and the ledger."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from chunk_assets.cli.dry_run import print_dry_run
from chunk_assets.errors import SpecError
from chunk_assets.film.bill import film_bill
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.records import ClipRecord
from chunk_assets.film.submission import read_directory
from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.budget import clip_price
from chunk_assets.settings import Settings
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import Studio, failure
from chunk_assets_tests.generators import BUSY, HoldingGenerator, only
from chunk_assets_tests.manifests import small_manifest, write_animatic

pytestmark = pytest.mark.slow

PRICE = 0.42


@pytest.fixture
def studio(store: ObjectStore, instance: dg.DagsterInstance) -> Studio:
    """A deployment whose only generator is paid and not Replicate."""
    made = Studio(store, instance, HoldingGenerator(pays=PRICE))
    made.submit()
    return made


def dry_run(
    settings: Settings, directory: Path, generator: HoldingGenerator, *, as_json: bool
) -> None:
    print_dry_run(
        settings,
        "film",
        read_directory(directory),
        generator.name,
        None,
        takes=1,
        only=False,
        as_json=as_json,
        generators=only(generator),
    )


def test_a_dry_run_shows_the_generators_own_price(
    settings: Settings, store: ObjectStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """It shows neither a price nor a model of Replicate's."""
    directory = write_animatic(tmp_path / "film", small_manifest())
    dry_run(settings, directory, HoldingGenerator(pays=PRICE), as_json=True)
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert [chunk["price_usd"] for chunk in document["chunks"]] == [PRICE] * 3
    assert document["price_usd"] == pytest.approx(3 * PRICE)
    assert (document["model"], document["is_estimate"]) == (None, False)
    dry_run(settings, directory, HoldingGenerator(pays=PRICE), as_json=False)
    assert "3 of 3 chunks would be rendered by holding: $1.26;" in capsys.readouterr().out
    dry_run(settings, directory, HoldingGenerator(), as_json=False)
    assert "3 of 3 chunks would be rendered by holding: $0.00;" in capsys.readouterr().out


@pytest.mark.parametrize("price", [float("nan"), float("inf"), -1.0, True, 1e308])
def test_a_price_that_is_not_an_amount_is_refused(price: Any):
    """The error names the generator and the value in one sentence."""
    with pytest.raises(SpecError, match="the price that the generator 'holding' names is "):
        clip_price(HoldingGenerator(pays=price), 16, FrameRate(8), (128, 72))


def test_the_limit_holds_for_any_paid_generator(studio: Studio):
    """The clip that would exceed it is not requested; a higher limit lets the film continue."""
    said = failure(studio.render(range(3), max_cost_usd=1.0))
    assert "chunk 2 of film 'film' would cost about $0.42 on holding" in said
    assert "limit of $1.00 only $0.16 remains, with $0.84 spent or in flight" in said
    assert studio.generator.chunks == [0, 1]
    assert studio.render(range(3), max_cost_usd=1.5, reuse="matching").success
    assert studio.generator.chunks == [0, 1, 2]
    assert film_bill(studio.store, "film", {}).total_usd == pytest.approx(3 * PRICE)


def test_a_damaged_clip_is_the_same_take_at_its_price_within_the_limit(studio: Studio):
    """A generator that cannot resume a request repeats it, and both clips count."""
    assert studio.render(range(3)).success
    store, key = studio.store, keys.chunk_video("film", 1)
    for damaged in (key, f"{keys.take('film', 1, 1)}clip.mp4"):
        record = dict(store.find(damaged).record)
        store.client.put_object(Bucket=store.bucket, Key=damaged, Body=bytes(100), Metadata=record)
    said = failure(studio.render(range(3), max_cost_usd=3.5 * PRICE, reuse="matching"))
    assert "limit of $1.47 only $0.21 remains" in said
    assert studio.generator.chunks == [0, 1, 2]
    assert studio.render(range(3), max_cost_usd=4 * PRICE, reuse="matching").success
    assert studio.generator.chunks == [0, 1, 2, 1]
    assert studio.generator.requests[3].seed == studio.generator.requests[1].seed
    assert film_bill(studio.store, "film", {}).total_usd == pytest.approx(4 * PRICE)
    assert ClipRecord.of(store.find(key)).spent_usd == pytest.approx(2 * PRICE)


def test_the_manifests_limit_holds_too(studio: Studio):
    """`max_cost_usd` in the manifest stops the film before its first clip."""
    studio.submit("film", small_manifest(max_cost_usd=0.1))
    assert "of the film's limit of $0.10" in failure(studio.render(range(3)))
    assert studio.generator.chunks == []


def test_a_failure_counts_at_full_price_unless_the_generator_names_its_cost(studio: Studio):
    """The ledger has both with their reasons, and the film's cost includes them."""
    studio.generator.fails_at = {0: BUSY}
    studio.render(range(1))
    studio.generator.fails_at = {0: type(BUSY)("declined", cost_usd=0.02)}
    studio.render(range(1))
    assert studio.render(range(1)).success
    attempts = FilmObjects(studio.store, "film").ledger().chunk(0).attempts
    assert [(one.status, one.cost_usd) for one in attempts] == [
        ("failed", PRICE),
        ("failed", 0.02),
        ("succeeded", PRICE),
    ]
    assert attempts[0].error == "the model is busy: try again later"
    assert film_bill(studio.store, "film", {}).total_usd == pytest.approx(2 * PRICE + 0.02)


def test_a_free_generator_keeps_no_ledger(store: ObjectStore, instance: dg.DagsterInstance):
    """Free clips are not recorded in a ledger, and a cost limit of 0 allows them."""
    studio = Studio(store, instance, HoldingGenerator())
    studio.submit()
    assert studio.render(range(3), max_cost_usd=0.0).success
    assert list(FilmObjects(store, "film").ledger().film()) == []
