"""Requests to Replicate are retried if that is safe, and never otherwise."""

import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from chunk_assets.errors import (
    Rejected,
    TimedOut,
    Unavailable,
)
from chunk_assets.generation.replicate.api import (
    Prediction,
    ReplicateApi,
)
from chunk_assets.generation.replicate.api_errors import LostAnswer
from chunk_assets.retry import RetryPolicy
from chunk_assets_tests.fake_faults import (
    NEVER,
    Answers,
    Faults,
    Lost,
    Reset,
    ServerError,
    Slow,
    Takes,
    TooMany,
)
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.generation.replicate.studio import FAST

WAN = "wan-video/wan-2.2-i2v-fast"
LTX = "lightricks/ltx-video"
CREATE = "POST /v1/predictions"
GET = "GET /v1/predictions/{id}"
TOKEN = SecretStr("r8_fake")


def create(api: ReplicateApi, still: Path, **more: Any) -> Prediction:
    inputs = {"image": api.upload(still, "image/png"), "prompt": "a lantern", **more}
    return api.create(model=WAN, version=None, inputs=inputs)


class TestAsking:
    def test_a_prediction_is_created_and_read(
        self, api: ReplicateApi, fake: FakeReplicate, still: Path
    ):
        """A prediction of an official model is created without a version, and read again."""
        made = create(api, still, seed=7)
        assert (made.status, made.is_over, made.output_url) == ("starting", False, None)
        got = api.get(made.id)
        assert got.has_succeeded
        assert got.has_run
        assert got.predict_time > 0
        assert got.input["seed"] == 7
        assert got.output_url == f"{fake.base_url}/delivery/{made.id}/output.mp4"
        assert fake.received(CREATE)[0].path == f"/v1/models/{WAN}/predictions"
        assert fake.created[0].media == still.read_bytes()
        assert not fake.created[0].dropped

    def test_a_community_model_is_requested_by_version(
        self, api: ReplicateApi, fake: FakeReplicate, still: Path
    ):
        """A version's id is sent to the other path; the first item of a list is the output."""
        info = api.model(LTX)
        assert info.is_official is False
        assert info.openapi_schema is not None
        assert info.latest_version is not None
        same = api.version(LTX, info.latest_version)
        assert (same.latest_version, same.openapi_schema) == info[1:3]
        inputs = {"image": api.upload(still, "image/png")}
        made = api.create(model=LTX, version=info.latest_version, inputs=inputs)
        assert fake.received(CREATE)[0].path == "/v1/predictions"
        assert str(api.get(made.id).output_url).startswith(fake.base_url)

    def test_null_is_none(self, api: ReplicateApi, fake: FakeReplicate):
        """A model without a version and a version without a schema are accepted."""
        fake.without_version.add(WAN)
        fake.without_schema.add(LTX)
        assert api.model(WAN)[1:] == (None, None, True)
        assert api.model(LTX).openapi_schema is None

    def test_every_prediction_has_a_deadline(
        self, api: ReplicateApi, fake: FakeReplicate, still: Path
    ):
        """Each prediction has a `Cancel-After` of at least five seconds."""
        create(api, still)
        assert fake.received(CREATE)[0].headers["cancel-after"] == "600s"
        with ReplicateApi(TOKEN, fake.base_url, cancel_after=0.2) as other:
            create(other, still)
        assert fake.received(CREATE)[1].headers["cancel-after"] == "5s"

    def test_aborted_is_final(self, api: ReplicateApi, fake: FakeReplicate, still: Path):
        """A prediction whose deadline passed in the queue is finished and did not run."""
        fake.deadline_scale = 0
        fake.next("prediction", Takes(NEVER))
        got = api.get(create(api, still).id)
        assert (got.status, got.is_over, got.has_run) == ("aborted", True, False)

    def test_cancelling_is_never_too_late(
        self, api: ReplicateApi, fake: FakeReplicate, still: Path
    ):
        """A running prediction is cancelled; a finished one is not changed."""
        fake.next("prediction", Takes(0, NEVER))
        running, done = create(api, still), create(api, still)
        assert api.cancel(running.id).status == "canceled"
        assert api.cancel(done.id).status == "succeeded"
        fake.next("POST /v1/predictions/{id}/cancel", Answers(409, {"title": "Is over"}))
        assert api.cancel(done.id).status == "succeeded"
        with pytest.raises(Rejected, match="does not have the prediction 'nothing'"):
            api.cancel("nothing")

    def test_the_list_goes_back_to_a_moment(
        self, api: ReplicateApi, fake: FakeReplicate, still: Path
    ):
        """Predictions since a moment are listed newest first over all pages, without older ones."""
        fake.page_size = 2
        made = [create(api, still).id for _ in range(6)]
        since = fake.created[1].created_at
        assert [one.id for one in api.created_since(since)] == made[:0:-1]
        assert len(fake.received("GET /v1/predictions")) == 3
        assert list(api.created_since(datetime.now(UTC) + timedelta(hours=1))) == []

    def test_a_list_that_ignores_the_moment_ends_early(
        self, api: ReplicateApi, fake: FakeReplicate
    ):
        """Older predictions end the list; entries without an id and foreign links are harmless."""
        now = datetime.now(UTC)
        page = [{"id": "new", "created_at": now.isoformat()}, {"id": None}, "?"]
        old = {"id": "old", "created_at": (now - timedelta(days=1)).isoformat()}
        link = "https://elsewhere.invalid/v1/predictions?cursor=0"
        fake.next(
            "GET /v1/predictions",
            Answers(200, {"next": link, "results": page}),
            Answers(200, {"next": link, "results": [old]}),
        )
        found = api.created_since(now - timedelta(minutes=1))
        assert [one.id for one in found] == ["new"]
        assert [got.query.get("cursor") for got in fake.requests] == [None, "0"]

    def test_many_threads_share_a_client(self, api: ReplicateApi, fake: FakeReplicate, still: Path):
        """One client creates and reads from eight threads at once."""
        url, got = api.upload(still, "image/png"), []

        def work() -> None:
            inputs = {"image": url, "prompt": "x"}
            made = api.create(model=WAN, version=None, inputs=inputs)
            got.append(api.get(made.id).status)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert got == ["succeeded"] * 8
        assert len(fake.created) == 8


