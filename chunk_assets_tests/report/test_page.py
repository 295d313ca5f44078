"""The film's page: all of the film is in it, nothing from outside, and what is missing is said."""

import base64
import hashlib
import html
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
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
from chunk_assets.storage.local.lease import Endpoint
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.conftest import deploy, emptied
from chunk_assets_tests.films import Studio
from chunk_assets_tests.generators import HoldingGenerator
from chunk_assets_tests.manifests import small_manifest

VOID = {"meta", "img", "link", "br"}
HOSTILE = (
    "<script>alert('x')</script>\"><img src=https://example.com/x onerror=alert(1)> & {{ 7*7 }}"
)


@dataclass
class Chunk:
    """What the page has of one chunk: its words, and its media by the tag that shows them."""

    words: str = ""
    media: list[tuple[str, str]] = field(default_factory=list)


class Page(HTMLParser):
    """A page, read by Python's own parser."""

    def __init__(self, path: Path):
        super().__init__()
        self.text = path.read_text(encoding="utf-8")
        self.words, self.tags, self.open = "", [], []
        self.addresses: list[str] = []
        self.labels: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.parts: dict[str, Chunk] = {"film": Chunk()}
        self.part = "film"
        self.feed(self.text)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.attributes += given.items()
        self.addresses += [given[name] for name in ("src", "href", "poster") if name in given]
        if tag == "article":
            self.part = given["id"]
            self.parts[self.part] = Chunk()
        if tag in ("img", "video"):
            self.labels.append(given["alt" if tag == "img" else "aria-label"])
            self.parts[self.part].media.append((tag, given["src"]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.words += data
            self.parts[self.part].words += data

    def chunk(self, number: int) -> Chunk:
        return self.parts[f"chunk-{number:02d}"]


def content(uri: str, kind: str) -> bytes:
    """What a data URI of this kind holds."""
    head, _, data = uri.partition(",")
    assert head == f"data:{kind};base64"
    return base64.b64decode(data, validate=True)


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
    s3_server: Endpoint, tmp_path_factory: pytest.TempPathFactory
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


def test_a_whole_film_is_in_its_page(film: Film, tmp_path: Path):
    """The film plays on top; each chunk has its three pictures, its clip, words and numbers."""
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


def test_the_pictures_are_those_that_are_stored(film: Film):
    """A composite and a last frame look as they are on S3, in the order they are made."""
    chunk = film.page().chunk(1)
    for place, key in ((1, keys.composite("film", 1)), (3, keys.last_frame("film", 1))):
        shown = Image.open(io.BytesIO(content(chunk.media[place][1], "image/jpeg")))
        stored = Image.open(io.BytesIO(film.store.get_bytes(key)[0]))
        difference = np.abs(np.asarray(shown, float) - np.asarray(stored, float))
        assert difference.mean() < 4


def test_nothing_in_the_page_comes_from_outside(film: Film):
    """Every address is a data URI or a chunk of the page, but for one link to the full film."""
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
    """It is the package's own, which the page's policy knows by its digest; no word of the film.

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


def test_everything_that_is_seen_has_a_text_alternative(film: Film):
    """It names chunk, beat and action; the film's names its beats."""
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


def test_the_timeline_leads_to_each_chunk(film: Film):
    """A thumbnail a chunk shows the middle of its slot, and says where in the film it begins."""
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


def test_no_clip_plays_before_the_script_has_asked(film: Film):
    """Only the script can tell whether a person prefers reduced motion: no clip has `autoplay`."""
    page = film.page()
    names = [name for name, _ in page.attributes]
    assert "autoplay" not in names
    assert names.count("data-plays") == 3


def test_the_player_says_what_it_plays(film: Film):
    """It is a copy: reduced where the film is larger, and more strongly compressed in any case."""
    assert "A copy with stronger compression. The full film (the link works until 2" in " ".join(
        film.page().parts["film"].words.split()
    )


def test_a_large_film_is_said_to_be_reduced(film: Film):
    """The copy's size and the film's stand beside each other."""
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


def test_hostile_words_are_only_words(film: Film):
    """A name, a prompt, an action and a product that are HTML are shown as they were written."""
    document = small_manifest(product={"name": HOSTILE})
    document["beats"][0] |= {"name": HOSTILE, "action": HOSTILE, "prompt_template": HOSTILE}
    film.store.put_bytes(keys.manifest("film"), json.dumps(document).encode(), "application/json")
    before, page = film.page(), film.page()
    assert page.words.count(HOSTILE) >= 4
    assert page.tags.count("script") == 1
    assert HOSTILE not in page.text
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.tags.count("img") == before.tags.count("img") == 12


def test_what_is_not_rendered_is_said_in_its_place(film: Film):
    """Without any clip, film or frame the page still shows the animatic and what is planned."""
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


def test_one_missing_chunk_leaves_the_others(film: Film):
    """The chunk says that it is missing, the film that it is not of these clips."""
    film.store.client.delete_object(Bucket=film.store.bucket, Key=keys.chunk_video("film", 1))
    page = film.page()
    assert "missing" in page.chunk(1).words
    assert [len(page.chunk(number).media) for number in range(3)] == [4, 3, 4]
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
def test_a_damaged_object_is_said(film: Film, key: str, part: str):
    """Bytes that are not what they should be cost the page one picture, and no exception."""
    whole = film.page().parts[part]
    film.store.put_bytes(key, b"{} is not what it was", "application/octet-stream")
    broken = film.page().parts[part]
    assert broken.words != whole.words
    if key.endswith((".mp4", ".png")):
        assert len(broken.media) == len(whole.media) - (4 if part == "film" else 1)
        assert "cannot be read" in broken.words or "it is not a picture" in broken.words
    assert str(film.directory) not in broken.words


def test_damaged_check_results_are_ignored(film: Film):
    """Its chunk is said not to be looked at: the next look writes it again."""
    film.check(1)
    assert "not checked yet" not in film.page().chunk(1).words
    film.store.put_bytes(
        keys.check_results("film", 1), b"{} is not what it was", "application/json"
    )
    assert "not checked yet" in film.page().chunk(1).words


def test_a_stale_chunk_says_why(film: Film):
    """After its beat has changed, the chunk names what differs."""
    document = small_manifest()
    document["beats"][1]["prompt_template"] = "{product_name} flies"
    film.store.put_bytes(keys.manifest("film"), json.dumps(document).encode(), "application/json")
    page = film.page()
    assert "out of date changed: prompt" in page.chunk(2).words
    assert "out of date" not in page.chunk(1).words


def test_check_results_are_shown_until_there_is_another_take(film: Film):
    """What was found of a clip is not said of the one that took its place."""
    assert "not checked yet" in film.page().chunk(0).words
    film.check(0)
    judged = film.page().chunk(0).words
    assert "Not frozen" in judged  # the generator holds one picture
    assert f"4 of {len(results.CLIP_CHECKS)} checks passed" in judged
    assert "not checked yet" in film.page().chunk(1).words
    assert film.studio.render([0]).success
    assert "not checked yet" in film.page().chunk(0).words


def test_checking_in_dagster_stores_the_results(film: Film):
    """The job that judges chunks stores what it found, for each, as it was found."""
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
    """Whole numbers stay whole, and a measure that is not a number does no harm."""
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


def test_a_long_film_of_noise_keeps_to_the_limit(film: Film):
    """120 chunks of what compresses worst make a page within its bound, in order."""
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
    assert len(page.chunk(119).media[0][1]) < 4 / 3 * 7_500_000 / 120 / 6 + 100


def test_the_page_is_stored_as_html(film: Film, tmp_path: Path):
    """Browsers are told its type and encoding."""
    stored = write_page(tmp_path, film.store, film.plan)
    answer = film.store.client.head_object(Bucket=film.store.bucket, Key=stored.key)
    assert stored.key == "videos/film/report.html"
    assert answer["ContentType"] == "text/html; charset=utf-8"
    assert film.store.get_bytes(stored.key)[0].startswith(b"<!doctype html>")


def test_a_directory_that_is_gone_is_one_sentence(film: Film):
    """The disk's refusal is an error of ours."""
    with pytest.raises(StorageError, match="disk refused"):
        make_page(film.plan, film.store, film.directory / "gone")
