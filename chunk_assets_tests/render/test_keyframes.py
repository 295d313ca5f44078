"""Continuity `keyframes`: chunks start and end on pictures, and do not wait for each other."""

import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest
from PIL import Image

from chunk_assets.checks.clip import ClipChecker
from chunk_assets.checks.results import BEGINS
from chunk_assets.errors import SpecError, Unavailable
from chunk_assets.film.chunk_states import chunk_states
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import plan_film
from chunk_assets.film.records import ClipRecord
from chunk_assets.generation.base import (
    Abilities,
    GeneratedClip,
    GenerationRequest,
    ProgressCallback,
    ignore_progress,
)
from chunk_assets.generation.stopping import NEVER, StopSignal
from chunk_assets.media.frames import last_frame, read_frames
from chunk_assets.media.images import open_picture, save_png
from chunk_assets.quality import Quality
from chunk_assets.render.context import RenderContext
from chunk_assets.render.request import ChunkObject
from chunk_assets.render.scenes import walk_scenes
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import Studio, put_animatic
from chunk_assets_tests.generators import BUSY, HoldingGenerator
from chunk_assets_tests.manifests import picture, small_manifest
from chunk_assets_tests.media.media import foreign_clip

pytestmark = pytest.mark.slow

CLIP_TOLERANCE = 3.0
"""Mean error, of 255, of an encoded picture of 128×72."""


def three_pictures(**changes: Any) -> dict[str, Any]:
    """A film of 6 s in three chunks, with one picture for each."""
    fields = {"continuity": "keyframes", "transitions": None, "frames": ["a.png", "b.png", "c.png"]}
    return small_manifest(**{**fields, **changes})


class EndingGenerator(HoldingGenerator):
    """Fades from its conditioning image to its end picture, as a hosted model would.

    Its clip is longer than requested, and holds the end picture for `held` of its frames.
    """

    name = "ending"
    fps, frames, held = 12, 36, 0

    @property
    def abilities(self) -> Abilities:
        return Abilities(end_image=True)

    def generate(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback = ignore_progress,
        stop: StopSignal = NEVER,
    ) -> GeneratedClip:
        super().generate(request, workdir, on_progress, stop)
        start = np.asarray(open_picture(request.conditioning_image), np.float32)
        end = np.asarray(open_picture(request.end_image), np.float32) if request.end_image else None
        shares = np.minimum(np.arange(self.frames) / (self.frames - self.held - 1), 1.0)
        frames = [start if end is None else start + (end - start) * share for share in shares]
        h264 = {"c:v": "libx264", "crf": 8, "pix_fmt": "yuv420p"}
        path = foreign_clip(
            workdir / "came.mp4", [f.round().astype(np.uint8) for f in frames], self.fps, **h264
        )
        return GeneratedClip(path, cost_usd=self.pays)


class KeyFilm:
    """A film of three key pictures on S3."""

    def __init__(self, store: ObjectStore, workdir: Path):
        self.store, self.workdir, self.runs = store, workdir, 0
        put_animatic(store, document=three_pictures())

    def __call__(self, generator: HoldingGenerator) -> Iterator[ChunkObject]:
        """Walk all chunks."""
        self.runs += 1
        workdir = self.workdir / str(self.runs)
        workdir.mkdir()
        plan = plan_film(self.store, "film")
        context = RenderContext(plan=plan, store=self.store, generator=generator, workdir=workdir)
        return walk_scenes(context, range(3))

    @property
    def states(self) -> dict[int, str]:
        """Why chunks are out of date."""
        plan = plan_film(self.store, "film")
        return {state.spec.chunk_num: state.reason for state in chunk_states(plan, self.store)}

    def clip(self, number: int) -> Path:
        """A chunk's stored clip."""
        path = self.workdir / f"clip_{number}.mp4"
        FilmObjects(self.store, "film").clip(number).download(path)
        return path

    def record(self, number: int) -> ClipRecord:
        """The record of a chunk's clip."""
        return ClipRecord.of(FilmObjects(self.store, "film").clip(number).find())


@pytest.fixture
def film(store: ObjectStore, tmp_path: Path) -> KeyFilm:
    """Three chunks, each with its own picture."""
    return KeyFilm(store, tmp_path)


def apart(one: Image.Image | np.ndarray, other: Image.Image | np.ndarray) -> float:
    """The mean difference of two pictures, of 255."""
    return float(np.abs(np.asarray(one, np.float32) - np.asarray(other, np.float32)).mean())


def test_all_chunks_are_rendered_at_once_each_between_two_pictures(film: KeyFilm):
    """Each starts from its picture as drawn and ends on the next one's, the last one on anything.

    What is made of a chunk is in order, and nothing is made from the chunk before.
    """
    generator, meeting = EndingGenerator(), threading.Barrier(3, timeout=60)
    seen = {}

    def before(request: GenerationRequest) -> None:
        end = request.end_image
        seen[request.chunk_num] = (
            open_picture(request.conditioning_image),
            open_picture(end) if end else None,
        )
        meeting.wait()

    generator.before = before
    made = list(film(generator))
    for number, (start, end) in seen.items():
        assert apart(start, picture(number)) == 0
        assert (
            end is None if number == 2 else end is not None and apart(end, seen[number + 1][0]) == 0
        )
    for number in range(3):
        of_chunk = [each for each in made if each.spec.chunk_num == number]
        stages = ["chunk_specs", "composites", "chunk_videos", "last_frames"]
        assert [each.stage for each in of_chunk] == stages
        assert of_chunk[1].inputs["previous_last_frames"] is None
    assert film.states == dict.fromkeys(range(3), "")
    generator.requests.clear()
    list(film(generator))
    assert generator.chunks == []


