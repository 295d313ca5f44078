"""Runs that meet at one film: none renders what another is at, and one waits for the other."""

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
from chunk_assets.render.hooks import ChunkLocks, Listener
from chunk_assets.render.request import RenderRequest
from chunk_assets.render.walk import walk
from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import put_animatic
from chunk_assets_tests.generators import HoldingGenerator

Claiming = Callable[[str], RunChunkLocks]


@pytest.fixture
def claiming(settings: Settings, instance: dg.DagsterInstance) -> Claiming:
    """Makes the claims of a run."""

    def of_run(run_id: str) -> RunChunkLocks:
        return RunChunkLocks(
            settings.home, "film", instance=instance, run_id=run_id, log=said.append
        )

    said: list[str] = []
    return of_run


def nothing() -> None:
    """Goes on."""


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


def test_a_chunk_belongs_to_one_run_at_a_time(claiming: Claiming):
    """The second run gets it when the first lets go, and is told that it had to wait."""
    one, two = claiming("one"), claiming("two")
    assert not one.acquire(3, nothing)
    assert not one.acquire(3, nothing)
    assert not two.try_acquire(3)
    assert two.try_acquire(4)
    assert two.is_pending(3)
    threading.Timer(0.5, one.close).start()
    assert two.acquire(3, nothing)
    two.close()
    assert one.try_acquire(3)
    one.close()


def test_who_is_stopped_does_not_wait(claiming: Claiming):
    """A walk that is closed while it waits for another run ends."""
    one, two = claiming("one"), claiming("two")
    one.acquire(0, nothing)

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        two.acquire(0, stop)
    one.close()


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
def test_a_run_that_is_launched_over_a_chunk_is_going_to_render_it(
    instance: dg.DagsterInstance, claiming: Claiming, tags: dict[str, str], covers: bool
):
    """Whatever the shape of its partitions: one, a range of a film, one number of many films."""
    for film in ("another", "film", "other"):
        register(instance, film, 3)
    launched = recorded(
        instance, dg.DagsterRunStatus.NOT_STARTED, tags, "composites", "chunk_videos"
    )
    assert claiming("mine").is_pending(1) is covers
    assert not claiming(launched).is_pending(1)  # nobody waits for himself


def test_a_run_that_has_ended_or_makes_no_clips_is_not_waited_for(
    instance: dg.DagsterInstance, claiming: Claiming
):
    """Only one that is going on, or about to, can bring the chunk."""
    register(instance, "film", 3)
    tags = range_tags("film", range(3))
    recorded(instance, dg.DagsterRunStatus.FAILURE, tags, "chunk_videos")
    recorded(instance, dg.DagsterRunStatus.SUCCESS, tags, "chunk_videos")
    recorded(instance, dg.DagsterRunStatus.STARTED, tags, "composites")
    assert not claiming("mine").is_pending(1)


class Walker:
    """Walks of one film in threads, as runs in processes of their own."""

    def __init__(self, store: ObjectStore, claiming: Claiming, workdir: Path):
        self.store, self.claiming, self.workdir = store, claiming, workdir
        put_animatic(store)
        self.plan = plan_film(store, "film")
        self.generator = HoldingGenerator()
        self.errors: list[BaseException] = []

    def start(self, run: str, numbers: range, claims: ChunkLocks | None = None) -> threading.Thread:
        """Walk these chunks."""
        directory = self.workdir / run
        directory.mkdir()

        def go() -> None:
            try:
                for _ in walk(
                    self.plan,
                    numbers,
                    store=self.store,
                    generator=self.generator,
                    order=RenderRequest(),
                    workdir=directory,
                    listener=Listener(),
                    claims=claims or self.claiming(run),
                ):
                    pass
            except NotStored as error:
                self.errors.append(error)

        thread = threading.Thread(target=go)
        thread.start()
        return thread


@pytest.fixture
def walker(store: ObjectStore, claiming: Claiming, tmp_path: Path) -> Walker:
    """Walks of `film`."""
    return Walker(store, claiming, tmp_path)


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


def test_a_chunk_whose_predecessor_nobody_renders_says_what_to_do(walker: Walker):
    """It does not wait for what will not come."""
    walker.start("one", range(1, 2)).join()
    assert ["materialize chunk 0 first" in str(error) for error in walker.errors] == [True]
