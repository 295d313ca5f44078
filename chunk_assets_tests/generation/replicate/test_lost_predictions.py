"""An attempt is void only if no prediction can exist; unknown ones count at their price."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chunk_assets.errors import OverBudget, Unavailable
from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.ledger_entries import Attempt, now
from chunk_assets_tests.fake_faults import (
    Answers,
    Lost,
    NoCredit,
    Reset,
    ServerError,
    TooMany,
    WebPage,
)
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.generation.replicate.studio import DEAD, ReplicateStudio

pytestmark = pytest.mark.slow

CREATE, LIST = "POST /v1/predictions", "GET /v1/predictions"


def statuses(studio: ReplicateStudio) -> list[str]:
    return [attempt.status for attempt in studio.attempts]


def intent(studio: ReplicateStudio, **changes: Any) -> Attempt:
    """Leave the ledger of a process that died between its intent and the POST."""
    studio.clip()
    [attempt] = studio.attempts
    nameless = {"status": "intended", "prediction_id": None, "asked_by": DEAD, "cost_usd": 0}
    left = attempt.model_copy(update={**nameless, "output_sha256": None, **changes})
    studio.leave(left)
    return left


@pytest.mark.parametrize("minutes", [-60, -6, 6, 60])
def test_a_wrong_clock_loses_no_prediction(
    studio: ReplicateStudio, fake: FakeReplicate, minutes: float
):
    """Replicate's own time counts; the difference is logged once."""
    fake.clock = timedelta(minutes=minutes)
    fake.next(CREATE, Lost())
    studio.clip()
    assert len(fake.created) == 1
    assert len([line for line in studio.log if "this machine's clock is" in line]) == 1


def test_a_list_that_lags_loses_no_prediction(studio: ReplicateStudio, fake: FakeReplicate):
    """It is searched for until it must be listed."""
    fake.list_lag = 0.3
    fake.next(CREATE, Lost(502))
    studio.clip()
    assert len(fake.created) == 1


def test_an_unlisted_prediction_is_unknown_and_found_later(
    studio: ReplicateStudio, fake: FakeReplicate
):
    """It counts at its price while it is unknown, and at its cost once it is found."""
    fake.list_lag = 5
    fake.next(CREATE, Lost(502))
    clip = studio.clip()
    assert len(fake.created) == 2
    assert statuses(studio) == ["unknown", "succeeded"]
    ledger = studio.ledger.chunk(3)
    assert ledger.cost_usd == clip.cost_usd
    assert ledger.committed_usd == pytest.approx(2 * clip.cost_usd)
    fake.list_lag = 0
    clip = studio.clip(seed=8)  # before anything new is asked
    assert statuses(studio) == ["succeeded"] * 3
    assert {one.prediction_id for one in studio.attempts} == {made.id for made in fake.created}
    assert clip.spent_usd == pytest.approx(3 * clip.cost_usd)


def test_the_next_run_continues_an_unknown_prediction(studio: ReplicateStudio, fake: FakeReplicate):
    """A prediction that is listed late makes the clip, and no other is requested."""
    fake.list_lag = 60
    fake.next(CREATE, Lost(502), *[ServerError()] * 2)
    with pytest.raises(Unavailable):
        studio.clip()
    fake.list_lag = 0
    studio.clip()
    assert len(fake.created) == 1
    assert statuses(studio) == ["succeeded", "unknown", "unknown"]


@pytest.mark.parametrize(
    "fault", [ServerError(500), ServerError(503), Answers(408), Reset(), WebPage()], ids=repr
)
def test_a_post_that_keeps_failing_ends_and_explains_its_waits(
    studio: ReplicateStudio, fake: FakeReplicate, fault: Any
):
    """After three unlisted predictions; each counts at its price until it is found."""
    fake.always(CREATE, fault)
    with pytest.raises(Unavailable) as caught:
        studio.clip(studio.with_fallback())
    said = str(caught.value)
    assert "failed 3 times on chunk 3 of film 'film'" in said
    assert "is lost (" in said
    assert "may have been spent on predictions whose answers were lost" in said
    assert len(fake.received(CREATE)) == 3
    assert statuses(studio) == ["unknown"] * 3
    assert studio.ledger.chunk(3).unknown_usd == pytest.approx(3 * studio.attempts[0].price_usd)
    looking = [line for line in studio.log if "looking for it in Replicate's list for" in line]
    again = [line for line in studio.log if "requesting prediction " in line]
    assert len(looking) == 3
    assert [line.rpartition("prediction ")[2] for line in again] == ["2 of 3", "3 of 3"]


