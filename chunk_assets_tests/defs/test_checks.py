"""The asset checks: a good film passes, and each deliberate fault fails its own check."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from PIL import Image

from chunk_assets.checks import results
from chunk_assets.checks.clip import ClipChecker
from chunk_assets.checks.conformance import check_film
from chunk_assets.checks.results import (
    BEGINS,
    COLOUR,
    COMPLETE,
    CONFORMS,
    NOT_BLACK,
    NOT_FROZEN,
    WHOLE,
)
from chunk_assets.dagster_internals.instance import open_instance
from chunk_assets.definitions import build_definitions
from chunk_assets.defs.partitions.definitions import range_tags
from chunk_assets.defs.partitions.observations import announce
from chunk_assets.film.plan import plan_film
from chunk_assets.media.images import open_picture, save_png
from chunk_assets.quality import Quality
from chunk_assets.storage import keys
from chunk_assets.storage.local.weed import Server
from chunk_assets.storage.objects import MP4, PNG
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.conftest import deploy, emptied
from chunk_assets_tests.films import put_animatic
from chunk_assets_tests.manifests import small_manifest
from chunk_assets_tests.media.media import film_of, write_clip

pytestmark = pytest.mark.slow

Frames = list[np.ndarray]
Objects = dict[str, tuple[str, bytes, dict[str, str]]]
"""By key: ETag, content and record."""

FPS, CHUNKS = 8, 4


def moving_manifest() -> dict:
    """Four chunks and two beats, in both of which the camera moves."""
    beats = [
        {"name": "one", "duration": 6, "prompt_template": "x", "camera_movement": "pan left"},
        {"name": "two", "duration": 2, "prompt_template": "x", "camera_movement": "dolly in"},
    ]
    return small_manifest(duration=8, beats=beats)


class Film:
    """A rendered and stitched film, and the jobs that check it."""

    def __init__(self, store: ObjectStore, instance: dg.DagsterInstance, directory: Path):
        self.store, self.instance, self.directory = store, instance, directory
        self.definitions = build_definitions()

    def run(self, job: str, **options) -> dg.ExecuteInProcessResult:
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance, raise_on_error=False, **options
        )

    def check(self, numbers: range = range(CHUNKS)) -> dg.ExecuteInProcessResult:
        """Check a range of its chunks."""
        return self.run("check_chunks", tags=range_tags("film", list(numbers)))

    def failed(self) -> dict[str, set[str]]:
        """The chunks that fail, by check; checked without Dagster, which is faster."""
        checker = ClipChecker(self.store, self.directory, Quality())
        marks: dict[str, set[str]] = {}
        for number in range(CHUNKS):
            for result in checker.check("film", number).results:
                if not result.passed:
                    marks.setdefault(result.check, set()).add(f"{number:02d}")
        return marks

    def rewrite(self, number: int, change: Callable[[Frames], Frames], fps: int = FPS) -> None:
        """Replace a chunk's clip with a changed one, keeping its record."""
        key = keys.chunk_video("film", number)
        record = self.store.download(key, self.directory / "was.mp4").record
        frames = change(film_of(self.directory / "was.mp4"))
        clip = write_clip(self.directory / "is.mp4", frames, fps)
        self.store.put_file(key, clip, MP4, {k: v for k, v in record.items() if k != "sha256"})


@pytest.fixture(scope="module")
def rendered(
    s3_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Film, Objects]]:
    """The rendered film, and a copy of each of its objects."""
    with pytest.MonkeyPatch.context() as patch:
        settings = deploy(s3_server, tmp_path_factory.mktemp("home"), patch)
        store = emptied(settings)
        with open_instance(settings) as instance:
            film = Film(store, instance, tmp_path_factory.mktemp("clips"))
            put_animatic(store, "film", moving_manifest())
            announce(instance, store, plan_film(store, "film"))
            assert film.run("render_chunks", tags=range_tags("film", range(CHUNKS))).success
            assert film.run("stitch_film", partition_key="film").success
            objects = {}
            for key in store.keys(""):
                content, stored = store.get_bytes(key)
                record = {k: v for k, v in stored.record.items() if k != "sha256"}
                again = store.put_bytes(key, content, "application/octet-stream", record)
                objects[key] = again.etag, content, record
            yield film, objects


@pytest.fixture
def film(rendered: tuple[Film, Objects]) -> Iterator[Film]:
    """The film, restored after each test."""
    made, objects = rendered
    yield made
    listed = made.store.client.list_objects_v2(Bucket=made.store.bucket)["Contents"]
    are = {entry["Key"]: entry["ETag"].strip('"') for entry in listed}
    for key, (etag, content, record) in objects.items():
        if are.get(key) != etag:
            made.store.put_bytes(key, content, "application/octet-stream", record)


