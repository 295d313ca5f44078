"""What has been rendered is looked at, by itself and once."""

import dagster as dg
import pytest

from chunk_assets.defs.checking_sensor import RANGE, rendered_chunks
from chunk_assets.defs.partitions import range_tags
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import Studio
from chunk_assets_tests.generators import HoldingGenerator


@pytest.fixture
def studio(store: ObjectStore, instance: dg.DagsterInstance) -> Studio:
    """A studio with one film submitted."""
    made = Studio(store, instance, HoldingGenerator())
    made.submit()
    return made


def after(studio: Studio, result: dg.ExecuteInProcessResult) -> object:
    """What the sensor says to a run that has succeeded."""
    run = studio.instance.get_run_by_id(result.run_id)
    assert run is not None
    context = dg.build_run_status_sensor_context(
        sensor_name="rendered_chunks",
        dagster_instance=studio.instance,
        dagster_run=run,
        dagster_event=result.get_run_success_event(),
    )
    return rendered_chunks(context)


def test_rendered_chunks_are_looked_at_and_only_those(studio: Studio):
    """The run that is asked for is over the same chunks, and finds nothing wrong with them."""
    asked = after(studio, studio.render(range(2)))
    assert isinstance(asked, dg.RunRequest)
    assert {name: asked.tags[name] for name in RANGE} == range_tags("film", range(2))
    job = studio.definitions.resolve_job_def("check_chunks")
    result = job.execute_in_process(instance=studio.instance, tags=dict(asked.tags))
    judged = result.get_asset_check_evaluations()
    assert {(one.partition, one.check_name) for one in judged} >= {
        ("00|film", "clip_conforms"),
        ("01|film", "clip_conforms"),
        ("01|film", "begins_where_the_last_ended"),
    }
    assert all(one.passed for one in judged if one.check_name != "not_frozen")
    assert "rendered no clips" in str(after(studio, result))


def test_a_film_that_is_stitched_is_no_chunk(studio: Studio):
    """Runs of other assets ask for nothing."""
    studio.render(range(3))
    said = after(studio, studio.stitch())
    assert isinstance(said, dg.SkipReason)
