"""Outputs are downloaded completely, are videos, and come from allowed hosts only."""

import base64
import logging
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pydantic import SecretStr

from chunk_assets.errors import GenerationError, MediaError, Rejected, TimedOut, Unavailable
from chunk_assets.generation.replicate.api import ReplicateApi, RetryPolicy
from chunk_assets.generation.replicate.download import Gone, fetch
from chunk_assets.media.frames import probe
from chunk_assets_tests.fake_faults import (
    Answers,
    Redirects,
    Reset,
    ServerError,
    Slow,
    TooMany,
    Truncated,
)
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.generation.replicate.studio import FAST

WAN = "wan-video/wan-2.2-i2v-fast"
TOKEN = SecretStr("r8_fake")
REAL = "https://api.replicate.com"
ROUTE = "GET /delivery"


@pytest.fixture
def output(api: ReplicateApi, still: Path) -> str:
    """The URL of a clip."""
    inputs = {"image": api.upload(still, "image/png"), "prompt": "x"}
    url = api.get(api.create(model=WAN, version=None, inputs=inputs).id).output_url
    assert url is not None
    return url


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """The path of the clip, alone in its directory."""
    (tmp_path / "clips").mkdir()
    return tmp_path / "clips" / "clip.mp4"


def get(url: str, target: Path, api: str, **more: Any) -> None:
    fetch(url, target, api=api, token=TOKEN, **{"retries": FAST, **more})


def is_empty(target: Path) -> bool:
    return not list(target.parent.iterdir())


