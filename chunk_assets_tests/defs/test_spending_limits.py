"""What a manifest on S3 may have the sensor spend, by situation."""

from typing import Any

import dagster as dg
import pytest

from chunk_assets.defs.sensors.spending_limits import _today
from chunk_assets.film.bill import film_bill
from chunk_assets.film.day_spending import day_spending
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.records import ClipRecord
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.defs.test_new_animatics import films, refusals
from chunk_assets_tests.films import Studio, failure, put_animatic
from chunk_assets_tests.generators import BUSY, HoldingGenerator
from chunk_assets_tests.manifests import small_manifest
from chunk_assets_tests.sensing import Sensing

pytestmark = pytest.mark.slow

PRICE, FILM = 0.10, 0.30
"""USD: a clip, and a film of three chunks."""

Patch = pytest.MonkeyPatch


@pytest.fixture
def studio(store: ObjectStore, instance: dg.DagsterInstance) -> Studio:
    """A deployment that knows one generator, which is paid."""
    return Studio(store, instance, HoldingGenerator(pays=PRICE))


@pytest.fixture
def sensing(studio: Studio) -> Sensing:
    """The sensor of animatics."""
    return Sensing(studio, "new_animatics")


def allow(patch: Patch, *, film: float = 5.0, day: float = 50.0) -> None:
    """Set the deployment's limits."""
    patch.setenv("CHUNK_ASSETS_SENSOR_GENERATORS", "replicate, holding")
    patch.setenv("CHUNK_ASSETS_SENSOR_MAX_COST_PER_FILM", str(film))
    patch.setenv("CHUNK_ASSETS_SENSOR_MAX_COST_PER_DAY", str(day))


def put(store: ObjectStore, video_id: str, **changes: Any) -> None:
    put_animatic(store, video_id, small_manifest(generator="holding", **changes))


def config(request: dg.RunRequest) -> dict[str, Any]:
    return dict(request.run_config or {})["ops"]["film_chunks"]["config"]


def test_a_paid_generator_is_not_started_unless_the_deployment_allows_it(
    sensing: Sensing, store: ObjectStore, instance: dg.DagsterInstance, monkeypatch: Patch
):
    """Once, as an observation that says what to set; what is not set yet is named, and what is
    set starts the film without another writing of its manifest.
    """
    put(store, "film")
    for _ in range(2):
        assert sensing.tick() == []
    [said] = refusals(instance, "film")
    assert said == (
        "Film 'film' is not rendered: its manifest names the paid generator 'holding', which the "
        "sensor may not start in this deployment: set CHUNK_ASSETS_SENSOR_GENERATORS=holding and "
        "CHUNK_ASSETS_SENSOR_MAX_COST_PER_FILM (US dollars) and "
        "CHUNK_ASSETS_SENSOR_MAX_COST_PER_DAY (US dollars) to allow it, or render it yourself"
    )
    monkeypatch.setenv("CHUNK_ASSETS_SENSOR_GENERATORS", "holding")
    assert sensing.tick() == []
    assert "_GENERATORS" not in refusals(instance, "film")[0]
    allow(monkeypatch)
    assert films(sensing.tick()) == ["film"]
    assert sensing.tick() == []


def test_a_paid_fallback_must_be_allowed_as_well(
    store: ObjectStore, instance: dg.DagsterInstance, monkeypatch: Patch
):
    """The run could pay it; once the deployment allows it, it renders what the other declines."""
    first, second = HoldingGenerator(pays=PRICE), HoldingGenerator("2", pays=PRICE)
    second.name = "second"  # type: ignore[misc]
    studio = Studio(store, instance, first, second)
    sensing = Sensing(studio, "new_animatics")
    allow(monkeypatch)
    put(store, "film", fallback_model="second")
    assert sensing.tick() == []
    assert "the paid generator 'second'" in refusals(instance, "film")[0]
    monkeypatch.setenv("CHUNK_ASSETS_SENSOR_GENERATORS", "holding,second")
    [request] = sensing.tick()
    first.fails_at = {1: BUSY}
    assert sensing.launch(request).success
    assert (first.chunks, second.chunks) == ([0, 1, 2], [1])
    objects = FilmObjects(store, "film")
    assert [ClipRecord.of(objects.clip(n).find()).made_by for n in range(3)] == ["", "second", ""]
    assert film_bill(store, "film", {}).total_usd == pytest.approx(4 * PRICE)


def test_the_films_limit_is_the_runs(sensing: Sensing, store: ObjectStore, monkeypatch: Patch):
    """The run gets it as its `max_cost_usd`, the manifest's where that is lower."""
    allow(monkeypatch, film=2.0)
    put(store, "one")
    put(store, "two", max_cost_usd=0.5)
    put(store, "three", max_cost_usd=1000)
    limits = {request.tags["film"]: config(request)["max_cost_usd"] for request in sensing.tick()}
    assert limits == {"one": 2.0, "two": 0.5, "three": 2.0}


def test_the_run_itself_holds_the_limit(
    sensing: Sensing, studio: Studio, store: ObjectStore, monkeypatch: Patch
):
    """A price that has risen since the request stops it, whatever the manifest says by then."""
    allow(monkeypatch, film=0.45)
    put(store, "film")
    [request] = sensing.tick()
    studio.generator.pays = 0.2
    put(store, "film", max_cost_usd=1000)
    assert "of the film's limit of $0.45 only $0.05 remains" in failure(sensing.launch(request))
    assert film_bill(store, "film", {}).total_usd == pytest.approx(0.4)


