"""The takes of a chunk on the film page: side by side, each with a link that plays it."""

import hashlib
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image

from chunk_assets.checks import results
from chunk_assets.checks.results import CheckResult, store_results
from chunk_assets.film.plan import plan_film
from chunk_assets.film.take_records import TakeRecord
from chunk_assets.media.images import animation_webp
from chunk_assets.render.context import RenderContext
from chunk_assets.render.request import RenderRequest
from chunk_assets.render.walk import walk
from chunk_assets.report.media import TAKES_BYTES, Shares, moving_preview
from chunk_assets.report.page import make_page
from chunk_assets.storage import keys
from chunk_assets.storage.objects import ObjectRef
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import put_animatic
from chunk_assets_tests.generators import HoldingGenerator
from chunk_assets_tests.manifests import small_manifest
from chunk_assets_tests.report.reading import HOSTILE, Page, content

pytestmark = pytest.mark.slow


class Film:
    """A film whose first chunk has takes; the others are not rendered."""

    def __init__(self, store: ObjectStore, directory: Path):
        self.store, self.directory = store, directory
        self.generator = HoldingGenerator(pays=0.25)
        put_animatic(store)
        for take in range(3):
            self.walk(RenderRequest(reuse="this_run", root_run=f"run {take}"))

    def walk(self, request: RenderRequest) -> None:
        """Render chunk 0, or choose or accept a take of it."""
        context = RenderContext(
            plan=plan_film(self.store, "film"),
            store=self.store,
            generator=self.generator,
            workdir=self.directory,
            request=request,
        )
        list(walk(context, range(1)))

    def page(self) -> Page:
        """Return the film's page."""
        return Page(make_page(plan_film(self.store, "film"), self.store, self.directory))

    def take_key(self, number: int, name: str = "clip.mp4") -> str:
        """Return the key of an object of a take."""
        return keys.take("film", 0, number) + name

    def delete(self, number: int, *names: str) -> None:
        """Delete objects of a take."""
        for name in names:
            self.store.client.delete_object(
                Bucket=self.store.bucket, Key=self.take_key(number, name)
            )


@pytest.fixture
def film(store: ObjectStore, tmp_path: Path) -> Film:
    """Three takes of chunk 0, of which the third is chosen."""
    return Film(store, tmp_path)


def words(page: Page) -> str:
    """Return the words of chunk 0, with single spaces."""
    return " ".join(page.chunk(0).words.split())


def test_takes_are_side_by_side(film: Film):
    """Each has its moving preview, its facts, its checks, and a link that plays this take."""
    clip = film.store.head(keys.chunk_video("film", 0))
    found = [CheckResult(results.NOT_FROZEN, False, "still for 16 of 16 frames")]
    store_results(film.store, "film", 0, clip, found)
    film.walk(RenderRequest(take=1))
    page = film.page()
    told = words(page)
    chosen, second, third = (told.partition(f"Take {n} ")[2] for n in (1, 2, 3))
    assert chosen.startswith("chosen")
    assert told.count(" chosen ") == 1
    for number, part in enumerate((chosen, second, third), 1):
        seed = film.generator.requests[number - 1].seed
        assert f"Seed{seed} Cost$0.25 Made2" in part.partition("Take")[0]
        assert "Originalkept, 0.0 MB" in part.partition("Take")[0]
    assert "Not checked yet" in second.partition("Take")[0]
    assert "Not frozen still for 16 of 16 frames 0 of 1 checks passed" in third
    previews = [uri for tag, uri in page.chunk(0).media if uri.startswith("data:image/webp")]
    assert len(previews) == 3
    for uri in previews:
        with Image.open(io.BytesIO(content(uri, "image/webp"))) as moving:
            assert moving.size == (128, 72)
    links = [one for one in page.addresses if "/takes/chunk_00/" in one]
    assert len(links) == 3
    digests = []
    for link in links:
        with urlopen(link) as answer:  # noqa: S310 - the test server's
            digests.append(hashlib.sha256(answer.read()).hexdigest())
    stored = [film.store.head(film.take_key(number)) for number in (1, 2, 3)]
    assert digests == [take.sha256 if take else "" for take in stored]
    assert len(set(digests)) == 3
    away = [one for one in page.addresses if not one.startswith(("data:", "#chunk-"))]
    assert away == links, "there is no film yet to link to"


def test_motion_can_be_unwanted(film: Film):
    """A still picture replaces each moving preview for people who prefer reduced motion."""
    page = film.page()
    stills = [value for name, value in page.attributes if name == "srcset"]
    assert len(stills) == 3
    for still in stills:
        assert Image.open(io.BytesIO(content(still, "image/jpeg"))).size == (128, 72)
    conditions = {value for name, value in page.attributes if name == "media"}
    assert conditions == {"(prefers-reduced-motion: reduce), print"}