class TestFetching:
    def test_a_clip_is_fetched(self, fake: FakeReplicate, output: str, target: Path):
        """A clip is saved byte for byte, without other files."""
        get(output, target, fake.base_url)
        assert target.read_bytes() == fake.clip(fake.created[0])
        assert list(target.parent.iterdir()) == [target]

    @pytest.mark.parametrize(
        "fault",
        [
            TooMany(),
            ServerError(503),
            Reset(),
            Truncated(),
            Truncated(silently=True),
            Truncated(0.98, silently=True),
            Truncated(0, silently=True),
            Answers(200, "<html>not a film</html>"),
            Answers(204),
        ],
        ids=repr,
    )
    def test_a_broken_download_is_retried(
        self, fake: FakeReplicate, output: str, target: Path, fault: Any
    ):
        """A busy server, a truncated file and a file that is no film are retried."""
        said: list[str] = []
        fake.next(ROUTE, fault, fault)
        get(output, target, fake.base_url, on_retry=said.append)
        assert probe(target).frames == 81
        assert len(fake.received(ROUTE)) == 3
        assert len(said) == 2

    def test_retries_are_limited(self, fake: FakeReplicate, output: str, target: Path):
        """A file that is never a film raises `Unavailable`, and no file is left."""
        fake.next(ROUTE, *[Truncated(silently=True)] * 4)
        with pytest.raises(Unavailable, match="bytes that are not a complete video"):
            get(output, target, fake.base_url)
        assert len(fake.received(ROUTE)) == 4
        assert is_empty(target)

    @pytest.mark.parametrize(
        "body",
        [
            "RIFF\x10\x00\x00\x00AVI LIST",
            "GIF89a\x00\x7d\x00\x7d" + "\x00" * 40,  # 32000 × 32000 pixels
            "RIFF\x10\x00\x00\x00WEBPVP8 " + "\x00" * 40,  # a still picture
        ],
    )
    def test_a_complete_file_of_an_unsupported_kind_is_kept(
        self, fake: FakeReplicate, output: str, target: Path, body: str
    ):
        """It was paid for: it is saved as it is, and downloaded once."""
        fake.next(ROUTE, Answers(200, body))
        get(output, target, fake.base_url)
        assert target.read_bytes() == body.encode()
        assert len(fake.received(ROUTE)) == 1

    def test_an_animated_webp_is_a_clip(
        self, fake: FakeReplicate, output: str, target: Path, tmp_path: Path
    ):
        """An animated WebP is accepted unchanged."""
        pictures = [Image.new("RGB", (64, 48), (40 * n, 90, 200)) for n in range(6)]
        path = tmp_path / "a.webp"
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=50)
        encoded = base64.b64encode(path.read_bytes()).decode()
        get(f"data:image/webp;base64,{encoded}", target, REAL)
        assert probe(target).frames == 6

    def test_a_deleted_output_is_gone(self, fake: FakeReplicate, output: str, target: Path):
        """An output older than an hour raises `Gone` at once."""
        fake.output_seconds = 0
        with pytest.raises(Gone, match="Replicate keeps it for an hour"):
            get(output, target, fake.base_url)
        fake.next(ROUTE, Answers(410))
        with pytest.raises(Gone):
            get(output, target, fake.base_url)
        assert len(fake.received(ROUTE)) == 2

    def test_a_slow_download_times_out(self, fake: FakeReplicate, output: str, target: Path):
        """A silent server and a server that is too slow raise `TimedOut`."""
        once = RetryPolicy(attempts=1)
        fake.next(ROUTE, Slow(0.5))
        with pytest.raises(TimedOut, match="in time"):
            get(output, target, fake.base_url, timeout=0.1, retries=once)
        with pytest.raises(TimedOut, match="is too slow"):
            get(output, target, fake.base_url, total_seconds=0, retries=once)
        assert is_empty(target)

    def test_a_limit_is_kept(self, fake: FakeReplicate, output: str, target: Path):
        """A file that is too large is refused at once, whether or not it announces its size."""
        size = len(fake.clip(fake.created[0]))
        get(output, target, fake.base_url, max_bytes=size)
        target.unlink()
        with pytest.raises(Rejected, match=f"too large: the limit is {size - 1} bytes"):
            get(output, target, fake.base_url, max_bytes=size - 1)
        assert len(fake.received(ROUTE)) == 2
        assert is_empty(target)

    def test_a_stream_without_a_length_is_limited(
        self, fake: FakeReplicate, output: str, target: Path
    ):
        """A file without an announced length is refused at the limit, too."""
        body = f"{0xFFFF:x}\r\n" + "x" * 0xFFFF + "\r\n0\r\n\r\n"
        chunked = {"Transfer-Encoding": "chunked", "Content-Length": ""}
        fake.next(ROUTE, Answers(200, body, chunked))
        with pytest.raises(Rejected, match="too large"):
            get(output, target, fake.base_url, max_bytes=1000)
        assert is_empty(target)

    def test_an_unwritable_path_is_an_error(self, fake: FakeReplicate, output: str, tmp_path: Path):
        """A path that cannot be written is an error without a retry."""
        with pytest.raises(MediaError, match="its directory does not exist"):
            get(output, tmp_path / "none" / "clip.mp4", fake.base_url)

    def test_an_older_file_stays(self, fake: FakeReplicate, output: str, target: Path):
        """A failed download keeps the existing file."""
        target.write_bytes(b"before")
        fake.output_seconds = 0
        with pytest.raises(Gone):
            get(output, target, fake.base_url)
        assert target.read_bytes() == b"before"

    def test_data_uris_are_decoded(self, fake: FakeReplicate, output: str, target: Path):
        """A data URI needs no network."""
        clip = fake.clip(fake.created[0])
        encoded = base64.b64encode(clip).decode()
        get(f"data:video/mp4;base64,{encoded}", target, REAL)
        assert target.read_bytes() == clip
        target.unlink()
        for url, error, says in (
            ("data:video/mp4;base64,%%%", Rejected, "cannot be decoded"),
            ("data:video/mp4,abc", Rejected, "cannot be decoded"),
            (f"data:video/mp4;base64,{encoded[:4000]}", Unavailable, "not a complete video"),
        ):
            with pytest.raises(error, match=says):
                get(url, target, REAL)
        with pytest.raises(Rejected, match="too large"):
            get(f"data:video/mp4;base64,{encoded}", target, REAL, max_bytes=100)
        assert is_empty(target)


