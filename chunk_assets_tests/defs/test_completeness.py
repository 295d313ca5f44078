"""The check `film_is_complete`, and a film's progress in `status`."""

import dagster as dg
import pytest

from chunk_assets.checks.results import COMPLETE
from chunk_assets.defs.assets.check_events import FILMS, report_completeness
from chunk_assets.film.status import FilmStatus, ranges
from chunk_assets.generation.base import GenerationRequest
from chunk_assets.settings import Settings
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.check_results import Result, check_result
from chunk_assets_tests.cli.commands import Ended, done
from chunk_assets_tests.defs.test_new_animatics import HELD, put
from chunk_assets_tests.films import Studio
from chunk_assets_tests.generators import BUSY, HoldingGenerator
from chunk_assets_tests.manifests import small_manifest
from chunk_assets_tests.sensing import Sensing

pytestmark = pytest.mark.slow


@pytest.fixture
def studio(store: ObjectStore, instance: dg.DagsterInstance) -> Studio:
    """A deployment with a film of three chunks, of which two are rendered."""
    studio = Studio(store, instance, HoldingGenerator())
    studio.submit(document=small_manifest(**HELD))
    studio.render(range(2))
    return studio


def complete(studio: Studio, film: str = "film") -> Result | None:
    """The check's result in Dagit."""
    return check_result(studio.instance, FILMS, COMPLETE, film)


def test_chunk_numbers_in_words():
    """Consecutive numbers are written as ranges."""
    assert ranges([7, 3, 5, 6, 112]) == "03, 05-07, 112"
    assert ranges([]) == ""


def test_many_stale_chunks_are_one_short_sentence():
    """The sentence has five reasons, and the other chunks' numbers."""
    found = FilmStatus(90, [1], dict.fromkeys(range(2, 90), "its composite changed"))
    assert found.sentence.startswith("1 of 90 chunks; missing: 01; out of date: 02 (its composite")
    assert found.sentence.endswith("06 (its composite changed), 07-89; the film is missing")


def test_a_film_from_its_first_chunk_to_its_last(studio: Studio):
    """The check says how many chunks are stored, and passes once the film is stitched."""
    stitching = Sensing(studio, "finished_films")
    stitching.tick()
    assert complete(studio) == Result(
        False, "WARN", "2 of 3 chunks; missing: 02; the film is missing"
    )
    studio.render([2])
    [request] = stitching.tick()
    assert complete(studio) == Result(False, "WARN", "3 of 3 chunks; the film is missing")
    result = stitching.launch(request)
    assert result.success
    assert complete(studio) == Result(True, "WARN", "3 of 3 chunks; the film is up to date")
    metadata = next(
        event.materialization.metadata
        for event in result.all_events
        if event.is_step_materialization and event.materialization.asset_key == FILMS
    )
    assert metadata["chunks"].value == "3 of 3"
    assert list(metadata)[:4] == ["preview", "watch", "page", "chunks"]


def test_a_chunk_that_is_rendered_again(studio: Studio):
    """The film is out of date until the later chunks are rendered and it is stitched again."""
    stitching = Sensing(studio, "finished_films")
    studio.render([2])
    stitching.launch(stitching.tick()[0])
    studio.render([0])
    assert stitching.tick() == []
    assert complete(studio) == Result(
        False,
        "WARN",
        "2 of 3 chunks; out of date: 01 (chunk 0 now ends on a different frame); the film is out "
        "of date",
    )
    studio.render([1, 2], reuse="matching")
    stitching.launch(stitching.tick()[0])
    assert complete(studio) == Result(True, "WARN", "3 of 3 chunks; the film is up to date")


def test_a_changed_animatic(studio: Studio, store: ObjectStore):
    """The chunks that it makes out of date are named before any is rendered again."""
    studio.render([2])
    studio.stitch()
    beats = small_manifest()["beats"]
    beats[1]["prompt_template"] = "{product_name} flies"
    put(store, "film", beats=beats)
    assert len(Sensing(studio, "new_animatics").tick()) == 1
    found = complete(studio)
    assert found is not None
    assert found.sentence.startswith("2 of 3 chunks; out of date: 02 (changed: prompt); the film")


def test_a_film_stitched_of_stale_chunks_says_so(studio: Studio):
    """The metadata of a film that is stitched by hand names the chunks that are out of date."""
    studio.render([2])
    studio.render([0])
    result = studio.stitch()
    metadata = next(
        event.materialization.metadata
        for event in result.all_events
        if event.is_step_materialization
    )
    assert metadata["chunks"].value == "2 of 3"
    assert "01 (chunk 0 now ends on a different frame)" in str(metadata["out_of_date"].value)


def test_reports_of_two_processes_do_not_collide(studio: Studio):
    """Of several results outside of runs, Dagit shows the latest."""
    for number in range(4):
        report_completeness(studio.instance, "film", FilmStatus(3, range(number)))
    found = complete(studio)
    assert found is not None
    assert found.sentence.startswith("0 of 3 chunks")


def film_state(ended: Ended, film: str = "film") -> str:
    """The film's column in the table of `status`."""
    [line] = [line for line in ended.stdout.splitlines() if line.startswith(film)]
    return line


def test_status_tells_of_chunks_being_rendered(studio: Studio, settings: Settings):
    """It counts finished chunks, names those being rendered, and ends with the run."""
    seen: list[tuple[str, list[int], str]] = []

    def look(request: GenerationRequest) -> None:
        found = done("status", "film", "--json").document["rendering"]
        seen.append((found["state"], found["chunks_now"][-1:], film_state(done("status"))))

    job = studio.definitions.resolve_job_def("render_chunks")
    tags = {"dagster/asset_partition_range_start": "00|film"}
    tags["dagster/asset_partition_range_end"] = "02|film"
    studio.generator.before = look
    studio.instance.create_run_for_job(
        job, tags={**tags, "film": "film"}, status=dg.DagsterRunStatus.STARTED
    )
    studio.render([2])
    studio.generator.before = lambda _request: None
    [(state, now, line)] = seen
    assert (state, now) == ("rendering", [2])
    assert "rendering 0 of 3" in line


def test_status_counts_what_a_run_has_done(studio: Studio):
    """A run with reuse `matching` begins with two of three chunks done."""
    seen: list[str] = []
    studio.generator.before = lambda _request: seen.append(film_state(done("status")))
    studio.render(range(3), reuse="matching")
    assert len(seen) == 1
    assert "rendering 2 of 3" in seen[0]
    studio.generator.before = lambda _request: None
    assert "rendering" not in film_state(done("status"))
    assert done("status", "film", "--json").document["rendering"] is None


def test_status_does_not_believe_a_killed_render(studio: Studio):
    """Dagster still records the run of a killed `render`, but no process holds the film's lock."""
    job = studio.definitions.resolve_job_def("render_chunks")
    ends = dict.fromkeys(
        ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end"), "02|film"
    )
    studio.instance.create_run_for_job(
        job,
        tags={**ends, "film": "film", "chunk_assets/launched_from": "terminal"},
        status=dg.DagsterRunStatus.STARTED,
    )
    assert "rendering" not in done("status").stdout


def test_a_failed_run_is_not_rendering(studio: Studio):
    """After its run failed, a film is as incomplete as before."""
    studio.generator.fails_at = {2: BUSY}
    assert not studio.render([2]).success
    assert "rendering" not in done("status").stdout
    assert studio.store.head(keys.chunk_video("film", 2)) is None
