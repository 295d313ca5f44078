"""Backfills: their runs start in any order, and keep each other's clips."""

import dagster as dg
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.execution.backfill import PartitionBackfill

from chunk_assets.defs.partitions.definitions import chunk_key
from chunk_assets.film.records import ClipRecord
from chunk_assets.render.request import STAGES
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import Studio, failure
from chunk_assets_tests.generators import HoldingGenerator

pytestmark = pytest.mark.slow

FILMS = ("one", "two")


@pytest.fixture
def studio(store: ObjectStore, instance: dg.DagsterInstance) -> Studio:
    """Two films of three chunks, nothing of them rendered."""
    studio = Studio(store, instance, HoldingGenerator())
    for film in FILMS:
        studio.submit(film)
    return studio


def backfill(studio: Studio, numbers: list[int], name: str = "backfill") -> str:
    """Record a backfill of these chunks of all films, as Dagit does, without a daemon."""
    graph = studio.definitions.resolve_asset_graph()
    with partition_loading_context(dynamic_partitions_store=studio.instance):
        made = PartitionBackfill.from_asset_partitions(
            backfill_id=name,
            asset_graph=graph,
            partition_names=[chunk_key(film, n) for film in FILMS for n in numbers],
            asset_selection=[dg.AssetKey(stage) for stage in STAGES],
            backfill_timestamp=0.0,
            tags={},
            dynamic_partitions_store=studio.instance,
            all_partitions=False,
            title=None,
            description=None,
            run_config=None,
        )
    studio.instance.add_backfill(made)
    return name


def run_of(studio: Studio, number: int, name: str) -> dg.ExecuteInProcessResult:
    """The backfill's run of one chunk number across the films."""
    tags = {
        "dagster/backfill": name,
        "dagster/asset_partition_range_start": chunk_key(FILMS[0], number),
        "dagster/asset_partition_range_end": chunk_key(FILMS[-1], number),
    }
    return studio.render([number], tags=tags)


def recorded(result: dg.ExecuteInProcessResult) -> set[str]:
    """The partitions whose clips a run recorded."""
    clips = dg.AssetKey("chunk_videos")
    made = [e.materialization for e in result.all_events if e.is_step_materialization]
    return {str(m.partition) for m in made if m.asset_key == clips}


def takes(studio: Studio) -> set[int]:
    """The takes of all stored clips."""
    stored = [studio.store.head(keys.chunk_video(film, n)) for film in FILMS for n in range(3)]
    return {ClipRecord.of(clip).take for clip in stored if clip is not None}


def test_a_run_that_comes_too_soon_makes_what_it_begins_with(studio: Studio):
    """Chunk 2's run renders 0 to 2; the others' runs find their chunks, and record them."""
    name = backfill(studio, [0, 1, 2])
    assert recorded(run_of(studio, 2, name)) == {
        chunk_key(film, number) for film in FILMS for number in range(3)
    }
    assert len(studio.generator.requests) == 6
    for number in (0, 1):
        result = run_of(studio, number, name)
        assert result.success
        assert recorded(result) == {chunk_key(film, number) for film in FILMS}
    assert len(studio.generator.requests) == 6
    assert takes(studio) == {1}


def test_each_backfill_is_a_new_take(studio: Studio):
    """A second backfill renders everything again, once."""
    for number, name in enumerate(("first", "second"), start=1):
        backfill(studio, [0, 1, 2], name)
        for chunk in (1, 0, 2):
            assert run_of(studio, chunk, name).success
        assert takes(studio) == {number}
        assert len(studio.generator.requests) == 6 * number


def test_nothing_is_made_that_the_backfill_does_not_ask_for(studio: Studio):
    """Where chunk 0 is neither stored nor asked for, chunk 2's run says what to do."""
    name = backfill(studio, [1, 2])
    result = run_of(studio, 2, name)
    assert not result.success
    assert "begins with the last frame of chunk 0, which is not stored" in failure(result)
    assert studio.generator.requests == []


def test_the_runs_of_a_backfill_begin_at_different_films(studio: Studio):
    """Chunk 1's run takes the second film first, so that it need not wait for chunk 0's."""
    name = backfill(studio, [0, 1])
    run_of(studio, 1, name)
    assert [request.video_id for request in studio.generator.requests] == ["two"] * 2 + ["one"] * 2
