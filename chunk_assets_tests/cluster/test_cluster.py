"""A cluster of two hosts: films move from one to the other, and nothing is made or paid twice.

The tests share the servers and run in order: each begins with the workers that it starts.
"""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg
import psycopg2
import pytest

from chunk_assets.cluster.broker import connect
from chunk_assets.cluster.workers import code_version, forget, live_workers
from chunk_assets.defs.partitions.definitions import read_chunk_key
from chunk_assets.defs.runs.handoff import HANDED_ON
from chunk_assets.errors import StorageError
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import plan_film
from chunk_assets.film.records import ClipRecord
from chunk_assets.media.frames import probe
from chunk_assets.settings import load_settings
from chunk_assets.storage import keys
from chunk_assets_tests.cluster.clusters import PROGRAM, Cluster, cluster
from chunk_assets_tests.cluster.hosts import Host
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.films import put_animatic
from chunk_assets_tests.manifests import small_manifest

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(900)]

FILMS = [f"film-{number:02d}" for number in range(20)]
CHUNKS = 2
SLOTS = 2
SECONDS = 2.0
"""Of a clip; with the runs' own work four slots are more than two cores can keep busy."""

BEAT = {"name": "one", "prompt_template": "{product_name} at rest"}
FAILURE, CANCELED = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED
STARTED, SUCCESS = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.SUCCESS


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Servers, daemon and two hosts without workers."""
    home = tmp_path_factory.mktemp("cluster")
    with (
        pytest.MonkeyPatch.context() as patch,
        cluster(home, patch, "render-1", "render-2", seconds=SECONDS) as started,
    ):
        yield started


@pytest.fixture
def hosts(running: Cluster) -> Iterator[tuple[Host, Host]]:
    """The two hosts, without workers before and after."""
    first, second = running.studio.hosts
    yield first, second
    first.kill()
    second.kill()
    with connect(load_settings()) as redis:
        for worker in live_workers(redis):
            forget(redis, worker)  # it would be, in 20 s


def workers() -> list[str]:
    """The hosts of the workers that are heard of."""
    with connect(load_settings()) as redis:
        return [worker.host for worker in live_workers(redis)]


def submit(running: Cluster, film: str, chunks: int, **fields: object) -> None:
    """Put an animatic on S3, of so many chunks; the sensor finds it."""
    beats = [{**BEAT, "duration": 2 * chunks}]
    document = small_manifest(
        duration=2 * chunks, beats=beats, transitions=[], frames=["one.png"], **fields
    )
    put_animatic(running.store, film, document)


def takes(running: Cluster, film: str) -> list[int]:
    """The take of each stored clip of a film, 0 for one that is not there."""
    planned = plan_film(running.store, film).specs
    stored = [running.store.head(keys.chunk_video(film, spec.chunk_num)) for spec in planned]
    return [ClipRecord.of(clip).take if clip is not None else 0 for clip in stored]


def is_stitched(running: Cluster, film: str) -> bool:
    """Whether a film is there; its output is written last."""
    return running.store.head(keys.output(film)) is not None


def renderings(running: Cluster, film: str) -> list[dg.DagsterRun]:
    """The runs that render a film, the oldest first."""
    return [run for run in running.runs(film=film) if run.job_name == "render_chunks"]


def test_twenty_films_survive_the_death_of_a_host(
    running: Cluster, hosts: tuple[Host, Host], tmp_path: Path
):
    """All are stitched; what the dead host had not yet stored is all that was begun again."""
    first, second = hosts
    running.work(SLOTS, first, second)
    with connect(load_settings()) as redis:
        there = live_workers(redis)
    assert [(worker.host, worker.slots) for worker in there] == [
        ("render-1", SLOTS),
        ("render-2", SLOTS),
    ]
    assert {worker.code for worker in there} == {code_version()}
    for film in FILMS:
        submit(running, film, CHUNKS)
    half = len(FILMS) * CHUNKS // 2
    running.until(lambda: len(running.begun) >= half and bool(in_flight(running, first)), 300)
    first.kill()
    killed = time.monotonic()
    lost = in_flight(running, first)
    running.until(lambda: all(is_stitched(running, film) for film in FILMS), 500)
    print(f"20 films {time.monotonic() - killed:.0f} s after the host was killed")

    begun = Counter(running.begun)
    assert set(begun) == {(film, n) for film in FILMS for n in range(CHUNKS)}
    assert {chunk for chunk, times in begun.items() if times > 1} <= lost
    assert max(begun.values()) <= 2
    assert len({film for film, _ in lost}) <= SLOTS
    for film in FILMS:
        assert takes(running, film) == [1] * CHUNKS
        running.store.download(keys.stitched_video(film), tmp_path / "film.mp4")
        assert probe(tmp_path / "film.mp4").frames == 2 * CHUNKS * 8
    assert recorded(running) == {film: list(range(CHUNKS)) for film in FILMS}
    assert doctor(running)["workers"]["measured"].startswith(f"1 workers with {SLOTS} slots on 1 ")


def doctor(running: Cluster) -> dict[str, dict[str, str]]:
    """What `chunk-assets doctor` says of the cluster, by check; it is clean."""
    command = [PROGRAM, "doctor", "--json"]
    ended = subprocess.run(
        command, env=running.environment, capture_output=True, text=True, check=False
    )
    found = json.loads(ended.stdout)
    not_ok = [check for check in found["checks"] if check["state"] != "ok"]
    # Neither is configured.
    assert [check["name"] for check in not_ok] == ["replicate", "comfyui"], not_ok
    assert (ended.returncode, ended.stderr, found["clean"]) == (0, "", True)
    return {check["name"]: check for check in found["checks"]}


def in_flight(running: Cluster, host: Host) -> set[tuple[str, int]]:
    """The chunks that a host has begun and that are not on S3."""
    mine = {(line[1], int(line[2])) for line in running.journal if line[4] == host.name}
    return {
        (film, number)
        for film, number in mine
        if running.store.head(keys.chunk_video(film, number)) is None
    }


def recorded(running: Cluster) -> dict[str, list[int]]:
    """The order in which each film's clips were recorded first."""
    found: dict[str, list[int]] = {}
    clips = dg.AssetKey("chunk_videos")
    for event in running.instance.fetch_materializations(clips, 1000, ascending=True).records:
        read = read_chunk_key(str(event.partition_key))
        assert read is not None
        film, number = read
        if number not in found.setdefault(film, []):
            found[film].append(number)
    return found