class TestWhereFrom:
    @pytest.mark.parametrize(
        "url",
        [
            "http://replicate.delivery/a.mp4",
            "ftp://replicate.delivery/a.mp4",
            "file:///etc/passwd",
            "/etc/passwd",
            "https://user:word@replicate.delivery/a.mp4",
            "https://127.0.0.1/a.mp4",
            "https://localhost/a.mp4",
            "https://127.1/a.mp4",
            "https://2130706433/a.mp4",
            "https://[::1]/a.mp4",
            "https://[::ffff:10.0.0.1]/a.mp4",
            "https://10.0.0.1/a.mp4",
            "https://192.168.1.1/a.mp4",
            "https://169.254.169.254/latest/meta-data",
            "https://0.0.0.0/a.mp4",
        ],
    )
    def test_other_addresses_are_refused(self, url: str, target: Path):
        """Only https to public addresses is allowed, and errors do not show the path."""
        with pytest.raises(Rejected, match="is not fetched") as caught:
            get(url, target, REAL)
        assert "a.mp4" not in str(caught.value)
        assert "word" not in str(caught.value)

    def test_a_local_api_does_not_open_the_network(self, fake: FakeReplicate, target: Path):
        """If the API is on this machine, only this machine may be contacted without TLS."""
        for url in ("http://replicate.delivery/a.mp4", "https://10.0.0.1/a.mp4"):
            with pytest.raises(Rejected, match="is not fetched"):
                get(url, target, fake.base_url)

    def test_redirects_are_followed_and_checked(
        self, fake: FakeReplicate, output: str, target: Path
    ):
        """Five redirects are followed; each is checked like the first URL."""
        fake.next(ROUTE, *[Redirects()] * 5)
        get(output, target, fake.base_url)
        assert [got.query.get("hop") for got in fake.requests[-6:]] == [None, *"12345"]
        fake.next(ROUTE, *[Redirects()] * 6)
        with pytest.raises(Rejected, match="redirected more than 5 times"):
            get(output, target, fake.base_url)
        for to in ("http://elsewhere.invalid/a.mp4", "https://169.254.169.254/", "file:///etc"):
            fake.next(ROUTE, Redirects(to))
            with pytest.raises(Rejected, match="is not fetched"):
                get(output, target, fake.base_url)

    def test_the_token_goes_only_to_the_api(self, fake: FakeReplicate, output: str, target: Path):
        """The token is sent to the API's own scheme, host and port only."""
        get(output, target, fake.base_url)
        get(output.replace("127.0.0.1", "localhost"), target, fake.base_url)
        get(output, target, "http://127.0.0.1:9")
        with FakeReplicate() as other:
            fake.next(ROUTE, Redirects(f"{other.base_url}/delivery/x/output.mp4"))
            with pytest.raises(Gone):
                get(output, target, fake.base_url)
            assert [got.token for got in other.requests] == ["none"]
        tokens = [got.token for got in fake.received(ROUTE)]
        assert tokens == ["right", "none", "none", "right"]

    def test_refusals_are_final(self, fake: FakeReplicate, output: str, target: Path):
        """A refusal is not retried."""
        fake.next(ROUTE, Answers(403))
        with pytest.raises(Rejected, match=r"refused by the server that has it \(403\)"):
            get(output, target, fake.base_url)
        assert len(fake.received(ROUTE)) == 1


def test_messages_contain_no_secrets(
    fake: FakeReplicate, output: str, target: Path, caplog: pytest.LogCaptureFixture
):
    """No error, retry message or log line contains the output's URL or the token."""
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    for fault in (Reset(), Truncated(), Answers(403), Answers(404), Redirects("http://b.test/x")):
        fake.next(ROUTE, *[fault] * 4)
        with pytest.raises(GenerationError) as caught:
            get(output, target, fake.base_url, on_retry=said.append)
        said.extend((str(caught.value), repr(caught.value.data), repr(caught.value.__cause__)))
        fake.calm()
    get(output, target, fake.base_url)
    said.append(caplog.text)
    assert "HTTP Request" in caplog.text
    for secret in (*fake.secrets, output, "b.test/x"):
        assert not [text for text in said if secret in text]


def test_waits_are_bounded(fake: FakeReplicate, output: str, target: Path):
    """A server that asks for more time than is left ends the download at once."""
    fake.next(ROUTE, TooMany(60))
    start = time.monotonic()
    with pytest.raises(Unavailable, match=r"cannot be fetched for now \(429\)"):
        get(output, target, fake.base_url, retries=RetryPolicy(seconds=1))
    assert time.monotonic() - start < 5