def test_a_single_take_is_not_compared(film: Film):
    """Where only the chosen take is left, the page shows the clip, and names those that are not."""
    film.delete(1, "clip.mp4", "last_frame.png", "moving.webp")
    record = ObjectRef(film.store, film.take_key(1, "take.json"))
    pruned = record.read_json(TakeRecord)[0].model_copy(update={"pruned_at": datetime.now(UTC)})
    record.write_json(pruned)
    film.delete(2, "clip.mp4", "last_frame.png", "moving.webp")
    film.store.put_bytes(film.take_key(2, "original.mp4"), b"delivered", "video/mp4")
    page = film.page()
    assert [tag for tag, _ in page.chunk(0).media] == ["img", "img", "video", "img"]
    assert "Take 1 is pruned: only records are left." in words(page)
    assert "Take 2 is not finished." in words(page)
    for key in list(film.store.keys(keys.takes("film", 0))):
        film.store.client.delete_object(Bucket=film.store.bucket, Key=key)
    assert "Takes" not in words(film.page())


def test_damaged_takes_are_named(film: Film):
    """A damaged clip cannot be chosen; a take with a damaged preview is shown without it."""
    film.store.put_bytes(film.take_key(1), b"{} is not what it was", "video/mp4")
    film.store.put_bytes(film.take_key(2, "moving.webp"), b"{} is not a picture", "image/webp")
    film.store.put_bytes(film.take_key(3, "take.json"), b"{}", "application/json")
    page = film.page()
    assert "Take 1 is damaged." in words(page)
    assert "is not a picture" in words(page)
    assert str(film.directory) not in page.words
    assert sum("/takes/chunk_00/" in one for one in page.addresses) == 2


def test_only_some_of_many_takes_are_shown(film: Film):
    """The page shows the chosen take and the latest others, and counts the rest."""
    film.walk(RenderRequest(take=2))
    for number in range(4, 13):
        for name in ("take.json", "clip.mp4", "last_frame.png", "moving.webp"):
            stored = film.store.find(film.take_key(3, name))
            film.store.copy(stored, film.take_key(number, name), "application/octet-stream")
    page = film.page()
    told = words(page)
    assert "and 4 more takes: “chunk-assets takes film 00” lists them." in told
    shown = [number for number in range(1, 13) if f"Take {number} " in told]
    assert shown == [2, 6, 7, 8, 9, 10, 11, 12]


def test_an_accepted_clip_names_who_accepted_it(film: Film):
    """The name is shown as text, also if it is HTML."""
    document = small_manifest()
    document["beats"][0]["prompt_template"] = "{product_name} flies"
    film.store.put_bytes(keys.manifest("film"), json.dumps(document).encode(), "application/json")
    assert "Accepted" not in words(film.page())
    film.walk(RenderRequest(accepts=True, by=HOSTILE))
    page = film.page()
    assert f"Acceptedby {HOSTILE} on 2" in words(page)
    assert page.tags.count("script") == 1
    assert HOSTILE not in page.text


def test_the_film_has_its_cost_per_second(film: Film):
    """All three takes were paid for, and two of six seconds are rendered."""
    assert "Cost per second of film$0.38 for 2 s rendered so far" in " ".join(
        film.page().parts["film"].words.split()
    )


def test_previews_stay_within_their_share(store: ObjectStore, tmp_path: Path):
    """A film of any length has room for the takes it shows, and noise is reduced to fit."""
    for chunks in range(1, 1801):
        shares = Shares(chunks)
        if shares.takes:
            each = shares.take_bytes(shares.takes)
            assert each >= 5000
            assert each * shares.takes * chunks <= TAKES_BYTES
    noise = np.random.default_rng(0).integers(0, 256, (8, 90, 160, 3), dtype=np.uint8)
    made = animation_webp([Image.fromarray(each) for each in noise], 47_000, 2.0, 160)
    store.put_bytes("moving.webp", made, "image/webp")
    ref = ObjectRef(store, "moving.webp")
    medium = moving_preview(ref, tmp_path / "moving", 2.0, 5500, "absent")
    reduced = content(medium.uri, "image/webp")
    assert len(reduced) <= 4400
    with Image.open(io.BytesIO(reduced)) as moving:
        assert getattr(moving, "n_frames", 1) == 8
    assert len(content(medium.poster, "image/jpeg")) <= 1100
