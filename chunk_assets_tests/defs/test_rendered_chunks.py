"""Rendered chunks are checked without being asked for, once."""

import dagster as dg
import pytest

from chunk_assets.dagster_internals.tag_names import RANGE_START
from chunk_assets.defs.partitions.definitions import range_tags
from chunk_assets.defs.sensors import rendered_chunks as sensor_module
from chunk_assets.defs.sensors.rendered_chunks import rendered_chunks
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import Studio
from chunk_assets_tests.generators import HoldingGenerator

pytestmark = pytest.mark.slow


@pytest.fixture
def studio(store: ObjectStore, instance: dg.DagsterInstance) -> Studio:
    """A studio with one film submitted."""
    made = Studio(store, instance, HoldingGenerator())
    made.submit()
    return made


def tick(studio: Studio, cursor: str | None) -> tuple[list[dg.RunRequest], str]:
    """What the sensor requests, and its new cursor."""
    context = dg.build_sensor_context(instance=studio.instance, cursor=cursor)
    result = rendered_chunks(context)
    assert isinstance(result, dg.SensorResult)
    after = result.cursor or cursor
    assert after is not None
    return list(result.run_requests or ()), after


def test_rendered_chunks_are_looked_at_and_only_those(studio: Studio):
    """The requested run covers the same chunks, and all checks pass."""
    _, cursor = tick(studio, None)
    studio.render(range(2))
    (asked,), cursor = tick(studio, cursor)
    assert asked.tags.items() >= range_tags("film", range(2)).items()
    job = studio.definitions.resolve_job_def("check_chunks")
    result = job.execute_in_process(instance=studio.instance, tags=dict(asked.tags))
    judged = result.get_asset_check_evaluations()
    assert {(one.partition, one.check_name) for one in judged} >= {
        ("00|film", "clip_conforms"),
        ("01|film", "clip_conforms"),
        ("01|film", "begins_where_the_last_ended"),
    }
    assert all(one.passed for one in judged if one.check_name != "not_frozen")
    assert tick(studio, cursor)[0] == []


def test_what_was_rendered_before_the_first_tick_is_left_alone(studio: Studio):
    """An instance with a history, or a cursor of another version, starts from now."""
    studio.render(range(1))
    assert tick(studio, None)[0] == []
    assert tick(studio, '{"record_id": 0}')[0] == []


def test_all_runs_since_the_last_tick_are_looked_at_in_one(studio: Studio):
    """Each once, and not again in the next."""
    _, cursor = tick(studio, None)
    for number in range(3):
        studio.render(range(number, number + 1))
    asked, cursor = tick(studio, cursor)
    assert [one.tags[RANGE_START] for one in asked] == ["00|film", "01|film", "02|film"]
    assert tick(studio, cursor) == ([], cursor)


def test_more_runs_than_a_tick_takes_are_left_to_the_next(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
):
    """The cursor is at the last run that was handled."""
    _, cursor = tick(studio, None)
    for number in range(3):
        studio.render(range(number, number + 1))
    monkeypatch.setattr(sensor_module, "MAX_RUNS", 2)
    first, cursor = tick(studio, cursor)
    second, cursor = tick(studio, cursor)
    assert [one.tags[RANGE_START] for one in (*first, *second)] == ["00|film", "01|film", "02|film"]


def test_a_film_that_is_stitched_is_no_chunk(studio: Studio):
    """Runs of other assets ask for nothing."""
    studio.render(range(3))
    _, cursor = tick(studio, None)
    studio.stitch()
    assert tick(studio, cursor)[0] == []
