"""A paid clip is downloaded while it may exist, and not paid for again."""

from datetime import timedelta
from typing import Any

import pytest

from chunk_assets.errors import Declined, GenerationError, Rejected, Unavailable
from chunk_assets_tests.fake_faults import Answers, Shows, Truncated, WebPage
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.generation.replicate.studio import ReplicateStudio

pytestmark = pytest.mark.slow

CREATE, GET, DELIVERY = "POST /v1/predictions", "GET /v1/predictions/{id}", "GET /delivery"
WAN = "wan-video/wan-2.2-i2v-fast"


@pytest.mark.parametrize("output", [None, "", [], {}], ids=repr)
def test_a_late_output_is_read_again(studio: ReplicateStudio, fake: FakeReplicate, output: Any):
    """A prediction that has succeeded may show its output a moment later."""
    fake.next(GET, *[Shows({"output": output})] * 3)
    clip = studio.clip()
    assert len(fake.created) == 1
    assert clip.spent_usd == clip.cost_usd
    assert [line for line in studio.log if "is paid for, but its output is" in line]


@pytest.mark.parametrize("status", [404, 410, 403, 401])
def test_a_late_file_is_downloaded_again(studio: ReplicateStudio, fake: FakeReplicate, status: int):
    """A single error for a new output proves nothing."""
    fake.next(DELIVERY, *[Answers(status)] * 2)
    studio.clip()
    assert len(fake.created) == 1
    assert [attempt.status for attempt in studio.attempts] == ["succeeded"]


UNFETCHABLE = {
    "404": (DELIVERY, Answers(404)),
    "403": (DELIVERY, Answers(403)),
    "500": (DELIVERY, Answers(500)),
    "302 to nowhere": (DELIVERY, Answers(302, "", {"Location": "http://example.com/x"})),
    "web page": (DELIVERY, WebPage()),
    "truncated": (DELIVERY, Truncated(silently=True)),
    "null": (GET, Shows({"output": None})),
    "empty list": (GET, Shows({"output": []})),
    "object": (GET, Shows({"output": {"video": "https://example.com/x.mp4"}})),
}


@pytest.mark.parametrize(("route", "fault"), UNFETCHABLE.values(), ids=UNFETCHABLE)
def test_an_unfetched_clip_is_kept_for_the_next_run(
    studio: ReplicateStudio, fake: FakeReplicate, route: str, fault: Any
):
    """The run fails without a second request or model; the next run pays nothing."""
    fake.always(route, fault)
    with pytest.raises(GenerationError, match="is paid for, but not fetched: ") as caught:
        studio.clip(studio.with_fallback())
    said = str(caught.value)
    assert "chunk 3 of film 'film'" in said
    assert "rendering again fetches prediction" in said
    assert "x.mp4" not in said
    assert len(fake.received(CREATE)) == 1
    [attempt] = studio.attempts
    assert (attempt.status, attempt.cost_usd) == ("unfetched", attempt.price_usd)
    fake.calm()
    clip = studio.clip()
    assert clip.details["prediction_id"] == fake.created[0].id
    assert clip.spent_usd == clip.cost_usd
    assert len(fake.received(CREATE)) == 1
    [attempt] = studio.attempts
    assert (attempt.status, attempt.error) == ("succeeded", None)


FORMS = {
    "an object with 'audio', 'video'": lambda url: {"video": url, "audio": url},
    "a list that begins with an object with 'url'": lambda url: [{"url": url}],
    "a list that begins with a list that begins with a web address": lambda url: [[url]],
    "a list that begins with null": lambda url: [None, url],
    "a number": lambda _url: 7,
    "true or false": lambda _url: True,
    "text that is no web address": lambda _url: "output.mp4",
    "a list that begins with text that is no web address": lambda _url: ["ftp://example.com/x"],
}


@pytest.mark.parametrize("form", FORMS)
def test_an_output_of_an_unknown_form_costs_one_prediction(
    studio: ReplicateStudio, fake: FakeReplicate, form: str
):
    """The error shows its form, and neither this run nor the next requests it again."""
    fake.outputs[WAN] = FORMS[form]
    for _ in range(2):
        with pytest.raises(Rejected) as caught:
            studio.clip(studio.with_fallback())
        assert f"its output has an unknown form, {form}: expected a URL" in str(caught.value)
        assert "/delivery/" not in str(caught.value)
    assert len(fake.received(CREATE)) == 1


def test_the_published_output_form_is_checked_before_payment(
    studio: ReplicateStudio, fake: FakeReplicate
):
    """Nothing is uploaded; a fallback takes over."""
    video = {"type": "string", "format": "uri"}
    fake.output_schemas[WAN] = {"type": "object", "properties": {"video": video}}
    with pytest.raises(Declined, match="publishes an output of an unknown form, an object with 'v"):
        studio.clip()
    assert fake.received("POST /v1/files") == []
    clip = studio.clip(studio.with_fallback())
    assert clip.details["replicate_model"] == "bytedance/seedance-1-pro-fast"


def test_a_file_missing_after_an_hour_is_deleted(studio: ReplicateStudio, fake: FakeReplicate):
    """By Replicate's clock; it is then requested again, and both count."""
    fake.always(DELIVERY, Answers(404))
    with pytest.raises(Unavailable):
        studio.clip()
    fake.calm()
    fake.next(DELIVERY, Answers(404))
    fake.clock += timedelta(minutes=61)
    clip = studio.clip()
    assert len(fake.created) == 2
    assert clip.spent_usd == pytest.approx(2 * clip.cost_usd)
    assert "its output is deleted" in (studio.attempts[0].error or "")


def test_a_new_prediction_that_is_not_shown_is_polled_again(
    studio: ReplicateStudio, fake: FakeReplicate
):
    """Right after its creation, not all of Replicate's servers may know it."""
    fake.next(GET, *[Answers(404)] * 3)
    studio.clip()
    assert len(fake.created) == 1


def test_a_prediction_that_is_never_shown_stays_in_the_ledger(
    studio: ReplicateStudio, fake: FakeReplicate
):
    """The run fails without requesting another; the next run finds it."""
    fake.always(GET, Answers(404))
    with pytest.raises(Unavailable, match="check that the API token is of the same account"):
        studio.clip()
    assert [attempt.status for attempt in studio.attempts] == ["asked"]
    fake.calm()
    studio.clip()
    assert len(fake.received(CREATE)) == 1


def test_a_prediction_missing_after_an_hour_is_unknown(
    studio: ReplicateStudio, fake: FakeReplicate
):
    """Its outcome is unknown: it counts at its price, and another is requested."""
    fake.always(GET, Answers(404))
    with pytest.raises(Unavailable):
        studio.clip()
    fake.clock += timedelta(minutes=61)
    fake.calm()
    fake.next(GET, Answers(404), Answers(404))
    studio.clip()
    assert [attempt.status for attempt in studio.attempts] == ["unknown", "succeeded"]
    ledger = studio.ledger.chunk(3)
    assert ledger.committed_usd == pytest.approx(2 * ledger.cost_usd)
    assert ledger.unknown_usd == ledger.cost_usd


def test_another_predictions_response_is_refused(studio: ReplicateStudio, fake: FakeReplicate):
    """A cache may mix up responses."""
    fake.next(GET, Shows({"id": "another", "status": "failed", "error": "E005"}))
    studio.clip()
    assert len(fake.created) == 1
