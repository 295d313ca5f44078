"""The film page in Dagit: written after the film, and again after its chunks were checked."""

import dagster as dg
import pytest

from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import Studio
from chunk_assets_tests.generators import HoldingGenerator

pytestmark = pytest.mark.slow


@pytest.fixture
def studio(store: ObjectStore, instance: dg.DagsterInstance) -> Studio:
    """A film of three chunks, rendered."""
    studio = Studio(store, instance, HoldingGenerator())
    studio.submit()
    studio.render(range(3))
    return studio


def page_of(studio: Studio) -> str:
    """The stored page."""
    return studio.store.get_bytes(keys.page("film"))[0].decode()


def check_chunks(studio: Studio) -> None:
    """Run the checks of the film's chunks, as the sensor requests them."""
    tags = {
        "dagster/asset_partition_range_start": "00|film",
        "dagster/asset_partition_range_end": "02|film",
    }
    job = studio.definitions.resolve_job_def("check_chunks")
    assert job.execute_in_process(instance=studio.instance, tags=tags).success


def test_a_film_has_a_page_linked_from_dagit(studio: Studio):
    """Stitching writes it, both materializations link to it, and check results appear in it."""
    result = studio.stitch(with_page=True)
    assert result.success
    made = {
        event.materialization.asset_key.path[-1]: event.materialization.metadata
        for event in result.all_events
        if event.is_step_materialization
    }
    link = str(made["stitched_videos"]["page"].value)
    assert link.startswith("[page](")
    assert link.partition("?")[0].endswith("/videos/film/report.html")
    assert made["film_pages"]["uri"].value == studio.store.uri("videos/film/report.html")
    assert "not checked yet" in page_of(studio)
    check_chunks(studio)
    assert "not checked yet" not in page_of(studio)


def test_a_film_that_is_not_stitched_gets_no_page(studio: Studio):
    """Check results from before stitching are on the first page."""
    check_chunks(studio)
    assert studio.store.head(keys.page("film")) is None
    assert studio.stitch(with_page=True).success
    assert "not checked yet" not in page_of(studio)
