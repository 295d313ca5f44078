"""What one film may take of a sensor's tick, and what is not its fault."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
import pytest

from chunk_assets.defs.partitions.observations import latest_observations
from chunk_assets.defs.sensors.manifest_cursor import ManifestCursor
from chunk_assets.errors import OutOfTime
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import Studio, put_animatic
from chunk_assets_tests.generators import HoldingGenerator
from chunk_assets_tests.manifests import small_manifest
from chunk_assets_tests.sensing import Sensing

pytestmark = pytest.mark.slow

SLOW = ("slow1", "slow2")
GOOD = ("a", "b", "c", "d")


@pytest.fixture
def sensing(store: ObjectStore, instance: dg.DagsterInstance) -> Sensing:
    """The sensor of animatics."""
    return Sensing(Studio(store, instance, HoldingGenerator()), "new_animatics")


def put(store: ObjectStore, *names: str) -> None:
    """Animatics for the test's generator."""
    for name in names:
        put_animatic(store, name, small_manifest(generator=HoldingGenerator.name))


@contextmanager
def during(store: ObjectStore, name: str, happens: Callable[[], None]) -> Iterator[None]:
    """Have something happen whenever S3 is asked about a picture of the films of that name."""

    def handle(params: dict[str, Any], **_others: Any) -> None:
        if f"/animatics/{name}" in params["url_path"]:
            happens()

    events = store.client.meta.events
    events.register("before-call.s3.HeadObject", handle)
    try:
        yield
    finally:
        events.unregister("before-call.s3.HeadObject", handle)


def films(requests: list[dg.RunRequest]) -> list[str]:
    """The films that runs were requested for."""
    return sorted(str(request.tags["film"]) for request in requests)


def refusal(instance: dg.DagsterInstance, name: str) -> bool:
    """Whether the film is recorded as one that cannot be used."""
    return (
        latest_observations(instance, [name])[name].is_refused
        if latest_observations(instance, [name])
        else False
    )


def test_slow_films_do_not_starve_others(
    sensing: Sensing,
    store: ObjectStore,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
):
    """They are left to the end of the next ticks, and after three of them refused, by name."""
    put(store, *GOOD, *SLOW)
    patched = "chunk_assets.defs.sensors.film_handler"
    monkeypatch.setattr(f"{patched}.FILM_SECONDS", 1.0)  # constants, to be fast
    monkeypatch.setattr(f"{patched}.MAX_SECONDS", 2.0)
    with during(store, "slow", lambda: time.sleep(2.3)):
        asked = films(sensing.tick())
        for _ in range(8):
            before = ManifestCursor.read(sensing.cursor)
            began = time.monotonic()
            asked += films(sensing.tick())
            assert time.monotonic() - began < 15
            if before == ManifestCursor.read(sensing.cursor):
                break
    assert sorted(asked) == sorted(GOOD)
    for name in SLOW:
        assert refusal(instance, name)
    assert sensing.tick() == []
    put(store, "slow1")
    assert films(sensing.tick()) == ["slow1"]


def test_a_film_that_was_slow_once(
    sensing: Sensing, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
):
    """It is planned in the next tick, and nothing is remembered of it."""
    put(store, "slow")
    monkeypatch.setattr("chunk_assets.defs.sensors.film_handler.FILM_SECONDS", 1.0)  # a constant
    with during(store, "slow", lambda: time.sleep(1.1)):
        assert sensing.tick() == []
    assert "film 'slow' was not planned: it takes too long (the time limit" in sensing.said
    assert ManifestCursor.read(sensing.cursor).tries == {"slow": 1}
    assert films(sensing.tick()) == ["slow"]
    assert ManifestCursor.read(sensing.cursor).tries == {}


def _shut_down() -> None:
    raise RuntimeError("cannot schedule new futures after shutdown")


def test_a_shutdown_is_no_films_fault(
    sensing: Sensing, store: ObjectStore, instance: dg.DagsterInstance
):
    """A pool that ends while a film is planned is not held against the film."""
    put(store, "film")
    with during(store, "film", _shut_down):
        assert sensing.tick() == []
    assert "film 'film' was not planned: RuntimeError('cannot schedule" in sensing.said
    assert not refusal(instance, "film")
    assert films(sensing.tick()) == ["film"]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, dg.DagsterExecutionInterruptedError])
def test_an_interrupt_is_no_films_fault(
    sensing: Sensing,
    store: ObjectStore,
    instance: dg.DagsterInstance,
    interrupt: type[BaseException],
):
    """It ends the tick, whose cursor stays, and nothing is recorded of the film."""

    def stop() -> None:
        raise interrupt

    put(store, "film")
    cursor = sensing.cursor
    with during(store, "film", stop), pytest.raises(interrupt):
        sensing.tick()
    assert sensing.cursor == cursor
    assert latest_observations(instance, ["film"]) == {}
    assert films(sensing.tick()) == ["film"]


def test_a_fault_of_ours_is_refused_in_the_end(
    sensing: Sensing, store: ObjectStore, instance: dg.DagsterInstance
):
    """A film that breaks the planning in three ticks is reported once, and stops no other."""
    put(store, "breaks", "film")
    with during(store, "breaks", _shut_down):
        assert films(sensing.tick()) == ["film"]
        assert not refusal(instance, "breaks")
        assert [sensing.tick(), sensing.tick()] == [[], []]
        assert refusal(instance, "breaks")
        assert sensing.tick() == []
        assert "nothing new" in sensing.said


def test_twenty_thousand_beats(sensing: Sensing, store: ObjectStore, instance: dg.DagsterInstance):
    """A manifest of a megabyte is refused, and the others are planned in the same tick."""
    beats = [
        {"name": f"b{n}", "duration": 0.18, "prompt_template": "x " * 10} for n in range(20_000)
    ]
    huge = small_manifest(duration=3600, beats=beats, transitions=None)
    put_animatic(store, "huge", huge)
    put(store, "film")
    assert films(sensing.tick()) == ["film"]
    assert refusal(instance, "huge")


def test_a_store_with_a_deadline(store: ObjectStore):
    """Every operation ends in the same way once the time is over; the store itself stays usable."""
    stored = store.put_bytes("chunks/film/a.json", b"{}", "application/json")
    limited = store.until(time.monotonic() + 60)
    assert limited.head(stored.key) == store.head(stored.key)
    over = store.until(time.monotonic())
    for operation in (
        lambda: over.head(stored.key),
        lambda: over.get_bytes(stored.key),
        lambda: list(over.names(keys.CHUNKS)),
        lambda: over.put_bytes(stored.key, b"", "application/json"),
    ):
        with pytest.raises(OutOfTime, match="the time limit was reached before s3://"):
            operation()
    assert store.head(stored.key) is not None