@pytest.mark.parametrize("held", [0, 9])
def test_a_clip_ends_on_its_end_picture_without_holding_it(film: KeyFilm, held: int):
    """Whatever the model's length: the clip is stretched, and what it holds is left out."""
    generator = EndingGenerator()
    generator.held = held
    list(film(generator))
    frames = list(read_frames(film.clip(0)))
    assert len(frames) == 16
    assert apart(frames[-1], picture(1)) < CLIP_TOLERANCE
    assert apart(frames[-2], picture(1)) > CLIP_TOLERANCE
    stored = film.workdir / "frame.png"
    FilmObjects(film.store, "film").last_frame(0).download(stored)
    assert apart(open_picture(stored), frames[-1]) < CLIP_TOLERANCE
    record = film.record(0)
    used = Fraction(36 - held, 12) / 2
    assert float(record.speed) == pytest.approx(float(used), abs=0.001)
    assert float(record.end_held) == pytest.approx(held / 12, abs=0.09)
    assert (film.record(2).speed, film.record(2).end_held) == ("", "")


def test_a_redrawn_picture_changes_its_chunk_and_the_one_before(film: KeyFilm):
    """No other: later chunks do not depend on them."""
    generator = EndingGenerator()
    list(film(generator))
    path = save_png(picture(9))
    film.store.put_file(keys.animatic_file("film", "b.png"), path, "image/png")
    assert film.states == {0: "changed: end frame", 1: "changed: animatic frame", 2: ""}
    generator.requests.clear()
    list(film(generator))
    assert sorted(generator.chunks) == [0, 1]


def test_a_failed_chunk_does_not_affect_the_others(film: KeyFilm):
    """The others are stored; the next run renders the failed one."""
    generator = EndingGenerator()
    generator.fails_at[1] = BUSY
    with pytest.raises(Unavailable, match="busy"):
        list(film(generator))
    stored = [film.store.head(keys.chunk_video("film", n)) is not None for n in range(3)]
    assert stored == [True, False, True]
    generator.requests.clear()
    list(film(generator))
    assert generator.chunks == [1]


def test_a_closed_walk_leaves_what_is_stored(film: KeyFilm):
    """No thread is left, and the next run finishes the film."""
    walk = film(EndingGenerator())
    for made in walk:
        if made.stage == "chunk_videos":
            break
    walk.close()  # type: ignore[attr-defined]  # it is a generator
    names = ("scene", "chain", "finishing", "prefetch")
    assert not [t.name for t in threading.enumerate() if t.name.startswith(names)]
    list(film(EndingGenerator()))
    assert film.states == dict.fromkeys(range(3), "")


def test_a_model_that_cannot_end_on_a_picture_is_refused(film: KeyFilm):
    """Before anything is requested or stored, in one sentence with what it can."""
    generator = HoldingGenerator()
    with pytest.raises(SpecError, match="takes a first picture and a prompt; choose") as refused:
        list(film(generator))
    assert "holding cannot end a clip on a picture, as chunk 0 of film 'film' does" in str(
        refused.value
    )
    assert generator.chunks == []
    assert film.store.head(keys.chunk_spec("film", 0)) is None


def test_the_cost_limit_holds_for_chunks_rendered_at_once(
    store: ObjectStore, instance: dg.DagsterInstance
):
    """Of three clips for 1 dollar each, two are within a limit of 2 dollars."""
    studio = Studio(store, instance, EndingGenerator(pays=1.0))
    studio.submit(document=three_pictures())
    assert not studio.render(range(3), max_cost_usd=2.0).success
    assert len(studio.generator.chunks) == 2
    assert studio.render(range(3), reuse="matching", max_cost_usd=3.0).success
    assert sorted(studio.generator.chunks) == [0, 1, 2]


def test_a_film_becomes_key_pictures_and_back_in_dagster(
    store: ObjectStore, instance: dg.DagsterInstance
):
    """No last frame is handed to a chunk with a key picture; the chain comes back unchanged."""
    studio = Studio(store, instance, EndingGenerator())
    studio.submit(document=three_pictures(continuity="film"))
    assert studio.render(range(3)).success
    assert studio.render(range(3), reuse="matching", continuity="keyframes").success
    plan = studio.submit(document=three_pictures())
    assert [state.reason for state in chunk_states(plan, store)] == [""] * 3
    result = studio.render(range(3), reuse="matching")
    handed = [
        event
        for event in result.all_events
        if event.is_step_materialization
        and event.materialization.asset_key == dg.AssetKey("previous_last_frames")
    ]
    assert handed == []


def test_the_checks_see_whether_a_clip_ends_on_its_picture(film: KeyFilm):
    """A clip that holds its first picture does not."""

    class Ignoring(HoldingGenerator):
        @property
        def abilities(self) -> Abilities:
            return Abilities(end_image=True)

    passed = []
    for generator in (EndingGenerator(), Ignoring("2")):
        list(film(generator))
        checker = ClipChecker(film.store, film.workdir, Quality())
        results = {each.check: each for each in checker.check("film", 0).results}
        passed.append(results[BEGINS].passed)
        assert "end distance" in results[BEGINS].sentence
    assert passed == [True, False]


def test_the_last_frame_of_a_stretched_clip_is_the_stored_one(film: KeyFilm):
    """It is decoded from the original where the used part ends."""
    list(film(EndingGenerator()))
    stored = film.workdir / "frame.png"
    FilmObjects(film.store, "film").last_frame(1).download(stored)
    assert apart(open_picture(stored), last_frame(str(film.clip(1)))) < CLIP_TOLERANCE