def cast(frames: Frames, levels: int = 6) -> Frames:
    """Add red."""
    return [
        np.clip(f.astype(int) + np.array([levels, 0, 0]), 0, 255).astype(np.uint8) for f in frames
    ]


def black_flash(frames: Frames) -> Frames:
    """One black frame in the middle."""
    frames[len(frames) // 2][:] = 0
    return frames


FAULTS: dict[str, tuple[str, Callable[[Frames], Frames]]] = {
    "black": (NOT_BLACK, lambda frames: [frame * 0 for frame in frames]),
    "a black frame": (NOT_BLACK, black_flash),
    "frozen": (NOT_FROZEN, lambda frames: frames[:1] * len(frames)),
    "freezes": (NOT_FROZEN, lambda frames: frames[:5] + frames[5:6] * (len(frames) - 5)),
    "begins elsewhere": (BEGINS, lambda frames: [np.roll(f, 6, axis=1) for f in frames]),
    "a colour cast": (COLOUR, cast),
    "too short": (CONFORMS, lambda frames: frames[:-1]),
    "another size": (CONFORMS, lambda frames: [frame[:64, :64].copy() for frame in frames]),
}


def test_a_good_film_passes_every_check(film: Film):
    """Every check of every chunk is evaluated, passes, and points to what it checked."""
    result = film.check()
    marks = result.get_asset_check_evaluations()
    assert {(str(mark.partition), mark.check_name) for mark in marks} == {
        (f"0{number}|film", name) for number in range(CHUNKS) for name in results.CLIP_CHECKS
    }
    assert [mark.description for mark in marks if not mark.passed] == []
    assert not [mark for mark in marks if "not_judged" in mark.metadata]
    assert all(mark.target_materialization_data for mark in marks)
    assert not [mark for mark in marks if mark.blocking]


def test_every_measured_value_has_its_limit(film: Film):
    """Both are numbers, so Dagit can plot them."""
    marks = {
        mark.check_name: mark for mark in film.check(range(1, 2)).get_asset_check_evaluations()
    }
    named = {
        CONFORMS: ["frames", "fps", "seconds", "width", "height", "decoded_frames"],
        NOT_BLACK: ["black_frames", "mean_luma"],
        NOT_FROZEN: ["still_share"],
        BEGINS: ["begin_distance", "seam_distance"],
        COLOUR: ["colour_shift", "contrast_shift", "colour_drift", "contrast_drift"],
    }
    for check, names in named.items():
        for name in (*names, *(f"{name}_allowed" for name in names)):
            assert isinstance(marks[check].metadata[name].value, int | float), (check, name)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_clip_fails_its_own_check_alone(film: Film, fault: str):
    """A fault is reported once; the checks that depend on it are skipped."""
    check, change = FAULTS[fault]
    film.rewrite(CHUNKS - 1, change)
    assert film.failed() == {check: {"03"}}


def test_a_swapped_clip_breaks_both_of_its_seams(film: Film):
    """With another chunk's clip in its place, neither that chunk nor the next begins correctly."""
    other = keys.chunk_video("film", 3)
    film.store.download(other, film.directory / "other.mp4")
    film.rewrite(1, lambda _frames: film_of(film.directory / "other.mp4"))
    assert film.failed() == {BEGINS: {"01", "02"}}


def test_small_colour_shifts_add_up_to_a_drift(film: Film):
    """If each chunk is slightly too red, the third fails."""
    for number in range(3):
        film.rewrite(number, lambda frames: cast(frames, 4))
        key, path = keys.last_frame("film", number), film.directory / "frame.png"
        record = film.store.download(key, path).record
        save_png(Image.fromarray(cast([np.asarray(open_picture(path))], 4)[0]), path)
        film.store.put_file(key, path, PNG, {k: v for k, v in record.items() if k != "sha256"})
    checker = ClipChecker(film.store, film.directory, Quality())
    [colour] = [v for v in checker.check("film", 2).results if v.check == COLOUR]
    assert not colour.passed
    assert colour.sentence.startswith("colour drift")
    assert colour.values["chunks_in_drift"] == 3
    assert set(film.failed()) == {COLOUR}


def test_only_a_clip_that_cannot_be_stitched_is_an_error(film: Film):
    """The other checks are warnings."""
    for mark in film.check(range(1)).get_asset_check_evaluations():
        is_error = mark.severity is dg.AssetCheckSeverity.ERROR
        assert is_error == (mark.check_name == CONFORMS)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (keys.chunk_video("film", 3), {CONFORMS: {"03"}}),
        (keys.chunk_spec("film", 3), {CONFORMS: {"03"}}),
        (keys.composite("film", 3), {BEGINS: {"03"}}),
        (keys.animatic_file("film", "two.png"), {BEGINS: {"03"}}),
        (keys.last_frame("film", 0), {}),
    ],
)
def test_a_missing_object_fails_one_check(film: Film, key: str, said: dict[str, set[str]]):
    """The check that needs the object fails; the run does not."""
    film.store.client.delete_object(Bucket=film.store.bucket, Key=key)
    assert film.failed() == said