def test_unknown_attempts_count_against_the_limit(studio: ReplicateStudio, fake: FakeReplicate):
    """No request is sent that could exceed it if the lost prediction was billed."""
    studio.max_cost_usd = 1.5 * studio.generator().price_usd(60, FrameRate(24), (128, 72))
    fake.always(CREATE, ServerError())
    with pytest.raises(OverBudget):
        studio.clip()
    assert len(fake.received(CREATE)) == 1


def test_an_intent_whose_input_is_deleted_is_unknown(studio: ReplicateStudio, fake: FakeReplicate):
    """An hour later the list has a prediction that may or may not be it."""
    intent(studio, asked_at=now() - timedelta(minutes=70))
    made = fake.created[0]
    made.created_at -= timedelta(minutes=70)
    made.born -= 70 * 60
    studio.clip()
    assert statuses(studio) == ["unknown", "succeeded"]
    assert studio.ledger.chunk(3).unknown_usd > 0


def test_an_intent_missing_in_a_complete_list_is_void(studio: ReplicateStudio, fake: FakeReplicate):
    """Twenty minutes later the list is complete and shows all inputs: it was never created."""
    intent(studio, asked_at=now() - timedelta(minutes=21), media_url_sha256="0" * 64)
    fake.created.clear()
    clip = studio.clip()
    assert statuses(studio) == ["void", "succeeded"]
    assert studio.ledger.chunk(3).committed_usd == clip.cost_usd


def _without_results(_fake: FakeReplicate) -> Answers:
    return Answers(200, {"next": None, "previous": None})


def _with_a_riddle(_fake: FakeReplicate) -> Answers:
    return Answers(200, {"next": None, "results": [{"id": None}]})


def _in_a_circle(fake: FakeReplicate) -> Answers:
    return Answers(200, {"next": f"{fake.base_url}/v1/predictions?cursor=0", "results": []})


@pytest.mark.parametrize("answer", [_with_a_riddle, _in_a_circle])
def test_an_incomplete_list_proves_nothing(
    studio: ReplicateStudio, fake: FakeReplicate, answer: Callable[[FakeReplicate], Answers]
):
    """It may be an entry without an id, or on a page that is not read."""
    intent(studio, asked_at=now() - timedelta(minutes=21), media_url_sha256="0" * 64)
    fake.created.clear()
    fake.always(LIST, answer(fake))
    studio.clip()
    assert statuses(studio) == ["unknown", "succeeded"]


@pytest.mark.parametrize("fault", [_without_results, lambda _fake: WebPage()])
def test_an_unreadable_list_stops_the_film(
    studio: ReplicateStudio, fake: FakeReplicate, fault: Callable[[FakeReplicate], Answers]
):
    """No request is sent while the list is unreadable, and the intent stays."""
    left = intent(studio)
    fake.always(LIST, fault(fake))
    with pytest.raises(Unavailable, match="the list of predictions"):
        studio.clip()
    assert studio.attempts == (left,)
    assert len(fake.received(CREATE)) == 1


def test_an_intent_of_an_older_version_is_found_or_unknown(
    studio: ReplicateStudio, fake: FakeReplicate
):
    """Its time is from this machine's clock, which proves nothing."""
    old = {"clock": "local", "media_url_sha256": "0" * 64}
    intent(studio, asked_at=now() - timedelta(minutes=40), **old)
    fake.created.clear()
    studio.clip()
    assert statuses(studio) == ["unknown", "succeeded"]


@pytest.mark.parametrize("fault", [Answers(401, {}), NoCredit(), Answers(422, {})], ids=repr)
def test_a_refused_request_is_void(studio: ReplicateStudio, fake: FakeReplicate, fault: Any):
    """Replicate's response proves that nothing was created."""
    fake.next(CREATE, fault)
    with pytest.raises(Exception, match="Replicate refused"):
        studio.clip()
    assert statuses(studio) == ["void"]


def test_a_throttled_request_is_retried_and_reported(studio: ReplicateStudio, fake: FakeReplicate):
    """The message has the attempt's number and the wait."""
    fake.next(CREATE, TooMany())
    studio.clip()
    assert [line for line in studio.log if "; attempt 2 of 4 in " in line]