def test_a_worker_that_is_asked_to_stop_hands_its_film_on(
    running: Cluster, hosts: tuple[Host, Host]
):
    """It finishes the chunk in flight; another worker renders the next; none starts twice."""
    processes = dict(zip((host.name for host in hosts), running.work(1, *hosts), strict=True))
    submit(running, "handed-on", 6)
    running.until(lambda: ("handed-on", 1) in running.begun, 60)
    first, second = had_by(running, "handed-on", hosts)
    processes[first.name].send_signal(signal.SIGTERM)
    assert processes[first.name].wait(30) == 0
    assert workers() == [second.name]
    running.until(lambda: is_stitched(running, "handed-on"), 120)
    assert [chunk for chunk in running.begun if chunk[0] == "handed-on"] == [
        ("handed-on", number) for number in range(6)
    ]
    assert takes(running, "handed-on") == [1] * 6
    before, after = renderings(running, "handed-on")
    assert (before.status, after.status) == (FAILURE, SUCCESS)
    assert before.tags[HANDED_ON] == first.name
    assert after.root_run_id == before.run_id
    assert after.tags["dagster/retry_on_asset_or_op_failure"] == "false"
    assert after.tags["worker"].startswith(f"{second.name}:")


def had_by(running: Cluster, film: str, hosts: tuple[Host, Host]) -> tuple[Host, Host]:
    """The hosts: that which has the film first."""
    has_it = renderings(running, film)[-1].tags["worker"].partition(":")[0]
    return hosts if hosts[0].name == has_it else (hosts[1], hosts[0])