def test_a_damaged_clip_does_not_conform(film: Film):
    """Neither do bytes that are no video, nor half a video."""
    key = keys.chunk_video("film", 3)
    content, _ = film.store.get_bytes(key)
    for damaged in (b"no video", content[: len(content) // 2]):
        film.store.put_bytes(key, damaged, MP4)
        assert film.failed() == {CONFORMS: {"03"}}


def test_a_re_rendered_chunk_no_longer_meets_the_next(film: Film):
    """Chunk 1 fails if chunk 0 ends differently than when chunk 1 was made."""
    film.rewrite(0, lambda frames: frames[:8] + [frame[:, ::-1].copy() for frame in frames[8:]])
    assert film.failed()[BEGINS] == {"01"}


def test_dagster_has_a_status_for_each_chunk(film: Film):
    """Dagit's grid shows the newest evaluation of each partition."""
    film.rewrite(3, cast)
    film.check()
    check = dg.AssetCheckKey(dg.AssetKey("chunk_videos"), COLOUR)
    infos = film.instance.event_log_storage.get_asset_check_partition_info([check])
    status = {info.partition_key: info.latest_execution_status for info in infos}
    good, bad = AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED
    assert status == {"00|film": good, "01|film": good, "02|film": good, "03|film": bad}


def test_a_run_without_partitions_checks_all_chunks(film: Film):
    """Dagit has a button that names no partition."""
    marks = film.run("check_chunks").get_asset_check_evaluations()
    assert len(marks) == CHUNKS * len(results.CLIP_CHECKS)


def test_chunks_beyond_the_film_are_skipped(film: Film):
    """In a range, partitions that the film does not have are skipped; alone, one fails."""
    film.instance.add_dynamic_partitions("chunk_num", ["04", "05"])
    marks = film.check(range(6)).get_asset_check_evaluations()
    assert {str(mark.partition) for mark in marks} == {f"0{n}|film" for n in range(CHUNKS)}
    alone = film.check(range(5, 6)).get_asset_check_evaluations()
    assert [mark.check_name for mark in alone if not mark.passed] == [CONFORMS]


def test_stitching_checks_the_film(film: Film):
    """The film's checks run after stitching and compare it with its plan and manifest."""
    ended = film.run("stitch_film", partition_key="film")
    marks = {mark.check_name: mark for mark in ended.get_asset_check_evaluations()}
    assert list(marks) == [COMPLETE, WHOLE]
    assert {(mark.passed, mark.partition) for mark in marks.values()} == {(True, "film")}
    mark = marks[WHOLE]
    values = {name: value.value for name, value in mark.metadata.items()}
    assert (values["frames"], values["frames_allowed"], values["dropped_frames"]) == (64, 64, 0)


def test_a_film_with_a_dropped_frame_fails(film: Film):
    """A film with one frame less than its manifest is an error."""
    key = keys.stitched_video("film")
    film.store.download(key, film.directory / "film.mp4")
    clip = write_clip(film.directory / "less.mp4", film_of(film.directory / "film.mp4")[:-1], FPS)
    film.store.put_file(key, clip, MP4)
    result = check_film(film.store, "film", film.directory / "fetched.mp4")
    assert (result.check, result.passed) == (WHOLE, False)
    assert result.values["dropped_frames"] == 1


@pytest.mark.parametrize("key", [keys.stitched_video("film"), keys.manifest("film")])
def test_a_missing_film_or_manifest_fails(film: Film, key: str):
    """The check fails with a sentence."""
    film.store.client.delete_object(Bucket=film.store.bucket, Key=key)
    result = check_film(film.store, "film", film.directory / "fetched.mp4")
    assert not result.passed
    assert "nothing is stored" in result.sentence
