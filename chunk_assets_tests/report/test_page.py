"""The film's page: all of the film is in it, nothing from outside, and what is missing is said."""

import base64
import hashlib
import html
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chunk_assets.checks import results
from chunk_assets.checks.clip import ClipChecker
from chunk_assets.checks.results import CheckResult, measured, store_results, stored_results
from chunk_assets.dagster_internals.instance import open_instance
from chunk_assets.errors import StorageError
from chunk_assets.film.plan import FilmPlan, plan_film
from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.clips import ClipFormat, ClipWriter
from chunk_assets.media.frames import probe
from chunk_assets.quality import Quality
from chunk_assets.report import page as report_page
from chunk_assets.report.media import MAX_PAGE_BYTES
from chunk_assets.report.page import make_page, write_page
from chunk_assets.storage import keys
from chunk_assets.storage.local.weed import Server
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.conftest import deploy, emptied
from chunk_assets_tests.films import Studio
from chunk_assets_tests.generators import HoldingGenerator
from chunk_assets_tests.manifests import small_manifest
from chunk_assets_tests.report.reading import HOSTILE, Page, content

pytestmark = pytest.mark.slow


@dataclass
class Film:
    """A rendered and stitched film, and where its page is made."""

    studio: Studio
    directory: Path

    @property
    def store(self) -> ObjectStore:
        return self.studio.store

    @property
    def plan(self) -> FilmPlan:
        return plan_film(self.store, "film")

    def page(self) -> Page:
        path = make_page(self.plan, self.store, self.directory)
        assert list(self.directory.iterdir()) == [path], "nothing else is left"
        return Page(path)

    def check(self, number: int) -> None:
        """Check a chunk's clip and store the results."""
        scratch = self.directory / "checking"
        scratch.mkdir()
        checked = ClipChecker(self.store, scratch, Quality()).check("film", number)
        for path in scratch.rglob("*"):
            path.unlink()
        scratch.rmdir()
        store_results(self.store, "film", number, checked.clip, checked.results)


@pytest.fixture(scope="module")
def rendered(
    s3_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Studio, dict[str, tuple[bytes, dict[str, str]]]]]:
    """The film as it was rendered, and every one of its objects."""
    with pytest.MonkeyPatch.context() as patch:
        settings = deploy(s3_server, tmp_path_factory.mktemp("home"), patch)
        store = emptied(settings)
        with open_instance(settings) as instance:
            studio = Studio(store, instance, HoldingGenerator(pays=0.25))
            plan = studio.submit()
            assert studio.render(range(len(plan.specs))).success
            assert studio.stitch().success
            objects = {}
            for key in store.keys(""):
                data, stored = store.get_bytes(key)
                objects[key] = data, {k: v for k, v in stored.record.items() if k != "sha256"}
            yield studio, objects


@pytest.fixture
def film(rendered, tmp_path: Path) -> Film:
    """The film, good before each test."""
    studio, objects = rendered
    for key in list(studio.store.keys("")):
        if key not in objects:
            studio.store.client.delete_object(Bucket=studio.store.bucket, Key=key)
    for key, (data, record) in objects.items():
        studio.store.put_bytes(key, data, "application/octet-stream", record)
    directory = tmp_path / "page"
    directory.mkdir()
    return Film(studio, directory)


def test_the_page_has_the_whole_film(film: Film, tmp_path: Path):
    """The film is at the top; each chunk has three pictures, its clip, its prompt and its facts."""
    page = film.page()
    assert [tag for tag, _ in page.parts["film"].media] == ["video", "img", "img", "img"]
    (tmp_path / "film.mp4").write_bytes(content(page.parts["film"].media[0][1], "video/mp4"))
    info = probe(tmp_path / "film.mp4")
    assert (info.frames, info.fps, info.width, info.height) == (48, 8, 128, 72)
    assert (info.codec, info.pix_fmt, info.color_space, info.color_range) == (
        "h264",
        "yuv420p",
        "bt709",
        "tv",
    )
    assert info.is_faststart
    assert list(page.parts) == ["film", "chunk-00", "chunk-01", "chunk-02"]
    for told in ("Lumen One", "6 s, 48 frames", "128 × 72 at 8 fps", "all up to date", "$0.75"):
        assert told in page.words
    for spec in film.plan.specs:
        chunk = page.chunk(spec.chunk_num)
        assert [tag for tag, _ in chunk.media] == ["img", "img", "video", "img"]
        for tag, uri in chunk.media:
            if tag == "img":
                assert Image.open(io.BytesIO(content(uri, "image/jpeg"))).size == (128, 72)
            else:
                (tmp_path / "clip.mp4").write_bytes(content(uri, "video/mp4"))
                assert probe(tmp_path / "clip.mp4").frames == spec.num_frames
        stored = film.store.head(keys.chunk_video("film", spec.chunk_num))
        assert stored is not None
        for told in (spec.prompt, stored.record["seed"], "holding/1", "$0.25", stored.uri):
            assert told in chunk.words