def test_a_film_above_its_limit_is_refused(
    sensing: Sensing, store: ObjectStore, instance: dg.DagsterInstance, monkeypatch: Patch
):
    """With its price, the limit and the setting; a lower manifest's limit is one, too."""
    allow(monkeypatch, film=0.29)
    put(store, "film")
    assert sensing.tick() == []
    assert "costs about $0.30, it has already cost $0.00" in refusals(instance, "film")[0]
    assert "is $0.29: raise CHUNK_ASSETS_SENSOR_MAX_COST_PER_FILM" in sensing.said
    allow(monkeypatch, film=0.30)
    put(store, "other", max_cost_usd=0.1)
    assert films(sensing.tick()) == ["film"]
    assert "started by the sensor is $0.10" in refusals(instance, "other")[0]


def test_a_film_that_is_changed_back_costs_nothing(
    sensing: Sensing, studio: Studio, store: ObjectStore, monkeypatch: Patch
):
    """Its earlier takes are chosen again, so the limit that is used up does not refuse it."""
    allow(monkeypatch, film=0.4)
    beats = small_manifest()["beats"]
    changed = [beats[0], {**beats[1], "prompt_template": "{product_name} flies"}]
    for versions, paid in ((beats, [0, 1, 2]), (changed, [2]), (beats, [])):
        studio.generator.requests.clear()
        put(store, "film", beats=versions)
        [request] = sensing.tick()
        assert sensing.launch(request).success
        assert studio.generator.chunks == paid
    assert film_bill(store, "film", {}).total_usd == pytest.approx(0.4)


def test_the_days_limit_holds_over_several_films(
    sensing: Sensing, studio: Studio, store: ObjectStore, monkeypatch: Patch
):
    """What is requested is reserved; what a film did cost counts once its run has ended, and frees
    the rest for a film that was refused.
    """
    allow(monkeypatch, film=0.60, day=1.00)
    for name in ("a", "b", "c"):
        put(store, name)
    requests = {request.tags["film"]: request for request in sensing.tick()}
    # The first may cost 0.60, which leaves 0.40 to the second and nothing to the third.
    assert len(requests) == 2
    assert sorted(config(one)["max_cost_usd"] for one in requests.values()) == [0.4, 0.6]
    [refused] = {"a", "b", "c"} - set(requests)
    [said] = refusals(studio.instance, refused)
    assert "of the sensor's limit of $1.00 a day $1.00 are" in said
    assert "$1.00 of it by films that are being rendered" in said
    assert sensing.tick() == []
    runs = [sensing.queue(request) for request in requests.values()]
    assert sensing.tick() == []
    for run, request in zip(runs, requests.values(), strict=True):
        assert sensing.launch(request).success
        studio.instance.report_run_canceled(run)
    [last] = [one for one in sensing.tick() if one.job_name == "render_chunks"]
    assert last.tags["film"] == refused
    assert config(last)["max_cost_usd"] == pytest.approx(0.4)
    assert sensing.launch(last).success
    put(store, "d")
    sensing.tick()
    assert "$0.90 are spent or reserved: raise" in refusals(studio.instance, "d")[0]
    assert sum(film_bill(store, name, {}).total_usd for name in "abcd") == pytest.approx(0.9)


def test_the_days_limit_outlives_the_sensor_and_dagsters_storage(
    sensing: Sensing, studio: Studio, store: ObjectStore, monkeypatch: Patch
):
    """The account is on S3: a lost cursor and deleted runs free nothing."""
    allow(monkeypatch, film=0.60, day=0.80)
    put(store, "first")
    [request] = sensing.tick()
    result = sensing.launch(request)
    studio.instance.delete_run(result.run_id)
    again = Sensing(studio, "new_animatics")
    put(store, "second")
    assert [one.job_name for one in again.tick()] == ["stitch_film"]
    assert (
        "$0.60 are spent or reserved, $0.60 of it by films"
        in refusals(studio.instance, "second")[0]
    )
    account = day_spending(store, _today())
    assert {name: film.limit_usd for name, film in account.films.items()} == {"first": 0.6}


def test_a_day_counts_failed_attempts(
    sensing: Sensing, studio: Studio, store: ObjectStore, monkeypatch: Patch
):
    """A run that failed counts at what its ledgers say, and its film may be started again."""
    allow(monkeypatch, film=0.60, day=0.60)
    studio.generator.fails_at = {1: BUSY}
    put(store, "film")
    assert not sensing.launch(sensing.tick()[0]).success
    assert FilmObjects(store, "film").ledger().chunk(1).attempts[0].cost_usd == PRICE
    assert film_bill(store, "film", {}).total_usd == pytest.approx(0.2)
    put(store, "film", negative_prompt="rain")
    [request] = sensing.tick()
    assert config(request)["max_cost_usd"] == pytest.approx(0.6)
    assert sensing.launch(request).success
    put(store, "other")
    assert sensing.tick() == []
    assert "$0.50 are spent or reserved: raise" in sensing.said


def test_a_damaged_account_starts_nothing(sensing: Sensing, store: ObjectStore, monkeypatch: Patch):
    """The sentence names the object and what to do with it."""
    allow(monkeypatch)
    store.put_bytes(keys.day_spending(_today()), b"{", "application/json")
    put(store, "film")
    assert sensing.tick() == []
    assert "is damaged, so no paid film is started: move it away" in sensing.said


def test_a_free_film_has_no_limits(sensing: Sensing, studio: Studio, store: ObjectStore):
    """Its run has no `max_cost_usd`, and no account is kept."""
    studio.generator.pays = 0.0
    put(store, "film")
    [request] = sensing.tick()
    assert config(request) == {"generator": "holding", "reuse": "matching"}
    assert list(store.keys("spending/")) == []
