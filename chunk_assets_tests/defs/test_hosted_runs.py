"""Runs on a hosted model that are killed, stopped and cancelled: every clip is paid for once."""

import http.client
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chunk_assets.cli.render import STOPPED
from chunk_assets.dagster_internals.instance import open_instance
from chunk_assets.defs.partitions.definitions import range_tags
from chunk_assets.defs.partitions.observations import announce
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import plan_film
from chunk_assets.generation.ledger_entries import Attempt
from chunk_assets.media.frames import probe
from chunk_assets.settings import Settings
from chunk_assets.storage import keys
from chunk_assets.storage.objects import JSON, json_bytes
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cli.commands import Running, done, wait_for
from chunk_assets_tests.cli.conftest import _loggers  # noqa: F401 - a fixture, used by itself
from chunk_assets_tests.fake_faults import NEVER, Lost, Reset, Takes
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.films import put_animatic
from chunk_assets_tests.manifests import small_manifest, write_animatic

pytestmark = pytest.mark.slow

CHUNKS = 4
PRICE = 0.10
"""USD, of the catalog's default model and of the fake's every model."""

FILES, CREATE = "POST /v1/files", "POST /v1/predictions"
LIST, GET, DELIVERY = "GET /v1/predictions", "GET /v1/predictions/{id}", "GET /delivery"
RENDER = ("render", "film", "--generator", "replicate", "--json")


@dataclass(frozen=True)
class Moment:
    """When a process is killed, and what is there then.

    Attributes:
        route: A route of the fake.
        number: Which of the process's requests for it, from 1 on.
        fault: What becomes of that request once the process is dead; None kills it only when the
            answer is sent.
        chunk: The chunk it is busy with.
        ledger: The statuses of that chunk's attempts afterwards.
        created: How many predictions there are afterwards.
    """

    what: str
    route: str
    number: int
    fault: Any
    chunk: int
    ledger: tuple[str, ...]
    created: int


MOMENTS = (
    Moment("asking for the model", "GET /v1/models", 1, Reset(), 0, (), 0),
    Moment("before the upload is taken", FILES, 1, Reset(), 0, (), 0),
    Moment("after the upload is taken", FILES, 1, Lost(), 0, (), 0),
    Moment("before the POST is carried out", CREATE, 1, Reset(), 0, ("intended",), 0),
    Moment("after it is", CREATE, 1, Lost(), 0, ("void", "intended"), 1),
    Moment("looking for it in the list", LIST, 1, Lost(), 0, ("void", "intended"), 1),
    Moment("polling chunk 1", GET, 4, Lost(), 1, ("asked",), 2),
    Moment("before it hears of the success", GET, 1, Lost(), 1, ("asked",), 2),
    Moment("as the delivery begins", DELIVERY, 1, Reset(), 1, ("unfetched",), 2),
    Moment("after the delivery, before the clip is on S3", DELIVERY, 1, None, 1, ("unfetched",), 2),
)


class Deadly(FakeReplicate):
    """Kills a process at one of its requests.

    Attributes:
        has_struck: Whether it has.
    """

    def __init__(self) -> None:
        super().__init__(seconds=0.3, log=self._answered)
        self.has_struck = True
        self._moment, self._victim, self._left = MOMENTS[0], 0, 0

    def aim(self, moment: Moment, victim: int) -> None:
        """Kill the process at the moment."""
        with self.lock:
            self._moment, self._victim, self._left = moment, victim, moment.number
            self.has_struck = False

    def take(self, route: str) -> Any:
        """Return what shall happen now at `route`; whom it happens to may be dead already."""
        with self.lock:
            if self.has_struck or route != self._moment.route or self._moment.fault is None:
                return super().take(route)
            self._left -= 1
            if self._left:
                return super().take(route)
            self._strike()
            return self._moment.fault

    def _answered(self, line: str) -> None:
        with self.lock:
            if not self.has_struck and self._moment.fault is None and "/delivery/" in line:
                self._strike()

    def _strike(self) -> None:
        os.kill(self._victim, signal.SIGKILL)
        self.has_struck = True


def engaged(fake: FakeReplicate, patch: pytest.MonkeyPatch) -> None:
    """Make it the Replicate of whatever is started."""
    patch.setenv("REPLICATE_API_TOKEN", fake.token or "")
    patch.setenv("REPLICATE_BASE_URL", fake.base_url)


