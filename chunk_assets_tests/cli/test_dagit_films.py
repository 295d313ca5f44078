"""Films under `chunk-assets dev`: dropped on S3, or selected in Dagit, many at once."""

from collections import defaultdict

import dagster as dg
import pytest

from chunk_assets.dagster_internals.instance import open_instance
from chunk_assets.defs.partitions.definitions import chunk_key, read_chunk_key
from chunk_assets.defs.partitions.observations import announce
from chunk_assets.film.plan import FilmPlan, plan_film
from chunk_assets.film.records import ClipRecord
from chunk_assets.media.frames import probe
from chunk_assets.render.request import STAGES
from chunk_assets.settings import load_settings
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.dagit import dev, until
from chunk_assets_tests.films import put_animatic
from chunk_assets_tests.manifests import manifest, small_manifest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

CLIPS = dg.AssetKey("chunk_videos")


def is_there(store: ObjectStore, video_id: str) -> bool:
    """Whether the film is stitched; its output is written last."""
    return store.head(keys.output(video_id)) is not None


def rendered_once(store: ObjectStore, plan: FilmPlan) -> bool:
    """Whether each chunk was rendered, and none a second time."""
    clips = [store.head(keys.chunk_video(plan.video_id, spec.chunk_num)) for spec in plan.specs]
    return all(clip is not None and ClipRecord.of(clip).take == 1 for clip in clips)


@pytest.mark.endurance
def test_ten_dropped_animatics_become_films_without_a_click(store: ObjectStore, tmp_path):
    """Each is found, rendered once, looked at and stitched to its exact length."""
    films = [f"film-{number}" for number in range(10)]
    with dev() as dagit:
        for film in films:
            put_animatic(store, film, small_manifest())
        until(lambda: all(is_there(store, film) for film in films), seconds=400)
        page = '{assetCheckExecutions(assetKey:{path:["chunk_videos"]}, checkName:"clip_conforms",'
        query = page + " limit: 100){partition status}}"

        def are_judged() -> bool:
            seen = dagit.ask(query)["assetCheckExecutions"]
            good = {one["partition"] for one in seen if one["status"] == "SUCCEEDED"}
            return good >= {chunk_key(film, n) for film in films for n in range(3)}

        until(are_judged, seconds=300)
    for film in films:
        assert rendered_once(store, plan_film(store, film))
        store.download(keys.stitched_video(film), tmp_path / "film.mp4")
        assert probe(tmp_path / "film.mp4").frames == 48


@pytest.mark.parametrize(
    ("films_selected", "chunks"),
    [
        pytest.param(5, 3, marks=pytest.mark.endurance),
        pytest.param(20, 15, marks=pytest.mark.night),
    ],
)
def test_a_selection_of_more_films_than_chunks_completes(
    store: ObjectStore, films_selected: int, chunks: int
):
    """Dagster makes a run a chunk number, in any order; none is rendered twice.

    What each chunk begins with was recorded before it.
    """
    films = [f"film-{number:02d}" for number in range(films_selected)]
    document = manifest(fps=8, resolution="128x72") if chunks == 15 else small_manifest()
    with dev() as dagit, open_instance(load_settings()) as instance:
        dagit.stop_sensor("new_animatics")
        plans = []
        for film in films:
            put_animatic(store, film, document)
            plans.append(plan_film(store, film))
            announce(instance, store, plans[-1])
        wanted = [chunk_key(film, number) for film in films for number in range(chunks)]
        backfill = dagit.backfill(list(STAGES), wanted)
        over = ("COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED")
        until(lambda: dagit.backfill_status(backfill) in over, seconds=1200)
        assert dagit.backfill_status(backfill) == "COMPLETED_SUCCESS"
        until(lambda: all(is_there(store, film) for film in films), seconds=400)
        events = instance.fetch_materializations(CLIPS, limit=5000, ascending=True).records
    assert all(rendered_once(store, plan) for plan in plans)
    recorded: dict[str, list[int]] = defaultdict(list)
    for event in events:
        read = read_chunk_key(str(event.partition_key))
        assert read is not None
        film, number = read
        if number not in recorded[film]:  # whose run finds it made records it again
            recorded[film].append(number)
    assert recorded == {film: list(range(chunks)) for film in films}