@contextmanager
def account(running: Cluster, hosts: tuple[Host, Host], seconds: float) -> Iterator[FakeReplicate]:
    """An account at a Replicate that every host reaches as its own loopback."""
    address = running.studio.address
    with FakeReplicate(host=address, seconds=seconds) as fake:
        port = fake.base_url.rpartition(":")[2]
        if running.studio.has_network:
            for host in hosts:
                command = [sys.executable, "-m", "chunk_assets_tests.cluster.relay", port, address]
                host.start(command, running.home / "relay.log", running.environment)
        running.environment["REPLICATE_API_TOKEN"] = fake.token or ""
        running.environment["REPLICATE_BASE_URL"] = fake.base_url
        yield fake


def is_waiting(running: Cluster, film: str, number: int) -> Callable[[], bool]:
    """Says whether the prediction of a chunk is asked for, and its id known."""
    ledger = FilmObjects(running.store, film).ledger()
    return lambda: any(one.status == "asked" for one in ledger.chunk(number).attempts)


def paid_once(fake: FakeReplicate, running: Cluster, film: str, chunks: int) -> None:
    """Assert that each chunk of a film has one prediction, which came to its end."""
    assert [made.status for made in fake.created] == ["succeeded"] * chunks
    ledgers = [FilmObjects(running.store, film).ledger().chunk(number) for number in range(chunks)]
    assert [len(ledger.attempts) for ledger in ledgers] == [1] * chunks
    assert fake.billed_usd == pytest.approx(sum(ledger.cost_usd for ledger in ledgers))
    assert takes(running, film) == [1] * chunks


def test_a_worker_that_is_asked_twice_leaves_its_prediction_to_the_next(
    running: Cluster, hosts: tuple[Host, Host]
):
    """It ends in a moment, cancels nothing, and another host fetches what was paid for."""
    with account(running, hosts, seconds=15) as fake:
        names = [host.name for host in hosts]
        processes = dict(zip(names, running.work(1, *hosts), strict=True))
        submit(running, "in-a-hurry", 2, generator="replicate")
        running.until(is_waiting(running, "in-a-hurry", 0), 60)
        stopped = processes[had_by(running, "in-a-hurry", hosts)[0].name]
        began = time.monotonic()
        stopped.send_signal(signal.SIGTERM)
        time.sleep(1)
        assert stopped.poll() is None
        stopped.send_signal(signal.SIGINT)
        stopped.wait(12)
        assert time.monotonic() - began < 13
        running.until(lambda: is_stitched(running, "in-a-hurry"), 120)
        paid_once(fake, running, "in-a-hurry", 2)
        assert [run.status for run in renderings(running, "in-a-hurry")] == [FAILURE, SUCCESS]


def test_terminate_cancels_the_run_and_its_prediction(running: Cluster, hosts: tuple[Host, Host]):
    """As in Dagit; it is not retried, and the slot takes the next film."""
    with account(running, hosts, seconds=30) as fake:
        running.work(1, hosts[0])
        submit(running, "unwanted", 2, generator="replicate")
        running.until(is_waiting(running, "unwanted", 0), 60)
        [run] = renderings(running, "unwanted")
        assert running.instance.run_coordinator is not None
        assert running.instance.run_coordinator.cancel_run(run.run_id)
        running.until(lambda: renderings(running, "unwanted")[0].status == CANCELED, 30)
        assert [made.status for made in fake.created] == ["canceled"]
        [attempt] = FilmObjects(running.store, "unwanted").ledger().chunk(0).attempts
        assert attempt.status == "canceled"
        submit(running, "wanted", 1)
        running.until(lambda: is_stitched(running, "wanted"), 60)
        assert len(renderings(running, "unwanted")) == 1