class TestCreatingOnce:
    @pytest.mark.parametrize(
        "fault",
        [Reset(), ServerError(500), ServerError(503), Answers(200, "<html>"), Answers(201, {})],
        ids=repr,
    )
    def test_an_ambiguous_answer_is_lost_at_once(
        self, api: ReplicateApi, fake: FakeReplicate, still: Path, fault: Any
    ):
        """A request that may have created a prediction is reported, and never sent again."""
        fake.next(CREATE, fault)
        with pytest.raises(LostAnswer, match="is lost"):
            create(api, still)
        assert len(fake.received(CREATE)) == 1

    @pytest.mark.parametrize("fault", [Lost(), Lost(504), Slow(1)], ids=repr)
    def test_a_lost_prediction_is_found_in_the_list(
        self, fake: FakeReplicate, still: Path, fault: Any
    ):
        """A prediction whose answer was lost or late was created once."""
        fake.next(CREATE, fault)
        start = datetime.now(UTC)
        with ReplicateApi(TOKEN, fake.base_url, cancel_after=60, timeout=0.3, retries=FAST) as api:
            with pytest.raises(LostAnswer):
                create(api, still, seed=99)
            found = list(api.created_since(start))
        assert [(one.id, one.input["seed"]) for one in found] == [(fake.created[0].id, 99)]

    def test_a_refused_request_is_retried(
        self, api: ReplicateApi, fake: FakeReplicate, still: Path, retries: list[str]
    ):
        """After 429 nothing was created: the request is retried, and each retry is reported."""
        fake.next(CREATE, TooMany(), TooMany(0.01, where="body"))
        assert api.get(create(api, still).id).has_succeeded
        assert len(fake.created) == 1
        assert len(retries) == 2
        assert "accepts no more requests for now" in retries[0]
        assert "attempt 2 of 4 in" in retries[0]

    def test_a_request_without_a_connection_is_retried(self, still: Path):
        """A refused connection sent nothing, so the request is retried."""
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            port = held.getsockname()[1]
        tries: list[str] = []
        patient = RetryPolicy(attempts=50, wait_initial=0.05, wait_max=0.05)
        with ReplicateApi(
            TOKEN,
            f"http://127.0.0.1:{port}",
            cancel_after=60,
            retries=patient,
            on_retry=tries.append,
        ) as api:
            made: list[str] = []
            inputs = {"image": "x", "prompt": "x"}

            def work() -> None:
                made.append(api.create(model=WAN, version=None, inputs=inputs).id)

            asking = threading.Thread(target=work)
            asking.start()
            while not tries:
                time.sleep(0.01)
            with FakeReplicate(port=port) as fake:
                asking.join(10)
                assert made == [fake.created[0].id]

    def test_retry_after_is_obeyed(self, fake: FakeReplicate, still: Path):
        """A retry waits as long as the server asks, up to the policy's limit."""
        patient = RetryPolicy(attempts=3, wait_initial=0.001, wait_max=0.5)
        with ReplicateApi(TOKEN, fake.base_url, cancel_after=60, retries=patient) as api:
            for asked, least, most in ((0.25, 0.25, 5), (60, 0.5, 5)):
                fake.next(CREATE, TooMany(asked))
                start = time.monotonic()
                create(api, still)
                assert least <= time.monotonic() - start < most

    def test_a_wait_beyond_the_limit_is_not_begun(self, fake: FakeReplicate):
        """If the server asks for more time than is left, the request fails at once."""
        hasty = RetryPolicy(attempts=9, seconds=1)
        fake.next("GET /v1/models", TooMany(20))
        with ReplicateApi(TOKEN, fake.base_url, cancel_after=60, retries=hasty) as api:
            start = time.monotonic()
            with pytest.raises(Unavailable, match="accepts no more requests"):
                api.model(WAN)
        assert time.monotonic() - start < 5


