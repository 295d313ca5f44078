"""A run that is stopped while it waits for Replicate ends at once, and nothing is paid twice."""

import threading
import time

import pytest

from chunk_assets.errors import HandedOff, Stopped, Unavailable
from chunk_assets.generation.replicate.clip_request import PredictionPolicy
from chunk_assets.generation.stopping import StopSignal, answered, pause, streamed
from chunk_assets.retry import RetryPolicy, retry
from chunk_assets_tests.fake_faults import Lost, Slow, Takes, TooMany
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.generation.replicate.studio import FAST, ReplicateStudio

pytestmark = pytest.mark.slow

POST = "POST /v1/predictions"
LOOK = "GET /v1/predictions/{id}"
CANCEL = "POST /v1/predictions/{id}/cancel"
LONG = Slow(8)


def stopped_at(
    fake: FakeReplicate,
    route: str,
    studio: ReplicateStudio,
    reason: Exception | None = None,
    retries: RetryPolicy = FAST,
) -> float:
    """Ask for a clip, stop once `route` has been asked; return the seconds until that ended."""
    stop, began = StopSignal(), list[float]()

    def stop_once_asked() -> None:
        while True:
            asked = fake.received(route)
            if asked and (retries is FAST or asked[0].status):
                began.append(time.monotonic())
                stop.set(reason)
                return
            time.sleep(0.01)

    threading.Thread(target=stop_once_asked, daemon=True).start()
    with pytest.raises(type(reason) if reason else Stopped):
        studio.generator(retries=retries).generate(studio.request(), studio.workdir, stop=stop)
    return time.monotonic() - began[0]


@pytest.mark.parametrize("route", ["GET /v1/models", "POST /v1/files", POST, LOOK, "GET /delivery"])
def test_a_stop_does_not_wait_for_an_answer(
    fake: FakeReplicate, studio: ReplicateStudio, route: str
):
    """The run ends at once for every request, and the next run pays nothing again."""
    fake.next(route, LONG)
    assert stopped_at(fake, route, studio) < 2
    fake.calm()
    studio.clip()
    assert [made.status for made in fake.created] in (["succeeded"], ["canceled", "succeeded"])
    billed = sum(line.ran for line in fake.bill) * studio.attempts[-1].price_usd
    assert sum(attempt.committed_usd for attempt in studio.attempts) == pytest.approx(billed)


@pytest.mark.parametrize("reason", [None, HandedOff("film 'film' is handed on")])
def test_a_stop_during_the_request_for_a_prediction_proves_nothing(
    fake: FakeReplicate, studio: ReplicateStudio, reason: Exception | None
):
    """The intent stays in the ledger, and the next run continues with the prediction."""
    fake.next(POST, LONG)
    stopped_at(fake, POST, studio, reason)
    assert [attempt.status for attempt in studio.attempts] == ["intended"]
    studio.clip()
    assert len(fake.created) == 1
    assert [attempt.status for attempt in studio.attempts] == ["succeeded"]


def test_a_stop_between_two_requests_for_a_prediction_leaves_nothing_open(
    fake: FakeReplicate, studio: ReplicateStudio
):
    """Replicate refused each request, so nothing was created or counts."""
    fake.always(POST, TooMany())
    patient = RetryPolicy(attempts=9, wait_initial=5)
    stopped_at(fake, POST, studio, retries=patient)
    assert [(one.status, one.committed_usd) for one in studio.attempts] == [("void", 0)]


def test_a_stop_waits_briefly_for_its_cancellation(fake: FakeReplicate, studio: ReplicateStudio):
    """The log names the prediction, which stays in the ledger and is not requested again."""
    fake.next("prediction", Takes(seconds=3))
    fake.next(CANCEL, Lost(502), LONG)
    assert stopped_at(fake, LOOK, studio) < 3.5
    assert [attempt.status for attempt in studio.attempts] in (["asked"], ["canceled"])
    sentence = "has not confirmed within 2 s that prediction "
    assert [sentence in line for line in studio.log].count(True) == 1


def test_a_stop_ends_the_cancellation_of_an_overdue_prediction(
    fake: FakeReplicate, studio: ReplicateStudio
):
    """The retries of the cancellation end at once, and the prediction stays in the ledger."""
    studio.policy = PredictionPolicy(
        max_seconds=0.2, first_poll_seconds=0.05, longest_poll_seconds=0.1
    )
    fake.next("prediction", Takes(queue=0, seconds=30))
    fake.always(CANCEL, TooMany())
    patient = RetryPolicy(attempts=9, wait_initial=5)
    assert stopped_at(fake, CANCEL, studio, retries=patient) < 4
    assert [attempt.status for attempt in studio.attempts] == ["asked"]


def test_a_stop_ends_the_wait_before_a_retry():
    """It ends at once, however long the server asked to wait."""
    began, stop = time.monotonic(), StopSignal()

    def refused() -> None:
        raise Unavailable("too many", retry_after=30.0)

    def tell(_sentence: str) -> None:
        stop.set()

    with pytest.raises(Stopped):
        retry(
            refused,
            RetryPolicy(),
            on_retry=tell,
            pause=lambda seconds: pause(seconds, stop),
        )
    assert time.monotonic() - began < 2


def test_an_answer_that_trickles_in_times_out():
    """It times out, even if each byte arrives in time."""
    with pytest.raises(TimeoutError):
        answered(lambda: time.sleep(5), seconds=0.3)


def test_an_abandoned_stream_ends():
    """An abandoned stream is closed on its own thread, which ends."""
    closed = threading.Event()

    def numbers():
        try:
            yield from range(1000)
        finally:
            closed.set()

    numbers_read = streamed(numbers)
    assert next(numbers_read) == 0
    numbers_read.close()
    assert closed.wait(5)
