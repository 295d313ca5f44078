"""The fake Replicate speaks the real one's protocol, fails as it does, and bills as it does."""

import io
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from replicate.client import Client

from chunk_assets.media.frames import probe, read_frames
from chunk_assets_tests.fake_faults import (
    NEVER,
    Answers,
    Fails,
    Faults,
    Lost,
    NoCredit,
    Redirects,
    Reset,
    ServerError,
    Slow,
    Takes,
    TooMany,
    Truncated,
)
from chunk_assets_tests.fake_models import MODELS
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.media.media import photo

WAN = "wan-video/wan-2.2-i2v-fast"
ZEROSCOPE = "anotherjesse/zeroscope-v2-xl"
LTX = "lightricks/ltx-video"
TOKEN = "r8_fake"  # noqa: S105 - the fake's own


@pytest.fixture
def fake() -> Iterator[FakeReplicate]:
    """A server for one test."""
    with FakeReplicate() as running:
        yield running


@pytest.fixture
def http(fake: FakeReplicate) -> Iterator[httpx.Client]:
    """A plain HTTP client with the right token."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=fake.base_url, headers=headers, trust_env=False) as client:
        yield client


def png(size: tuple[int, int] = (128, 72)) -> bytes:
    file = io.BytesIO()
    Image.fromarray(photo("coffee", size)).save(file, "png")
    return file.getvalue()


def uploaded(http: httpx.Client, content: bytes, name: str = "still.png") -> str:
    files = {"content": (name, content, "image/png")}
    return http.post("/v1/files", files=files).json()["urls"]["get"]


def created(http: httpx.Client, **more: Any) -> dict[str, Any]:
    """Return a new prediction of Wan, as returned."""
    given = {"prompt": "a lantern", "image": uploaded(http, png()), **more}
    answer = http.post(f"/v1/models/{WAN}/predictions", json={"input": given})
    assert answer.status_code == 201, answer.text
    return answer.json()


def now(http: httpx.Client, made: dict[str, Any]) -> dict[str, Any]:
    return http.get(f"/v1/predictions/{made['id']}").json()


def until(condition: Any, seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.005)


class TestTheRealClient:
    def test_it_gets_models_creates_lists_uploads_and_cancels(
        self, fake: FakeReplicate, tmp_path: Path
    ):
        """The replicate package's typed methods work against the fake."""
        client = Client(api_token=TOKEN, base_url=fake.base_url)
        for served in MODELS:
            version = client.models.get(served.name).latest_version
            assert version is not None
            assert len(version.id) == 64
            assert client.models.get(served.name).versions.get(version.id).id == version.id
        (tmp_path / "still.png").write_bytes(png())
        image = client.files.create(tmp_path / "still.png").urls["get"]
        asked = {"prompt": "a lantern", "image": image}
        made = client.models.predictions.create(WAN, input=asked)
        assert made.status == "starting"
        got = client.predictions.get(made.id)
        assert got.status == "succeeded"
        assert got.output == f"{fake.base_url}/delivery/{made.id}/output.mp4"
        assert [one.id for one in client.predictions.list()] == [made.id]
        assert client.predictions.cancel(made.id).status == "succeeded"
        version = client.models.get(LTX).latest_version
        assert version is not None
        made = client.predictions.create(version, input=asked)
        assert client.predictions.get(made.id).output == [
            f"{fake.base_url}/delivery/{made.id}/output.mp4"
        ]
        assert len(fake.created) == 2
        client._client.close()

    def test_schemas_hold_both_forms_of_enums(self, http: httpx.Client):
        """Enums are inline or referenced, with limits, defaults and required inputs."""
        latest = http.get("/v1/models/lightricks/ltx-video").json()["latest_version"]
        schemas = latest["openapi_schema"]["components"]["schemas"]
        inputs = schemas["Input"]["properties"]
        assert inputs["length"]["allOf"] == [{"$ref": "#/components/schemas/length"}]
        assert schemas["length"]["enum"] == [97, 129, 161, 193, 225, 257]
        assert inputs["model"]["enum"] == ["0.9.1", "0.9"]
        assert (inputs["steps"]["minimum"], inputs["steps"]["maximum"]) == (1, 50)
        assert schemas["Output"]["items"]["format"] == "uri"
        latest = http.get(f"/v1/models/{WAN}").json()["latest_version"]
        assert latest["openapi_schema"]["components"]["schemas"]["Input"]["required"] == [
            "image",
            "prompt",
        ]

    def test_a_model_may_have_no_version_or_no_schema(
        self, fake: FakeReplicate, http: httpx.Client
    ):
        """Fields that may be null are null if a test wants so."""
        fake.without_version.add(WAN)
        fake.without_schema.add(LTX)
        assert http.get(f"/v1/models/{WAN}").json()["latest_version"] is None
        assert http.get(f"/v1/models/{LTX}").json()["latest_version"]["openapi_schema"] is None


