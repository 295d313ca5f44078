"""Concurrent runs over one film: each chunk is rendered once, and runs wait for each other."""

import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path

import dagster as dg
import pytest

from chunk_assets.definitions import build_definitions
from chunk_assets.defs.partitions.definitions import range_tags
from chunk_assets.defs.partitions.registry import register
from chunk_assets.defs.runs.chunk_locks import RunChunkLocks
from chunk_assets.errors import NotStored
from chunk_assets.film.plan import plan_film
from chunk_assets.render.context import RenderContext
from chunk_assets.render.walk import walk
from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import put_animatic
from chunk_assets_tests.generators import HoldingGenerator

pytestmark = pytest.mark.slow

Locking = Callable[[str], RunChunkLocks]


@pytest.fixture
def locking(settings: Settings, instance: dg.DagsterInstance) -> Locking:
    """Makes the chunk locks of a run."""

    def of_run(run_id: str) -> RunChunkLocks:
        return RunChunkLocks(
            settings.home, "film", instance=instance, run_id=run_id, log=said.append
        )

    said: list[str] = []
    return of_run


def nothing() -> None:
    """Let the wait continue."""


@cache
def _job() -> dg.JobDefinition:
    return build_definitions().resolve_job_def("render_chunks")


def recorded(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus, tags: dict[str, str], *stages: str
) -> str:
    """A run in some state, over the chunk assets that are named; returns its id."""
    return instance.create_run_for_job(
        _job(),
        status=status,
        tags=tags,
        asset_selection=frozenset(dg.AssetKey(stage) for stage in stages),
    ).run_id


def test_a_chunk_belongs_to_one_run_at_a_time(locking: Locking):
    """The second run gets it when the first releases it, and learns that it had to wait."""
    one, two = locking("one"), locking("two")
    assert not one.acquire(3, nothing)
    assert not one.acquire(3, nothing)
    assert not two.try_acquire(3)
    assert two.try_acquire(4)
    assert two.is_pending(3)
    threading.Timer(0.5, one.release, [3]).start()
    assert two.acquire(3, nothing)
    two.release(3)
    assert one.try_acquire(3)
    one.release(3)


def test_a_stopped_walk_does_not_wait(locking: Locking):
    """A walk that is closed while it waits for another run ends."""
    one, two = locking("one"), locking("two")
    one.acquire(0, nothing)

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        two.acquire(0, stop)
    one.release(0)


@pytest.mark.parametrize(
    ("tags", "covers"),
    [
        (range_tags("film", range(3)), True),
        (range_tags("film", [2]), False),
        (range_tags("other", range(3)), False),
        (
            {
                "dagster/asset_partition_range_start": "01|another",
                "dagster/asset_partition_range_end": "01|other",
            },
            True,
        ),
        ({"dagster/partition": "01|film"}, True),
        ({"dagster/partition": "02|film"}, False),
        ({}, False),
    ],
)
def test_a_launched_run_is_expected_to_render_its_chunks(
    instance: dg.DagsterInstance, locking: Locking, tags: dict[str, str], covers: bool
):
    """Whatever the shape of its partitions: one, a range of a film, one number of many films."""
    for film in ("another", "film", "other"):
        register(instance, film, 3)
    launched = recorded(
        instance, dg.DagsterRunStatus.NOT_STARTED, tags, "composites", "chunk_videos"
    )
    assert locking("mine").is_pending(1) is covers
    assert not locking(launched).is_pending(1)  # a run does not wait for itself


def test_a_run_that_has_ended_or_makes_no_clips_is_not_waited_for(
    instance: dg.DagsterInstance, locking: Locking
):
    """Only a run that is active or queued can bring the chunk."""
    register(instance, "film", 3)
    tags = range_tags("film", range(3))
    recorded(instance, dg.DagsterRunStatus.FAILURE, tags, "chunk_videos")
    recorded(instance, dg.DagsterRunStatus.SUCCESS, tags, "chunk_videos")
    recorded(instance, dg.DagsterRunStatus.STARTED, tags, "composites")
    assert not locking("mine").is_pending(1)


class Walker:
    """Walks of one film in threads, as runs in processes of their own."""

    def __init__(self, store: ObjectStore, locking: Locking, workdir: Path):
        self.store, self.locking, self.workdir = store, locking, workdir
        put_animatic(store)
        self.plan = plan_film(store, "film")
        self.generator = HoldingGenerator()
        self.errors: list[BaseException] = []

    def start(self, run: str, numbers: range) -> threading.Thread:
        """Walk these chunks."""
        directory = self.workdir / run
        directory.mkdir()
        context = RenderContext(
            plan=self.plan,
            store=self.store,
            generator=self.generator,
            workdir=directory,
            locks=self.locking(run),
        )

        def go() -> None:
            try:
                list(walk(context, numbers))
            except NotStored as error:
                self.errors.append(error)

        thread = threading.Thread(target=go)
        thread.start()
        return thread


@pytest.fixture
def walker(store: ObjectStore, locking: Locking, tmp_path: Path) -> Walker:
    """Walks of `film`."""
    return Walker(store, locking, tmp_path)


def test_two_runs_over_one_film_render_each_chunk_once(walker: Walker):
    """The second finds what the first has made, chunk by chunk, and keeps it."""
    runs = [walker.start(run, range(3)) for run in ("one", "two", "three")]
    for thread in runs:
        thread.join()
    assert sorted(walker.generator.chunks) == [0, 1, 2]
    assert walker.errors == []


def test_a_chunk_waits_for_the_one_before_it_while_another_run_has_that(
    walker: Walker, instance: dg.DagsterInstance
):
    """One run a chunk, started the wrong way round: the film is rendered in order, once."""
    register(instance, "film", 3)
    ids = [
        recorded(
            instance,
            dg.DagsterRunStatus.STARTED,
            {"dagster/partition": f"{number:02d}|film"},
            "chunk_videos",
        )
        for number in range(3)
    ]
    threads = [walker.start(ids[n], range(n, n + 1)) for n in (2, 1, 0)]
    for thread in threads:
        thread.join()
    assert walker.generator.chunks == [0, 1, 2]
    assert walker.errors == []


def test_a_chunk_whose_predecessor_no_run_renders_says_what_to_do(walker: Walker):
    """It does not wait."""
    walker.start("one", range(1, 2)).join()
    assert ["materialize chunk 0 first" in str(error) for error in walker.errors] == [True]
