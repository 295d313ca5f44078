"""The chunk assets: what a run makes, records, keeps and refuses."""

import base64
import json
from io import BytesIO

import dagster as dg
import numpy as np
import pytest
from PIL import Image

from chunk_assets.defs.assets.io_managers import StoredVideo
from chunk_assets.defs.assets.metadata import embedded, preview
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.records import ClipRecord
from chunk_assets.render.previews import moving_preview
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import Studio, failure, put_animatic
from chunk_assets_tests.generators import BUSY, HoldingGenerator
from chunk_assets_tests.manifests import small_manifest

pytestmark = pytest.mark.slow


@pytest.fixture
def studio(store: ObjectStore, instance: dg.DagsterInstance) -> Studio:
    """A deployment with the holding generator."""
    return Studio(store, instance, HoldingGenerator())


def partitions(result: dg.ExecuteInProcessResult, asset: str) -> list[str]:
    """The partitions of an asset that a run materialized, in order."""
    return [
        str(event.materialization.partition)
        for event in result.all_events
        if event.is_step_materialization and event.asset_key == dg.AssetKey(asset)
    ]


def take(store: ObjectStore, chunk_num: int) -> int:
    """Which take of a chunk is stored."""
    stored = store.head(keys.chunk_video("film", chunk_num))
    assert stored is not None
    return ClipRecord.of(stored).take


def test_a_run_renders_a_films_chunks_in_order(studio: Studio):
    """One run walks the film: each chunk begins with the last frame of the one before."""
    studio.submit()
    result = studio.render(range(3))
    assert result.success
    assert studio.generator.chunks == [0, 1, 2]
    for asset in ("chunk_specs", "composites", "chunk_videos", "last_frames"):
        assert partitions(result, asset) == ["00|film", "01|film", "02|film"]


def test_the_bucket_holds_exactly_the_keys_of_the_design(studio: Studio):
    """A rendered and stitched film is these objects and no other."""
    studio.submit()
    studio.render(range(3))
    assert studio.stitch().success
    chunk = "chunks/film"
    take_names = ("take.json", "clip.mp4", "last_frame.png", "moving.webp")
    found = set(studio.store.keys(""))
    seams = {key for key in found if "/take_01/seam_" in key}
    assert sorted(key.split("/")[3] for key in seams) == ["chunk_01", "chunk_02"]
    assert found - seams == {
        "animatics/film.json",
        *(f"animatics/film/{name}.png" for name in ("one", "two", "style", "product")),
        *(f"{chunk}/specs/chunk_0{n}.json" for n in range(3)),
        *(f"{chunk}/composites/chunk_0{n}.png" for n in range(3)),
        *(f"{chunk}/chunk_0{n}.mp4" for n in range(3)),
        *(f"{chunk}/frames/chunk_{n}_last_frame.png" for n in range(3)),
        *(f"{chunk}/seams/seam_0{n}.mp4" for n in (1, 2)),
        *(f"{chunk}/takes/chunk_0{n}/take_01/{name}" for n in range(3) for name in take_names),
        "videos/film/stitched.mp4",
        "videos/film/output.json",
    }


def test_the_hand_over_is_recorded_under_the_next_chunk(studio: Studio):
    """A last frame is observed and materialized for the chunk after it, never beyond the film."""
    studio.submit()
    result = studio.render(range(3))
    assert partitions(result, "previous_last_frames") == ["01|film", "02|film"]
    observed = [e for e in result.all_events if e.event_type_value == "ASSET_OBSERVATION"]
    assert [str(event.partition) for event in observed] == ["01|film", "02|film"]
    frame = studio.store.head(keys.last_frame("film", 0))
    assert frame is not None
    tags = observed[0].asset_observation_data.asset_observation.tags
    assert tags["dagster/data_version"] == frame.record["pixels"]