def test_the_pictures_are_the_stored_ones(film: Film):
    """A chunk's composite and last frame look like the objects on S3, in this order."""
    chunk = film.page().chunk(1)
    for place, key in ((1, keys.composite("film", 1)), (3, keys.last_frame("film", 1))):
        shown = Image.open(io.BytesIO(content(chunk.media[place][1], "image/jpeg")))
        stored = Image.open(io.BytesIO(film.store.get_bytes(key)[0]))
        difference = np.abs(np.asarray(shown, float) - np.asarray(stored, float))
        assert difference.mean() < 4


def test_the_page_loads_nothing_from_outside(film: Film):
    """Every URL is a data URI or a chunk of the page, except one link to the full film."""
    page = film.page()
    away = [one for one in page.addresses if not one.startswith(("data:", "#chunk-"))]
    assert len(away) == 1
    film_key = keys.stitched_video("film")
    assert away[0].startswith(f"{film.store.endpoint}/{film.store.bucket}/{film_key}?X-Amz-")
    assert not {"link", "iframe", "base", "object", "embed"} & set(page.tags)
    words = page.text.replace(html.escape(away[0]), "").lower()
    assert "http://" not in words
    assert "https://" not in words
    assert "x-amz-" not in words
    assert "url(" not in words
    assert any("default-src 'none'" in value for _, value in page.attributes)