class TestClips:
    def test_a_clip_shows_its_picture(self, http: httpx.Client, tmp_path: Path):
        """An output is an MP4 of the requested length and rate with the conditioning image."""
        made = now(http, created(http, num_frames=100, frames_per_second=25))
        path = tmp_path / "clip.mp4"
        path.write_bytes(http.get(made["output"]).content)
        info = probe(path)
        assert (info.frames, info.fps, info.width, info.height) == (100, 25, 128, 72)
        assert (info.codec, info.pix_fmt) == ("h264", "yuv420p")
        first = next(read_frames(path)).astype(int)
        assert np.abs(first.mean((0, 1)) - photo("coffee", (128, 72)).mean((0, 1))).max() < 6

    def test_zeroscope_shows_its_init_video(
        self, fake: FakeReplicate, http: httpx.Client, tmp_path: Path
    ):
        """The picture of `init_video` has the requested size; unknown inputs are recorded."""
        source = fake.clip(fake.created[0]) if created(http) else b""
        version = fake.models[ZEROSCOPE].version
        asked = {"init_video": uploaded(http, source), "prompt": "x", "image": "dropped"}
        asked |= {"width": 256, "height": 256, "num_frames": 12, "fps": 24}
        answer = http.post("/v1/predictions", json={"version": version, "input": asked})
        made = now(http, answer.json())
        path = tmp_path / "clip.mp4"
        path.write_bytes(http.get(made["output"][0]).content)
        info = probe(path)
        assert (info.frames, info.fps, info.width, info.height) == (12, 24, 256, 256)
        assert fake.created[-1].dropped == {"image": "dropped"}
        assert fake.created[-1].media == source
        assert "image" not in made["input"]

    def test_a_clip_is_made_fast(self, fake: FakeReplicate, http: httpx.Client):
        """A clip of five seconds is rendered within a second, and at once the second time."""
        created(http)
        start = time.perf_counter()
        fake.clip(fake.created[0])
        assert time.perf_counter() - start < 1

    def test_outputs_expire(self, fake: FakeReplicate, http: httpx.Client):
        """After its time an output is null, its file a 404, and its inputs are deleted."""
        made = now(http, created(http))
        fake.output_seconds = 0
        gone = now(http, made)
        assert (gone["output"], gone["input"], gone["data_removed"]) == (None, {}, True)
        assert http.get(made["output"]).status_code == 404

    def test_a_delivery_needs_no_token_and_notes_one(self, fake: FakeReplicate, http: httpx.Client):
        """Outputs need no token; whether the request had one is recorded."""
        output = now(http, created(http))["output"]
        assert httpx.get(output, trust_env=False).status_code == 200
        http.get(output)
        assert [got.token for got in fake.received("GET /delivery")] == ["none", "right"]

    def test_deliveries_break(self, fake: FakeReplicate, http: httpx.Client):
        """A delivery may be truncated, silently or not, redirected, or not a film."""
        output = now(http, created(http))["output"]
        whole = http.get(output).content
        fake.next("GET /delivery", Truncated(silently=True), Truncated(), Redirects(), Answers(200))
        assert http.get(output).content == whole[: len(whole) // 2]
        with pytest.raises(httpx.RemoteProtocolError):
            http.get(output)
        assert (
            http.get(output).headers["location"]
            == f"/delivery/{fake.created[0].id}/output.mp4?hop=1"
        )
        assert http.get(output).content == b""


class TestCourse:
    def test_a_prediction_starts_runs_and_ends(self, fake: FakeReplicate, http: httpx.Client):
        """A prediction is starting, processing with a progress bar in its logs, then over."""
        fake.next("prediction", Takes(0.15, 0.3))
        made = created(http)
        assert now(http, made)["status"] == "starting"
        until(lambda: now(http, made)["status"] == "processing")
        assert "%|" in now(http, made)["logs"]
        assert fake.bill == []
        until(lambda: now(http, made)["status"] == "succeeded")
        ended = now(http, made)
        assert ended["metrics"]["predict_time"] == pytest.approx(0.3)
        assert fake.bill == [(made["id"], WAN, "succeeded", 0.10, True)]
        assert fake.succeeded(prompt="a lantern")[0].id == made["id"]

    def test_what_ran_is_billed(self, fake: FakeReplicate, http: httpx.Client):
        """Failed and cancelled predictions cost a clip's price if they ran, otherwise nothing."""
        fake.prices[WAN] = 0.06
        fake.next("prediction", Fails(), Fails(has_run=False), Takes(NEVER), Takes(0, NEVER))
        one, two, three, four = (created(http) for _ in range(4))
        for made in (three, four):
            http.post(f"/v1/predictions/{made['id']}/cancel")
        assert now(http, one)["error"] == "CUDA out of memory"
        assert now(http, two)["metrics"].get("predict_time") is None
        ended = [(line.id, line.status, line.usd, line.ran) for line in fake.bill]
        assert ended == [
            (one["id"], "failed", 0.06, True),
            (two["id"], "failed", 0, False),
            (three["id"], "canceled", 0, False),
            (four["id"], "canceled", 0.06, True),
        ]
        assert fake.billed_usd == 0.12

    def test_a_deadline_aborts_or_cancels(self, fake: FakeReplicate, http: httpx.Client):
        """A deadline that passes in the queue aborts and costs nothing, later it cancels."""
        fake.deadline_scale = 0.002
        fake.next("prediction", Takes(NEVER), Takes(0, NEVER))
        http.headers["Cancel-After"] = "5s"
        one, two = created(http), created(http)
        until(lambda: len(fake.bill) == 2)
        assert [now(http, made)["status"] for made in (one, two)] == ["aborted", "canceled"]
        assert [line.usd for line in fake.bill] == [0, 0.10]

    def test_what_is_no_picture_fails_the_model(self, fake: FakeReplicate, http: httpx.Client):
        """An input that cannot be read is the model's own error."""
        made = created(http, image=uploaded(http, b"no picture"))
        assert now(http, made)["error"] == "cannot identify the file of image"

    def test_lists_are_paged_newest_first(self, fake: FakeReplicate, http: httpx.Client):
        """The list links its pages, and keeps to what was created since or before."""
        fake.page_size = 2
        ids = [created(http)["id"] for _ in range(5)]
        url, seen = "/v1/predictions", []
        while url:
            page = http.get(url).json()
            seen.append([one["id"] for one in page["results"]])
            url = page["next"]
        assert seen == [ids[:2:-1], ids[2:0:-1], ids[:1]]
        since = fake.created[3].created_at.isoformat()
        page = http.get("/v1/predictions", params={"created_after": since}).json()
        assert [one["id"] for one in page["results"]] == ids[:2:-1]
        ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        assert not http.get("/v1/predictions", params={"created_after": ahead}).json()["results"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("inputs", "field", "says"),
        [
            ({"num_frames": 48}, "input.num_frames", "greater than or equal to 81"),
            ({"num_frames": "81"}, "input.num_frames", "Expected: integer"),
            ({"resolution": "4k"}, "input.resolution", 'one of the following: "480p", "720p"'),
            ({"image": "data:image/png;base64," + "A" * 300_000}, "input.image", "256 KB"),
        ],
    )
    def test_inputs_are_checked(
        self, http: httpx.Client, inputs: dict[str, Any], field: str, says: str
    ):
        """Ranges, types, enums and the size of data URIs are checked, each with its field."""
        given = {"prompt": "x", "image": "https://example.invalid/a.png", **inputs}
        answer = http.post(f"/v1/models/{WAN}/predictions", json={"input": given})
        invalid = answer.json()["invalid_fields"]
        assert answer.status_code == 422
        assert [one["field"] for one in invalid] == [field]
        assert says in invalid[0]["description"]

    @pytest.mark.parametrize(
        ("path", "body", "status"),
        [
            ("/v1/predictions", {"version": f"{ZEROSCOPE}:latest", "input": {}}, 422),
            ("/v1/predictions", {"version": ZEROSCOPE, "input": {}}, 422),
            ("/v1/predictions", {"model": WAN, "input": {}}, 422),
            (f"/v1/models/{ZEROSCOPE}/predictions", {"input": {}}, 404),
            (f"/v1/models/{WAN}/predictions", {"input": {"prompt": "x"}}, 422),
            (f"/v1/models/{WAN}/predictions", {}, 422),
            ("/v1/models/no/body/predictions", {"input": {}}, 404),
        ],
    )
    def test_requests_are_checked(
        self, fake: FakeReplicate, http: httpx.Client, path: str, body: Any, status: int
    ):
        """`:latest`, a community model on the official path and missing inputs are refused."""
        assert http.post(path, json=body).status_code == status
        assert not fake.created

    def test_the_token_is_checked(self, fake: FakeReplicate, http: httpx.Client):
        """A wrong token is a 401, and no recorded request contains a token."""
        wrong = {"Authorization": "Bearer r8_wrong"}
        assert http.get(f"/v1/models/{WAN}", headers=wrong).status_code == 401
        http.get(f"/v1/models/{WAN}")
        assert [request.token for request in fake.requests] == ["wrong", "right"]
        assert "r8_" not in repr(fake.requests)


class TestFaults:
    def test_a_queued_fault_happens_once(self, fake: FakeReplicate, http: httpx.Client):
        """Queued refusals happen once each, in order, and create nothing."""
        wait = "Retry-After"
        fake.next(
            "POST /v1/predictions",
            TooMany(3),
            TooMany(7.5, where="body"),
            ServerError(503),
            NoCredit(),
        )
        answers = [http.post("/v1/predictions", json={}) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [429, 429, 503, 402, 422]
        assert [answer.headers.get(wait) for answer in answers[:2]] == ["3", None]
        assert answers[1].json()["retry_after"] == 7.5
        assert answers[2].headers["content-type"] == "text/html"
        assert not fake.created

    def test_a_lost_answer_leaves_a_prediction(self, fake: FakeReplicate, http: httpx.Client):
        """A lost answer's prediction is created; a reset before it creates none."""
        fake.next("POST /v1/predictions", Reset(), Lost(), Lost(504), Slow(0.5))
        with pytest.raises(httpx.ReadError):
            created(http)
        assert len(fake.created) == 0
        with pytest.raises(httpx.ReadError):
            created(http)
        given = {"prompt": "a", "image": uploaded(http, png())}
        path = f"/v1/models/{WAN}/predictions"
        assert http.post(path, json={"input": given}).status_code == 504
        with pytest.raises(httpx.ReadTimeout):
            http.post(path, json={"input": given}, timeout=0.1)
        assert len(fake.created) == 3

    def test_rates_come_from_a_seed(self):
        """The same seed gives the same faults, at about the given rates."""

        def statuses(seed: int) -> list[int]:
            faults = Faults(too_many=0.1, html_5xx=0.05, seed=seed)
            with FakeReplicate(faults=faults, token=None) as fake:
                headers = {"Authorization": "Bearer any"}
                with httpx.Client(base_url=fake.base_url, headers=headers, trust_env=False) as http:
                    return [http.get("/v1/predictions").status_code for _ in range(200)]

        first = statuses(1)
        assert first == statuses(1) != statuses(2)
        assert 10 <= first.count(429) <= 30
        assert 4 <= sum(status >= 500 for status in first) <= 18


def test_it_runs_from_the_command_line():
    """`python -m` prints the base URL, then each request without its secrets."""
    command = [sys.executable, "-m", "chunk_assets_tests.fake_replicate", "--faults", "429=0"]
    with subprocess.Popen(
        [*command, "--token", "r8_mine"], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        headers = {"Authorization": "Bearer r8_mine"}
        answer = httpx.get(f"{url}/v1/predictions", headers=headers, trust_env=False)
        line = child.stdout.readline()
        child.terminate()
    assert answer.status_code == 200
    assert line == "GET /v1/predictions → 200\n"