def test_a_materialization_says_what_a_person_wants_to_know(studio: Studio):
    """Preview, place, link, prompt, seed, format, cost, digest and time stand beside the clip."""
    studio.generator.pays = 0.25
    studio.submit()
    result = studio.render([0])
    made = [e.materialization for e in result.all_events if e.is_step_materialization]
    clip = next(m for m in made if m.asset_key == dg.AssetKey("chunk_videos"))
    values = {name: value.value for name, value in clip.metadata.items()}
    assert values["uri"] == studio.store.uri("chunks/film/chunk_00.mp4")
    assert str(values["watch"]).startswith(f"[watch]({studio.store.endpoint}/")
    first = ["preview", "watch", "prompt", "take", "cost_usd"]
    assert list(values)[: len(first)] == first
    assert "Lumen One at rest" in str(values["prompt"])
    assert (values["frames"], values["fps"], values["size"]) == (16, 8, "128x72")
    assert (values["cost_usd"], values["take"], values["generator"]) == (0.25, 1, "holding")
    assert isinstance(values["seed"], int)
    assert len(str(values["sha256"]).replace(" ", "")) == 64
    words = [word for value in values.values() for word in str(value).split() if "](" not in word]
    assert max(map(len, words)) < 64, "a longer word makes Dagit's table wider than the page"
    assert float(str(values["seconds"])) > 0
    for materialization in made:
        preview = str(materialization.metadata["preview"].value)
        is_clip = materialization.asset_key == dg.AssetKey("chunk_videos")
        kind = "webp" if is_clip else "jpeg"
        assert preview.startswith(f"![preview](data:image/{kind};base64,")
        assert len(preview) <= (64_000 if is_clip else 32_000)
    for name in ("cost_usd", "seconds", "colour_shift", "colour_drift"):
        assert isinstance(values[name], float), "what plots by chunk in Dagit is numbers"