class TestReadingAgain:
    @pytest.mark.parametrize(
        "fault", [TooMany(), ServerError(500), ServerError(502), Reset(), Answers(200, "<html>")]
    )
    @pytest.mark.parametrize("route", [GET, "GET /v1/models", "POST /v1/files"])
    def test_free_requests_are_retried(
        self, api: ReplicateApi, fake: FakeReplicate, still: Path, route: str, fault: Any
    ):
        """Reading and uploading are retried after 429, 5xx, a reset and a body that is not JSON."""
        fake.next(route, fault, fault)
        made = create(api, still)
        assert api.get(made.id).has_succeeded
        assert api.model(WAN).is_official
        assert len(fake.received(route)) == 3

    def test_the_clients_own_retries_do_not_happen(self, api: ReplicateApi, fake: FakeReplicate):
        """There are as many requests as the policy allows, then the last error is raised."""
        fake.next("GET /v1/models", *[ServerError(503)] * 4)
        with pytest.raises(Unavailable, match=r"could not answer for the model .*\(503\)"):
            api.model(WAN)
        assert len(fake.requests) == 4

    def test_a_slow_response_times_out(self, fake: FakeReplicate):
        """A late response raises `TimedOut`."""
        fake.next("GET /v1/models", Slow(0.6))
        once = RetryPolicy(attempts=1)
        with (
            ReplicateApi(TOKEN, fake.base_url, cancel_after=9, timeout=0.2, retries=once) as api,
            pytest.raises(TimedOut, match="did not answer for the model"),
        ):
            api.model(WAN)

    def test_constant_faults_are_survived(self, still: Path):
        """Polling and uploading work while a fifth of all requests fail."""
        faults = Faults(too_many=0.1, html_5xx=0.05, reset=0.05, seed=3)
        policy = RetryPolicy(attempts=8, wait_initial=0.001, wait_max=0.01)
        with (
            FakeReplicate(faults=faults) as fake,
            ReplicateApi(TOKEN, fake.base_url, cancel_after=60, retries=policy) as api,
        ):
            for _ in range(60):
                api.upload(still, "image/png")
                assert api.model(WAN).latest_version
