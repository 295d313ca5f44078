"""The bill in the terminal: failures as they happen, and a cost column that adds up."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chunk_assets.film.bill import Bill, ChunkBill, in_dollars
from chunk_assets.film.objects import FilmObjects
from chunk_assets.generation.ledger_entries import Attempt
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cli.commands import Ended, done
from chunk_assets_tests.cli.conftest import Animatics
from chunk_assets_tests.fake_faults import MODERATED, Fails
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.manifests import small_manifest

pytestmark = pytest.mark.slow

RENDER = ("render", "film", "--generator", "replicate")
PRICE = 0.10
BUSY = "CUDA out of memory"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeReplicate]:
    """An account at a Replicate whose predictions take no time."""
    with FakeReplicate() as fake:
        monkeypatch.setenv("REPLICATE_API_TOKEN", fake.token or "")
        monkeypatch.setenv("REPLICATE_BASE_URL", fake.base_url)
        yield fake


def column(ended: Ended) -> list[float]:
    """The table's costs, top to bottom."""
    rows = [line for line in ended.stdout.splitlines() if re.match(r"\d\d ", line)]
    return [float(line.rpartition("$")[2].rstrip("?")) for line in rows]


def total(ended: Ended) -> float:
    """The total that is printed."""
    found = re.search(r"cost \$([0-9.]+)", ended.stdout.splitlines()[-1])
    found = found or re.search(r"; cost \$([0-9.]+)", ended.stdout)
    assert found is not None, ended.stdout
    return float(found[1])


def test_a_failed_prediction_is_a_line_as_it_happens_and_in_the_bill(
    animatic: Animatics, store: ObjectStore, account: FakeReplicate
):
    """It has chunk, attempt, reason and cost; the column adds up to the total, also in `status`
    and in JSON.
    """
    animatic()
    account.next("prediction", None, Fails(BUSY))
    ended = done(*RENDER)
    [line] = [line for line in ended.stderr.splitlines() if BUSY in line]
    assert line.startswith("chunk 1 of film 'film': prediction ")
    assert line.endswith("it cost $0.10; requesting prediction 2 of 3")
    assert column(ended) == [PRICE, 2 * PRICE, PRICE]
    assert total(ended) == sum(column(ended)) == pytest.approx(account.billed_usd)
    failed = next(made for made in account.created if made.status == "failed")
    assert (
        f"chunk 01: $0.10 of it for prediction {failed.id}, failed ({BUSY})"
        in ended.stdout.splitlines()
    )
    shown = done("status", "film")
    assert column(shown) == [PRICE, 2 * PRICE, PRICE]
    assert "cost $0.40" in shown.stdout
    for document in (done(*RENDER, "--json").document, done("status", "film", "--json").document):
        bills = [chunk["bill"] for chunk in document["chunks"]]
        assert [bill["total_usd"] for bill in bills] == [PRICE, 2 * PRICE, PRICE]
        assert document["total_cost"] == pytest.approx(account.billed_usd)
        assert document["unsettled_cost"] == 0
        assert [one["status"] for one in bills[1]["attempts"]] == ["failed", "succeeded"]
        assert bills[1]["attempts"][0]["error"] == BUSY


def test_unknown_costs_count_at_full_price(
    animatic: Animatics, store: ObjectStore, account: FakeReplicate
):
    """They are marked, explained and part of the total; void attempts are not."""
    animatic()
    done(*RENDER)
    lost = Attempt(
        key="k",
        request="r",
        model="anotherjesse/zeroscope-v2-xl",
        seed=1,
        asked_at=datetime.now(UTC),
        asked_by="here:1:a",
        media_url_sha256="",
        price_usd=PRICE,
        status="unknown",
        error="it is not in Replicate's list",
    )
    FilmObjects(store, "film").ledger().update(0, lost)
    FilmObjects(store, "film").ledger().update(
        1, lost.model_copy(update={"status": "void", "error": "it was never created"})
    )
    ended = done("status", "film")
    assert column(ended) == [2 * PRICE, PRICE, PRICE]
    assert "$0.20?" in ended.stdout
    assert "cost $0.40?" in ended.stdout
    assert "chunk 00: $0.10 of it for an attempt, unknown (it is not in" in ended.stdout
    assert "? $0.10 may not have been spent" in ended.stdout
    assert "never created" not in ended.stdout
    assert done("status", "film", "--json").document["unsettled_cost"] == pytest.approx(PRICE)


def test_chunks_that_are_no_longer_planned_are_in_the_column(
    animatic: Animatics, desk: Path, store: ObjectStore, account: FakeReplicate
):
    """Shortening a film does not reduce its cost."""
    animatic()
    done(*RENDER)
    short = small_manifest(duration=4, transitions=[], frames=["one.png"])
    short["beats"] = short["beats"][:1]
    (desk / "film" / "animatic.json").write_text(json.dumps(short))
    ended = done(*RENDER)
    assert len(column(ended)) == 3
    assert "02" in ended.stdout
    assert "(no longer in the film)" in ended.stdout
    assert total(ended) == pytest.approx(sum(column(ended)))


def test_the_cost_of_a_refusal_is_printed(
    animatic: Animatics, store: ObjectStore, account: FakeReplicate
):
    """A declined prediction that was billed is a line, before the fallback model is used."""
    account.prices["bytedance/seedance-1-pro-fast"] = 0.03  # two seconds in 480p
    animatic(fallback_model="seedance-1-pro-fast")
    account.next("prediction", Fails(MODERATED[1]))
    ended = done(*RENDER)
    assert any(
        line.startswith("chunk 0 of film 'film': prediction ") and line.endswith("it cost $0.10")
        for line in ended.stderr.splitlines()
    )
    assert total(ended) == pytest.approx(sum(column(ended))) == pytest.approx(account.billed_usd)


@pytest.mark.parametrize(
    ("amounts", "texts"),
    [
        ([0.1, 0.2, 0.3], ["$0.10", "$0.20", "$0.30"]),
        ([0.1896] * 2 + [0.3792], ["$0.1896", "$0.1896", "$0.3792"]),
        ([0.06075, 0.1], ["$0.06075", "$0.10000"]),
        ([], []),
    ],
)
def test_amounts_have_enough_decimals_for_their_sum(amounts: list[float], texts: list[str]):
    """Rounded to cents, a column of fifteen clips would not add up."""
    assert in_dollars(amounts) == texts


def test_an_empty_bill():
    """An unknown film cost nothing."""
    assert (Bill().total_usd, Bill().chunk(3), Bill().beyond([])) == (0, ChunkBill(3), [])
