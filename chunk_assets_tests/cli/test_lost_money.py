"""How the command line reports unknown costs and retries."""

from collections.abc import Iterator

import pytest

from chunk_assets.film.objects import FilmObjects
from chunk_assets.generation.ledger_entries import ChunkLedger
from chunk_assets.storage import keys
from chunk_assets.storage.objects import JSON, json_bytes
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cli.commands import done, sentence
from chunk_assets_tests.cli.conftest import Animatics
from chunk_assets_tests.fake_faults import Answers, TooMany, WebPage
from chunk_assets_tests.fake_replicate import FakeReplicate

pytestmark = pytest.mark.slow

RENDER = ("render", "film", "--generator", "replicate")
KEY = f"{keys.ledgers('film')}chunk_01.json"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeReplicate]:
    """An account at a Replicate whose predictions take no time."""
    with FakeReplicate() as fake:
        monkeypatch.setenv("REPLICATE_API_TOKEN", fake.token or "")
        monkeypatch.setenv("REPLICATE_BASE_URL", fake.base_url)
        yield fake


def test_a_damaged_ledger_pays_nothing_and_hides_no_film(
    animatic: Animatics, store: ObjectStore, account: FakeReplicate
):
    """The error names the object; `status` shows it with the film, and other films as usual."""
    animatic()
    done("submit", "film", "--video-id", "other")
    store.put_bytes(KEY, b'{"video_id": "film", "chu', JSON)
    said = sentence(*RENDER)
    assert said.startswith(f"{store.uri(KEY)} is damaged (")
    assert "move that object away and render again" in said
    assert account.created == []
    shown = done("status").stdout
    assert "film        3      0        3  missing  $0.00" in shown
    assert f"film: {store.uri(KEY)} is damaged (" in shown
    assert "other       3" in shown
    assert f"{store.uri(KEY)} is damaged" in done("status", "film").stdout
    done("render", "film")  # the preview costs nothing
    done("page", "film")


def test_unknown_costs_and_unfetched_clips_are_shown(
    animatic: Animatics, store: ObjectStore, account: FakeReplicate
):
    """`status` has them as text and as JSON."""
    animatic()
    done(*RENDER)
    [made] = FilmObjects(store, "film").ledger().chunk(1).attempts
    lost = made.model_copy(update={"key": "lost", "status": "unknown", "cost_usd": 0.0})
    unfetched = made.model_copy(update={"status": "unfetched"})
    ledger = ChunkLedger(video_id="film", chunk_num=1, attempts=(lost, unfetched))
    store.put_bytes(KEY, json_bytes(ledger), JSON)
    shown = done("status", "film").stdout
    assert (
        "? $0.10 may not have been spent: predictions are open, or their answers were lost" in shown
    )
    assert "1 clip is paid for and not fetched yet" in shown
    document = done("status", "film", "--json").document
    assert document["unknown_usd"] == pytest.approx(0.10)
    assert len(document["cost_notes"]) == 3
    assert "$0.40 of the cost is an estimate, not a bill." in document["cost_notes"]
    assert "$0.40 of the cost is an estimate" in shown


def test_retries_are_printed(animatic: Animatics, account: FakeReplicate):
    """Each retry has its number and reason, also without a terminal."""
    animatic()
    account.next("POST /v1/predictions", TooMany())
    account.next("GET /delivery", Answers(404))
    said = done(*RENDER).stderr
    assert "Replicate accepts no more requests for now" in said
    assert "; attempt 2 of 6 in " in said
    assert "is paid for, but a prediction's output is not there (404)" in said
    assert "retrying for up to 60 s" in said
    assert len(account.created) == 3


def test_a_login_page_instead_of_replicate_is_an_error(animatic: Animatics, account: FakeReplicate):
    """The error suggests a login page or proxy, and nothing is requested."""
    animatic()
    account.next("GET /v1/models", *[WebPage()] * 2)
    said = done(*RENDER).stderr
    assert (
        "was answered with a web page: check for a login page or proxy between here and Replicate"
        in said
    )