@pytest.mark.parametrize("size", [(1024, 576), (576, 1024), (128, 72)])
def test_previews_are_wide_enough_to_judge_by(size: tuple[int, int]):
    """A preview is 640 pixels wide, or as wide as what it shows, whatever it shows; it is small."""
    rng = np.random.default_rng(1)
    drawings = [
        Image.fromarray(rng.integers(0, 256, (size[1] // 24, size[0] // 24, 3), np.uint8)).resize(
            size
        )
        for _ in range(8)
    ]
    still = str(preview(drawings[0]).value)
    assert len(still) <= 32_000
    moving = moving_preview(drawings, 2.5)
    assert len(str(embedded("webp", moving).value)) <= 64_000
    for content in (base64.b64decode(still.partition(",")[2].removesuffix(")")), moving):
        with Image.open(BytesIO(content)) as picture:
            assert picture.width == min(640, size[0])
            assert (getattr(picture, "n_frames", 1) > 1) == (content is moving)


def test_matching_renders_nothing_twice_and_records_nothing_new(studio: Studio):
    """A second run that keeps what matches asks the generator for nothing and adds no event."""
    studio.submit()
    studio.render(range(3))
    before = {key: studio.store.head(key) for key in studio.store.keys("")}
    studio.generator.requests.clear()
    result = studio.render(range(3), reuse="matching")
    assert result.success
    assert studio.generator.chunks == []
    assert [e for e in result.all_events if e.is_step_materialization] == []
    assert {key: studio.store.head(key) for key in studio.store.keys("")} == before


def test_a_backfill_records_what_it_keeps(studio: Studio):
    """Dagit counts a backfill's partition as failed unless the backfill's run recorded it."""
    studio.submit()
    studio.render(range(3))
    result = studio.render(range(3), tags={"dagster/backfill": "b"}, reuse="matching")
    assert partitions(result, "chunk_videos") == ["00|film", "01|film", "02|film"]
    assert studio.generator.chunks == [0, 1, 2]


def test_a_click_records_every_stage_it_was_asked_for(studio: Studio):
    """A new take with the spec and composite of before records all four."""
    studio.submit()
    studio.render(range(3))
    result = studio.render([1])
    for asset in ("chunk_specs", "composites", "chunk_videos", "last_frames"):
        assert partitions(result, asset) == ["01|film"]


def test_a_click_always_renders_a_new_take(studio: Studio):
    """By default a run makes a new take with a new seed, whatever is stored."""
    studio.submit()
    studio.render(range(3))
    first = [request.seed for request in studio.generator.requests]
    studio.render([1])
    assert studio.generator.chunks == [0, 1, 2, 1]
    assert studio.generator.requests[-1].seed != first[1]
    assert [take(studio.store, number) for number in range(3)] == [1, 2, 1]


def test_a_new_take_changes_the_chain_behind_it(studio: Studio):
    """After chunk 0 is rendered again, a matching run renders the chunks that follow from it."""
    studio.submit()
    studio.render(range(3))
    studio.render([0])
    studio.generator.requests.clear()
    studio.render(range(3), reuse="matching")
    assert studio.generator.chunks == [1, 2]


def test_a_changed_prompt_renders_from_its_first_chunk_on(studio: Studio):
    """A changed beat leaves the chunks before it as they are."""
    document = small_manifest()
    studio.submit(document=document)
    studio.render(range(3))
    document["beats"][1]["prompt_template"] = "{product_name} leaps"
    studio.submit(document=document)
    studio.generator.requests.clear()
    studio.render(range(3), reuse="matching")
    assert studio.generator.chunks == [2]
    assert "leaps" in studio.generator.requests[0].prompt


def test_a_changed_transition_renders_nothing(studio: Studio):
    """Fade instead of dissolve concerns the stitching alone."""
    document = small_manifest()
    studio.submit(document=document)
    studio.render(range(3))
    document["transitions"] = [{"type": "fade", "duration": 0.5}]
    studio.submit(document=document)
    studio.generator.requests.clear()
    studio.render(range(3), reuse="matching")
    assert studio.generator.chunks == []


def test_another_model_version_renders_again(studio: Studio):
    """A clip of an older model is not what would be rendered now."""
    studio.submit()
    studio.render(range(3))
    studio.generator.requests.clear()
    studio.generator.version = "2"
    studio.render(range(3), reuse="matching")
    assert studio.generator.chunks == [0, 1, 2]


def test_a_chosen_seed_is_kept_to(studio: Studio):
    """The same film seed keeps what it made, another renders again, and takes do not change it."""
    studio.submit()
    studio.render(range(3), seed=7)
    first = [request.seed for request in studio.generator.requests]
    assert len(set(first)) == 3
    studio.render(range(3), seed=7, reuse="matching")
    assert len(studio.generator.requests) == 3
    studio.render(range(3), seed=8, reuse="matching")
    assert len(studio.generator.requests) == 6
    studio.render(range(3), seed=7)
    assert [request.seed for request in studio.generator.requests[6:]] == first


def test_a_failure_leaves_what_was_made_before_it(studio: Studio):
    """Chunks before the one that failed are stored and recorded; the failure is one sentence."""
    studio.submit()
    studio.generator.fails_at[2] = BUSY
    result = studio.render(range(3))
    assert failure(result) == "the model is busy: try again later"
    assert partitions(result, "last_frames") == ["00|film", "01|film"]
    studio.generator.requests.clear()
    assert studio.render(range(3), reuse="matching").success
    assert studio.generator.chunks == [2]


def test_chunks_beyond_the_film_are_skipped_in_a_range(studio: Studio):
    """The grid is a product: a longer film's numbers mean nothing to a shorter one."""
    studio.submit()
    long = small_manifest(
        duration=8,
        beats=[*small_manifest()["beats"][:1], {**small_manifest()["beats"][1], "duration": 4}],
    )
    studio.submit("long", long)
    result = studio.render(range(4))
    assert result.success
    assert partitions(result, "chunk_videos") == ["00|film", "01|film", "02|film"]


def test_a_chunk_beyond_the_film_asked_for_alone_is_an_error(studio: Studio):
    """The sentence says how many chunks there are."""
    studio.submit()
    long = small_manifest(
        duration=8,
        beats=[*small_manifest()["beats"][:1], {**small_manifest()["beats"][1], "duration": 4}],
    )
    studio.submit("long", long)
    said = failure(studio.render([3]))
    assert said == "film 'film' has no chunk 3: it has 3 chunks, 0 to 2"


def test_a_chunk_without_its_predecessor_says_what_to_do(studio: Studio):
    """Chunk 2 cannot begin before chunk 1 has ended."""
    studio.submit()
    said = failure(studio.render([2]))
    assert "which is not stored: materialize chunk 1 first" in said
    assert studio.generator.requests == []


def test_one_stage_can_be_made_alone(studio: Studio):
    """Specs alone, then the composite alone, then clip and frame from what is stored."""
    studio.submit()
    assert studio.render([0], stages=["chunk_specs"]).success
    assert list(studio.store.keys("chunks/")) == ["chunks/film/specs/chunk_00.json"]
    assert studio.render([0], stages=["composites"]).success
    assert studio.generator.requests == []
    assert studio.render([0], stages=["chunk_videos"]).success
    assert studio.generator.chunks == [0]
    result = studio.render([0], stages=["last_frames"])
    assert partitions(result, "last_frames") == ["00|film"]


def test_a_stage_whose_input_is_missing_says_which(studio: Studio):
    """A clip without its composite, a composite without its spec."""
    studio.submit()
    said = failure(studio.render([0], stages=["composites"]))
    assert "chunk_specs of chunk 0 of film 'film' is not stored: materialize chunk_specs" in said
    studio.render([0], stages=["chunk_specs"])
    said = failure(studio.render([0], stages=["chunk_videos"]))
    assert "composites of chunk 0" in said


def test_the_last_frame_of_a_kept_clip_is_taken_again_only_when_lost(studio: Studio):
    """The frame taken from the clip as it came stands; a lost one is taken from the stored clip."""
    studio.submit()
    studio.render([0])
    key = keys.last_frame("film", 0)
    first = studio.store.head(key)
    studio.render([0], stages=["last_frames"])
    assert studio.store.head(key) == first
    studio.store.client.delete_object(Bucket=studio.store.bucket, Key=key)
    assert studio.render([0], stages=["last_frames"]).success
    assert studio.store.head(key) is not None


def test_a_clip_that_someone_else_put_there_is_not_written_over(studio: Studio):
    """A foreign clip is refused while keeping what matches; a click on that chunk replaces it."""
    studio.submit()
    studio.render(range(3))
    studio.store.client.put_object(
        Bucket=studio.store.bucket, Key=keys.chunk_video("film", 1), Body=b"graded by hand"
    )
    said = failure(studio.render(range(3), reuse="matching"))
    assert "was not written by chunk_assets" in said
    assert studio.store.get_bytes(keys.chunk_video("film", 1))[0] == b"graded by hand"
    assert studio.render([1]).success


def test_a_corrupt_spec_is_named(studio: Studio):
    """A stored spec that is no spec is a sentence with its place."""
    studio.submit()
    key = keys.chunk_spec("film", 0)
    studio.store.client.put_object(Bucket=studio.store.bucket, Key=key, Body=b"{}")
    said = failure(studio.render([0], stages=["composites"]))
    assert said.startswith(f"{studio.store.uri(key)} is damaged: it is not a ChunkSpec")


def test_an_unknown_generator_or_film_is_named(studio: Studio):
    """What a run config or a partition names and is not there is one sentence."""
    studio.submit()
    said = failure(studio.render([0], generator="replica"))
    assert said == "there is no generator 'replica': choose one of holding"
    studio.submit("gone")
    studio.store.client.delete_object(Bucket=studio.store.bucket, Key=keys.manifest("gone"))
    assert "there is no animatic 'gone'" in failure(studio.render([0], "gone"))


def test_a_weight_outside_its_range_is_named(studio: Studio):
    """Run config weights are checked before anything is made."""
    studio.submit()
    assert "animatic_weight is 1.5" in failure(studio.render([0], animatic_weight=1.5))


def test_a_downstream_asset_loads_what_the_walk_stored(studio: Studio):
    """The IO managers read specs, pictures and clips by partition."""
    studio.submit()
    studio.render(range(3))
    load = studio.definitions.get_repository_def().load_asset_value
    spec = load(dg.AssetKey("chunk_specs"), partition_key="01|film", instance=studio.instance)
    assert isinstance(spec, ChunkSpec)
    assert spec.chunk_num == 1
    picture = load(dg.AssetKey("composites"), partition_key="01|film", instance=studio.instance)
    assert isinstance(picture, Image.Image)
    assert picture.size == (128, 72)
    clip = load(dg.AssetKey("chunk_videos"), partition_key="01|film", instance=studio.instance)
    assert isinstance(clip, StoredVideo)
    assert clip.stored.key == "chunks/film/chunk_01.mp4"


def test_stored_specs_are_the_plan(studio: Studio):
    """A spec on S3 is the ChunkSpec, with the previous frame's place and the pictures' versions."""
    plan = studio.submit()
    studio.render(range(3))
    for planned in plan.specs:
        stored, _ = FilmObjects(studio.store, "film").spec(planned.chunk_num).read_json(ChunkSpec)
        assert stored == planned
    assert plan.specs[0].previous_chunk_last_frame is None
    assert plan.specs[2].previous_chunk_last_frame == studio.store.uri(keys.last_frame("film", 1))


def test_a_manifest_that_names_a_picture_that_is_not_there_is_refused(studio: Studio):
    """An animatic that was not put there whole is one sentence."""
    studio.submit()
    document = put_animatic(studio.store, "film")
    document["frames"] = ["one.png", "lost.png"]
    studio.store.put_bytes(keys.manifest("film"), json.dumps(document).encode(), "application/json")
    assert "names the picture 'lost.png'" in failure(studio.render([0]))
