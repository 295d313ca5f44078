"""Replicate's refusals become one sentence each, without secrets."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from chunk_assets.errors import (
    GenerationError,
    MediaError,
    Rejected,
    SpecError,
)
from chunk_assets.generation.replicate.api import (
    Prediction,
    ReplicateApi,
)
from chunk_assets_tests.fake_faults import (
    Answers,
    Fails,
    NoCredit,
    Reset,
)
from chunk_assets_tests.fake_replicate import FakeReplicate

WAN = "wan-video/wan-2.2-i2v-fast"
LTX = "lightricks/ltx-video"
CREATE = "POST /v1/predictions"
GET = "GET /v1/predictions/{id}"
TOKEN = SecretStr("r8_fake")


def create(api: ReplicateApi, still: Path, **more: Any) -> Prediction:
    inputs = {"image": api.upload(still, "image/png"), "prompt": "a lantern", **more}
    return api.create(model=WAN, version=None, inputs=inputs)


class TestErrors:
    @pytest.mark.parametrize(
        ("fault", "says"),
        [
            (Answers(401, {"detail": "no"}), "refused the API token: check REPLICATE_API_TOKEN"),
            (Answers(403, "<html>"), "check REPLICATE_API_TOKEN"),
            (NoCredit(), "for lack of credit: add some at https://replicate.com/account"),
            (Answers(404, {}), f"does not have a prediction by {WAN!r}"),
            (Answers(413, ""), "too large: the limit is 100 MB"),
            (Answers(422, {"detail": "bad, see https://x.test/y"}), r"as invalid: bad, see \(addr"),
            (Answers(307, "", {"Location": "/v1/files/x"}), "check REPLICATE_BASE_URL"),
            (Answers(418, {"title": "a teapot"}), r"refused a prediction .* \(418\): a teapot"),
        ],
        ids=lambda value: str(getattr(value, "status", "")),
    )
    def test_a_refusal_is_one_sentence(
        self, api: ReplicateApi, fake: FakeReplicate, still: Path, fault: Any, says: str
    ):
        """A final refusal raises `Rejected` at once, and says what to do."""
        fake.next(CREATE, fault)
        with pytest.raises(Rejected, match=says) as caught:
            create(api, still)
        assert len(fake.received(CREATE)) == 1
        assert "\n" not in str(caught.value)

    def test_invalid_inputs_are_named(self, api: ReplicateApi, fake: FakeReplicate, still: Path):
        """A 422 names each field and what is allowed."""
        with pytest.raises(Rejected) as caught:
            create(api, still, num_frames=48, resolution="4k")
        assert str(caught.value) == (
            f"Replicate refused a prediction by {WAN!r} as invalid: "
            "num_frames: Must be greater than or equal to 81; "
            'resolution: resolution must be one of the following: "480p", "720p"'
        )
        assert caught.value.data["num_frames"] == "Must be greater than or equal to 81"

    def test_bad_arguments_are_refused(self, api: ReplicateApi, tmp_path: Path):
        """Malformed names, inputs that are not JSON and missing files are refused at once."""
        with pytest.raises(SpecError, match="'zeroscope' is not a model on Replicate"):
            api.model("zeroscope")
        with pytest.raises(SpecError, match="is not a model"):
            api.model("a/../b")
        with pytest.raises(SpecError, match="are not JSON"):
            api.create(model=WAN, version=None, inputs={"seed": float("nan")})
        with pytest.raises(MediaError, match="cannot be read: No such file"):
            api.upload(tmp_path / "none.png", "image/png")

    @pytest.mark.parametrize(
        "url",
        [
            "http://api.replicate.com",
            "https://api.replicate.com/v1",
            "https://user:word@api.replicate.com",
            "ftp://127.0.0.1",
            "http://10.0.0.1",
            "nonsense",
        ],
    )
    def test_a_base_url_is_checked(self, url: str):
        """The token is sent over TLS only, and a password in a URL is not shown."""
        with pytest.raises(SpecError, match="expected https") as caught:
            ReplicateApi(TOKEN, url, cancel_after=60)
        assert "word" not in str(caught.value)

    def test_loopback_and_https_are_allowed(self):
        """Replicate's own address is the default; loopback is for tests."""
        for url, where in (
            (None, "https://api.replicate.com"),
            ("http://[::1]:9/", "http://[::1]:9"),
        ):
            with ReplicateApi(TOKEN, url, cancel_after=60) as api:
                assert api.base_url == where

    @pytest.mark.parametrize("token", ["", "r8_secret\n", "r8 secret", "r8_sécret"])
    def test_a_token_is_checked(self, token: str):
        """A malformed token is refused without being shown."""
        with pytest.raises(SpecError, match="check REPLICATE_API_TOKEN") as caught:
            ReplicateApi(SecretStr(token), cancel_after=60)
        assert "cret" not in str(caught.value)

    def test_loopback_uses_no_proxy(self, fake: FakeReplicate, monkeypatch: pytest.MonkeyPatch):
        """A proxy in the environment is not used for this machine."""
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        with ReplicateApi(TOKEN, fake.base_url, cancel_after=60) as api:
            assert api.model(WAN).is_official


def test_messages_contain_no_secrets(
    api: ReplicateApi,
    fake: FakeReplicate,
    still: Path,
    caplog: pytest.LogCaptureFixture,
    retries: list[str],
    capfd: pytest.CaptureFixture[str],
):
    """No error, log line, repr or retry message contains the token, a URL or an image."""
    caplog.set_level(logging.DEBUG)
    said: list[str] = [repr(api)]

    def failing(call: Callable[[], object]) -> None:
        with pytest.raises(GenerationError) as caught:
            call()
        error = caught.value
        said.extend((str(error), repr(error), repr(error.data), repr(error.__cause__)))

    fake.next("prediction", Fails(f"cannot open {fake.base_url}/v1/files/abc"))
    failed = api.get(create(api, still).id)
    made = api.get(create(api, still).id)
    said.extend((repr(failed), str(failed.error), failed.logs, repr(made), str(made)))
    address = f"{fake.base_url}/v1/files/abc"
    for status in (400, 401, 404, 422, 429, 500):
        fake.next(
            CREATE, *[Answers(status, {"detail": f"{address} and data:image/png;base64,AA"})] * 4
        )
        failing(lambda: create(api, still))
        fake.calm()
    fake.next(CREATE, Reset())
    failing(lambda: create(api, still))
    fake.next(GET, *[Reset()] * 4)
    failing(lambda: api.get(made.id))
    failing(lambda: create(api, still, num_frames=1))
    said.extend((*retries, caplog.text, *capfd.readouterr()))
    assert len(retries) > 3
    assert "HTTP Request" in caplog.text
    for secret in fake.secrets:
        assert not [text for text in said if secret in text]