def test_one_script_runs_in_the_page(film: Film):
    """It is the package's own, allowed by its digest; text of the film never runs.

    A browser runs no other.
    """
    page = film.page()
    assert page.tags.count("script") == 1
    script = page.text.partition("<script>")[2].partition("</script>")[0]
    assert script == Path(report_page.__file__).with_name("page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    [policy] = [value for _, value in page.attributes if value.startswith("default-src")]
    assert policy.endswith(f"script-src 'sha256-{digest}'")
    assert "unsafe-inline" not in policy.partition("script-src")[2]


def test_pictures_and_videos_have_text_alternatives(film: Film):
    """They name chunk, beat and action; the film's names its beats."""
    document = small_manifest()
    document["beats"][1]["action"] = "The lamp glides off."
    film.store.put_bytes(keys.manifest("film"), json.dumps(document).encode(), "application/json")
    page = film.page()
    assert len(page.labels) == page.tags.count("img") + page.tags.count("video")
    assert all(page.labels)
    assert page.labels[0] == "The film Lumen One: one, two"
    assert page.labels[3] == "4 s: chunk 02, two: The lamp glides off."
    assert page.labels[-4:] == [
        f"{what} of chunk 02, two: The lamp glides off."
        for what in ("Animatic", "Composite", "Clip", "Last frame")
    ]


def test_the_timeline_links_to_each_chunk(film: Film):
    """Each chunk has a thumbnail of the middle of its slot, with the time at which it begins."""
    page = film.page()
    assert [place for name, place in page.attributes if name == "data-at"] == [
        f"{spec.start_time:.3f}" for spec in film.plan.specs
    ]
    for spec, (_, uri) in zip(film.plan.specs, page.parts["film"].media[1:], strict=True):
        shown = Image.open(io.BytesIO(content(uri, "image/jpeg"))).convert("RGB")
        frame = Image.open(
            io.BytesIO(film.store.get_bytes(keys.last_frame("film", spec.chunk_num))[0])
        )
        held = np.asarray(frame.resize(shown.size), float)  # the generator holds one picture
        assert np.abs(np.asarray(shown, float) - held).mean() < 12


def test_no_clip_plays_without_the_script(film: Film):
    """No clip has `autoplay`: only the script can tell whether a person prefers reduced motion."""
    page = film.page()
    names = [name for name, _ in page.attributes]
    assert "autoplay" not in names
    assert names.count("data-plays") == 3


def test_the_film_is_labelled_as_a_copy(film: Film):
    """The copy of a small film has the same size and stronger compression."""
    assert "A copy with stronger compression. The full film (link valid until 2" in " ".join(
        film.page().parts["film"].words.split()
    )


def test_a_large_film_is_labelled_as_reduced(film: Film):
    """The label has the copy's size and the film's."""
    large = film.directory / "large.mp4"
    form = ClipFormat(48, FrameRate(8), (1280, 720))
    with ClipWriter(large, form) as writer:
        for _ in range(48):
            writer.write(np.full((720, 1280, 3), 90, np.uint8))
    film.store.put_file(keys.stitched_video("film"), large, "video/mp4")
    large.unlink()
    assert "A reduced copy, 640 × 360 at 8 fps; the film has 1280 × 720 at 8 fps." in (
        film.page().parts["film"].words
    )


def test_html_in_texts_is_escaped(film: Film):
    """HTML in a name, a prompt, an action or a product is shown as text."""
    document = small_manifest(product={"name": HOSTILE})
    document["beats"][0] |= {"name": HOSTILE, "action": HOSTILE, "prompt_template": HOSTILE}
    film.store.put_bytes(keys.manifest("film"), json.dumps(document).encode(), "application/json")
    before, page = film.page(), film.page()
    assert page.words.count(HOSTILE) >= 4
    assert page.tags.count("script") == 1
    assert HOSTILE not in page.text
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.tags.count("img") == before.tags.count("img") == 12


def test_missing_objects_are_named_in_their_place(film: Film):
    """Without clips, frames or a film, the page still shows the animatic and the plan."""
    for key in film.store.keys(""):
        if not key.startswith(keys.ANIMATICS):
            film.store.client.delete_object(Bucket=film.store.bucket, Key=key)
    page = film.page()
    assert "not stitched yet" in page.parts["film"].words
    assert "3 missing" in page.words
    for spec in film.plan.specs:
        chunk = page.chunk(spec.chunk_num)
        assert [tag for tag, _ in chunk.media] == ["img"]
        assert chunk.words.count("not rendered yet") == 3
        assert spec.prompt in chunk.words


def test_a_missing_chunk_is_named(film: Film):
    """The chunk is marked missing, and the film as made of other clips; other chunks are shown."""
    film.store.client.delete_object(Bucket=film.store.bucket, Key=keys.chunk_video("film", 1))
    page = film.page()
    assert "missing" in page.chunk(1).words
    assert [len(page.chunk(number).own_media) for number in range(3)] == [4, 3, 4]
    assert "other clips than those below: chunk 01 is missing" in page.parts["film"].words


@pytest.mark.parametrize(
    ("key", "part"),
    [
        (keys.stitched_video("film"), "film"),
        (keys.chunk_video("film", 1), "chunk-01"),
        (keys.composite("film", 1), "chunk-01"),
        (keys.last_frame("film", 1), "chunk-01"),
        (keys.animatic_file("film", "two.png"), "chunk-02"),
    ],
)
def test_a_damaged_object_is_named(film: Film, key: str, part: str):
    """The page lacks one picture or video and says why; making it does not fail."""
    whole = film.page().parts[part]
    film.store.put_bytes(key, b"{} is not what it was", "application/octet-stream")
    broken = film.page().parts[part]
    assert broken.words != whole.words
    if key.endswith((".mp4", ".png")):
        assert len(broken.own_media) == len(whole.own_media) - (4 if part == "film" else 1)
        assert "cannot be read" in broken.words or "it is not a picture" in broken.words
    assert str(film.directory) not in broken.words


def test_damaged_check_results_are_ignored(film: Film):
    """The chunk is shown as not checked; the next check replaces them."""
    film.check(1)
    assert "not checked yet" not in film.page().chunk(1).words
    film.store.put_bytes(
        keys.check_results("film", 1), b"{} is not what it was", "application/json"
    )
    assert "not checked yet" in film.page().chunk(1).words


def test_a_stale_chunk_has_its_reason(film: Film):
    """After a change of its beat, the chunk names the changed field."""
    document = small_manifest()
    document["beats"][1]["prompt_template"] = "{product_name} flies"
    film.store.put_bytes(keys.manifest("film"), json.dumps(document).encode(), "application/json")
    page = film.page()
    assert "out of date changed: prompt" in page.chunk(2).words
    assert "out of date" not in page.chunk(1).words


def test_check_results_are_shown_until_there_is_another_take(film: Film):
    """They are not shown for the clip that replaces the checked one."""
    assert "not checked yet" in film.page().chunk(0).words
    film.check(0)
    judged = film.page().chunk(0).words
    assert "Not frozen" in judged  # the generator holds one picture
    assert f"4 of {len(results.CLIP_CHECKS)} checks passed" in judged
    assert "not checked yet" in film.page().chunk(1).words
    assert film.studio.render([0]).success
    assert "not checked yet" in film.page().chunk(0).words


def test_checking_in_dagster_stores_the_results(film: Film):
    """The job `check_chunks` stores the same results as it reports."""
    job = film.studio.definitions.resolve_job_def("check_chunks")
    tags = {"dagster/partition": "01|film"}
    result = job.execute_in_process(instance=film.studio.instance, tags=tags, raise_on_error=False)
    found = {mark.check_name: mark for mark in result.get_asset_check_evaluations()}
    clip = film.store.head(keys.chunk_video("film", 1))
    kept = stored_results(film.store, "film", 1, clip)
    assert kept is not None
    assert {v.check: (v.passed, v.sentence) for v in kept} == {
        name: (mark.passed, mark.description) for name, mark in found.items()
    }
    assert list(found) == list(results.CLIP_CHECKS)


def test_check_results_are_read_back_unchanged(film: Film):
    """Integers stay integers, and NaN survives."""
    clip = film.store.head(keys.chunk_video("film", 0))
    given = CheckResult(
        results.BEGINS, False, "x", {**measured(frames=(3, 4), d=(0.5, 1.0)), "c": "h"}
    )
    odd = CheckResult(results.COLOUR, False, "y", measured(shift=(float("nan"), 1.0)))
    store_results(film.store, "film", 0, clip, [given, odd])
    kept = stored_results(film.store, "film", 0, clip)
    assert kept is not None
    assert kept[0] == given
    assert type(kept[0].values["frames"]) is int
    assert str(kept[1].values["shift"]).lower() == "nan"
    assert stored_results(film.store, "film", 0, None) is None


def test_a_long_film_of_noise_stays_within_the_limit(film: Film):
    """120 chunks that compress badly make a page within the limit, in order."""
    noise = np.random.default_rng(0).integers(0, 256, (576, 1024, 3), dtype=np.uint8)
    picture = io.BytesIO()
    Image.fromarray(noise).save(picture, "PNG", compress_level=1)
    film.store.put_bytes(keys.animatic_file("film", "one.png"), picture.getvalue(), "image/png")
    plan = film.plan
    spec = plan.specs[0]
    specs = [spec.model_copy(update={"chunk_num": n, "prompt": "<'&>" * 5000}) for n in range(120)]
    path = make_page(replace(plan, specs=specs), film.store, film.directory)
    assert path.stat().st_size < MAX_PAGE_BYTES
    page = Page(path)
    assert list(page.parts)[1:] == [f"chunk-{n:02d}" for n in range(120)]
    assert len(page.chunk(119).media) == 1
    assert len(page.chunk(119).media[0][1]) < 4 / 3 * 6_000_000 / 120 / 6 + 100


def test_the_page_is_stored_as_html(film: Film, tmp_path: Path):
    """Browsers are told its type and encoding."""
    stored = write_page(tmp_path, film.store, film.plan)
    answer = film.store.client.head_object(Bucket=film.store.bucket, Key=stored.key)
    assert stored.key == "videos/film/report.html"
    assert answer["ContentType"] == "text/html; charset=utf-8"
    assert film.store.get_bytes(stored.key)[0].startswith(b"<!doctype html>")


def test_a_missing_directory_is_a_storage_error(film: Film):
    """The operating system's error is translated."""
    with pytest.raises(StorageError, match="disk refused"):
        make_page(film.plan, film.store, film.directory / "gone")