@pytest.fixture
def desk(store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where commands are typed, with the animatic of a film of four chunks."""
    beats = [{"name": "b", "duration": 2 * CHUNKS, "prompt_template": "{product_name} at rest"}]
    document = small_manifest(duration=2 * CHUNKS, beats=beats, transitions=[], frames=["one.png"])
    write_animatic(tmp_path / "film", document)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def attempts(store: ObjectStore, chunk_num: int) -> tuple[Attempt, ...]:
    """What the ledger has of a chunk."""
    return FilmObjects(store, "film").ledger().chunk(chunk_num).attempts


def grown_old(store: ObjectStore, chunk_num: int) -> None:
    """Let the time pass after which the last attempt's prediction would be in the list."""
    ledger = FilmObjects(store, "film").ledger().chunk(chunk_num)
    last = ledger.attempts[-1]
    old = last.model_copy(update={"asked_at": last.asked_at - timedelta(minutes=21)})
    key = f"{keys.ledgers('film')}chunk_{chunk_num:02d}.json"
    store.put_bytes(key, json_bytes(ledger.with_attempt(old)), JSON)


@pytest.mark.endurance
def test_whatever_moment_it_is_killed_at_a_film_is_paid_for_once(
    desk: Path, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
):
    """After SIGKILL at ten moments of one film each chunk has one prediction, and a bill of one."""
    with Deadly() as fake:
        engaged(fake, monkeypatch)
        # Chunk 1 is polled for so long that the clip before it is stored meanwhile.
        fake.next("prediction", Takes(0, 0.3), Takes(0, 2))
        for moment in MOMENTS:
            with Running.start(*RENDER) as killed:
                fake.aim(moment, killed.process.pid)
                assert killed.ended().code == -signal.SIGKILL, moment.what
            assert fake.has_struck, moment.what
            held = attempts(store, moment.chunk)
            assert tuple(one.status for one in held) == moment.ledger, moment.what
            # What is carried out is so a moment after the death.
            wait_for(lambda expected=moment.created: len(fake.created) == expected)
            assert store.head(keys.chunk_video("film", moment.chunk)) is None, moment.what
            if moment.ledger == ("intended",):
                grown_old(store, moment.chunk)
        ended = done(*RENDER)
    assert probe(desk / "film.mp4").frames == 8 * 2 * CHUNKS
    assert len(fake.created) == len(fake.succeeded()) == CHUNKS
    assert fake.billed_usd == pytest.approx(CHUNKS * PRICE)
    assert ended.document["total_cost"] == fake.billed_usd
    paid = [one for number in range(CHUNKS) for one in attempts(store, number)]
    paid = [one for one in paid if one.status != "void"]
    assert [one.prediction_id for one in paid] == [made.id for made in fake.created]
    assert {one.status for one in paid} == {"succeeded"}
    assert sum(one.cost_usd for one in paid) == pytest.approx(fake.billed_usd)


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeReplicate]:
    """A Replicate whose first prediction never ends."""
    with FakeReplicate() as fake:
        fake.next("prediction", Takes(0, NEVER))
        engaged(fake, monkeypatch)
        yield fake


def is_processing(fake: FakeReplicate) -> bool:
    """Whether the first prediction runs, and was polled."""
    return bool(fake.received(GET)) and fake.created[0].status == "processing"


def seconds_until_cancelled(fake: FakeReplicate) -> float:
    """How long the first prediction takes."""
    began = time.monotonic()
    wait_for(lambda: fake.created[0].status == "canceled", seconds=30)
    return time.monotonic() - began


def test_ctrl_c_cancels_the_prediction(desk: Path, store: ObjectStore, endless: FakeReplicate):
    """It is cancelled within five seconds, the ledger has its cost, and a new render asks again."""
    with Running.start(*RENDER) as running:
        wait_for(lambda: is_processing(endless), seconds=30)
        running.interrupt()
        assert seconds_until_cancelled(endless) < 5
        ended = running.ended()
    assert (ended.code, ended.stdout) == (130, "")
    assert ended.stderr.splitlines()[-1] == STOPPED
    [attempt] = attempts(store, 0)
    assert (attempt.status, attempt.cost_usd) == ("canceled", PRICE)
    ended = done(*RENDER)
    assert [made.status for made in endless.created] == ["canceled"] + ["succeeded"] * CHUNKS
    assert [one.status for one in attempts(store, 0)] == ["canceled", "succeeded"]
    assert endless.billed_usd == pytest.approx((CHUNKS + 1) * PRICE)
    assert ended.document["total_cost"] == pytest.approx(endless.billed_usd)


LAUNCH = """mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) { ... on LaunchRunSuccess { run { runId } } }
}"""
TERMINATE = "mutation($run: String!) { terminateRun(runId: $run) { __typename } }"
STATUS = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"


@dataclass(frozen=True)
class Dagit:
    """Dagit's GraphQL, as its buttons use it."""

    port: int

    def ask(self, query: str, **variables: Any) -> Any:
        """What is answered."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            body = json.dumps({"query": query, "variables": variables})
            connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
            return json.load(connection.getresponse())["data"]
        finally:
            connection.close()

    def launch(self, job: str, tags: dict[str, str], config: dict[str, Any]) -> str:
        """Launch a run; returns its id."""
        code = {"repositoryLocationName": "chunk_assets", "repositoryName": "__repository__"}
        params = {
            "selector": {**code, "jobName": job},
            "runConfigData": {"ops": {"film_chunks": {"config": config}}},
            "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
        }
        return self.ask(LAUNCH, params=params)["launchRun"]["run"]["runId"]

    def status(self, run: str) -> str:
        """A run's status."""
        return self.ask(STATUS, run=run)["runOrError"]["status"]


def free_port() -> int:
    """A free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_cancelling_in_dagit_cancels_the_prediction(
    desk: Path, settings: Settings, store: ObjectStore, endless: FakeReplicate
):
    """A run that Dagit launched and terminates: within five seconds nothing runs on Replicate."""
    put_animatic(store)
    plan = plan_film(store, "film")
    with open_instance(settings) as instance:
        announce(instance, store, plan)
    dagit = Dagit(free_port())
    with Running.start("dev", "--port", dagit.port) as running:
        running.until("Ctrl-C ends everything.")
        tags = range_tags("film", range(len(plan.specs)))
        run = dagit.launch("render_chunks", tags, {"generator": "replicate"})
        wait_for(lambda: is_processing(endless), seconds=60)
        answer = dagit.ask(TERMINATE, run=run)
        assert answer["terminateRun"]["__typename"] == "TerminateRunSuccess"
        assert seconds_until_cancelled(endless) < 5
        wait_for(lambda: dagit.status(run) == "CANCELED", seconds=30)
        running.interrupt()
        assert running.ended().code == 0
    [attempt] = attempts(store, 0)
    assert (attempt.status, attempt.cost_usd) == ("canceled", PRICE)
    assert endless.billed_usd == PRICE