def test_an_s3_that_is_away_for_a_while_fails_no_film(running: Cluster, hosts: tuple[Host, Host]):
    """Active runs retry until it answers, log that, and continue."""
    running.work(1, *hosts)
    submit(running, "patient", 4)
    running.until(lambda: ("patient", 1) in running.begun, 60)
    with running.servers.without_s3():
        time.sleep(15)
    running.until(lambda: is_s3_there(running) and is_stitched(running, "patient"), 180)
    assert [chunk for chunk in running.begun if chunk[0] == "patient"] == [
        ("patient", number) for number in range(4)
    ]
    assert [run.status for run in renderings(running, "patient")] == [SUCCESS]
    assert any("retrying for up to 180 s" in running.log(host).read_text() for host in hosts)


def is_s3_there(running: Cluster) -> bool:
    """Whether S3 answers."""
    with suppress(StorageError):
        running.store.check()
        return True
    return False


def test_a_host_that_was_cut_off_pays_nothing_twice_when_it_comes_back(
    running: Cluster, hosts: tuple[Host, Host]
):
    """Its run was given to another: it stops it, cancels nothing, and takes new films.

    Nor does what it was writing at that moment stay locked for the others.
    """
    if not running.studio.has_network:
        pytest.skip("this machine has no network namespaces to cut off")
    with account(running, hosts, seconds=8) as fake:
        running.work(1, *hosts)
        submit(running, "cut-off", 5, generator="replicate")
        running.until(is_waiting(running, "cut-off", 1), 60)
        lonely, other = had_by(running, "cut-off", hosts)
        lock_a_row(running, lonely, "chunk_videos")
        lonely.cut()
        cut = time.monotonic()
        running.until(lambda: len(renderings(running, "cut-off")) == 2, 90)
        print(f"taken over {time.monotonic() - cut:.0f} s after the host was cut off")
        running.until(lambda: renderings(running, "cut-off")[1].status == STARTED, 60)
        lonely.mend()
        running.until(lambda: is_stitched(running, "cut-off"), 200)
        paid_once(fake, running, "cut-off", 5)
        first, second = renderings(running, "cut-off")
        assert (first.status, second.status) == (FAILURE, SUCCESS)
        assert first.tags["worker"].startswith(f"{lonely.name}:")
        assert second.tags["worker"].startswith(f"{other.name}:")
        other.kill()
        submit(running, "afterwards", 1)
        running.until(lambda: is_stitched(running, "afterwards"), 120)
        assert had_by(running, "afterwards", hosts)[0] is lonely


def lock_a_row(running: Cluster, host: Host, asset: str) -> None:
    """Have a host be in the middle of writing what Dagster keeps of an asset."""
    home, log = running.home / host.name, running.home / "lock_holder.log"
    own = {"CHUNK_ASSETS_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")}
    command = [sys.executable, "-m", "chunk_assets_tests.cluster.lock_holder", asset]
    process = host.start(command, log, {**running.environment, **own})
    running.until(lambda: "1 row locked" in log.read_text(), 30, process)


def test_no_password_is_in_a_log_an_event_or_an_argument(
    running: Cluster, hosts: tuple[Host, Host]
):
    """Of the database, of the broker and of S3, after all the runs above and during one more."""
    running.work(1, hosts[0])
    submit(running, "discreet", 3)
    running.until(lambda: ("discreet", 0) in running.begun, 60)
    processes = subprocess.run(
        [shutil.which("ps") or "ps", "-A", "-o", "args"], capture_output=True, text=True, check=True
    ).stdout
    running.until(lambda: is_stitched(running, "discreet"), 60)
    url = running.environment["CHUNK_ASSETS_POSTGRES_URL"].replace("+psycopg2", "")
    with psycopg2.connect(url) as database, database.cursor() as cursor:
        cursor.execute("select event from event_logs union all select run_body from runs")
        rows = [row[0] for row in cursor.fetchall()]
    assert len(rows) > 100
    database.close()
    logs = [path.read_text() for path in running.home.glob("*.log")]
    logs += [path.read_text(errors="replace") for path in running.home.glob("*/dagster/**/*.yaml")]
    printed = [running.store.get_bytes(key)[0].decode() for key in running.store.keys("logs/")]
    for secret in running.servers.secrets:
        assert secret not in processes
        assert not any(secret in text for text in [*rows, *logs, *printed])
