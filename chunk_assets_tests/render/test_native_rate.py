"""Films on a model of 16 fps: clips are requested at that rate and converted to the film's."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from chunk_assets.film.plan import FilmPlan, generation_context, plan_film
from chunk_assets.film.records import ClipRecord
from chunk_assets.generation.replicate.generator import build_replicate_generator
from chunk_assets.media.frames import probe
from chunk_assets.media.images import open_picture
from chunk_assets.render.context import RenderContext
from chunk_assets.render.walk import walk
from chunk_assets.settings import load_settings
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.fake_predictions import Made
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.films import put_animatic
from chunk_assets_tests.manifests import small_manifest
from chunk_assets_tests.media.media import foreign_clip, number_of, numbers_in, take

pytestmark = pytest.mark.slow

WAN = "wan-video/wan-2.2-i2v-fast"
H264 = {"c:v": "libx264", "preset": "veryfast", "crf": 8, "pix_fmt": "yuv420p"}


class NumberedReplicate(FakeReplicate):
    """Makes clips with numbered frames, at the model's rate."""

    directory: Path
    rate: int | None = None

    def clip(self, made: Made) -> bytes:
        frames, fps = made.model.length(made.input)
        if self.rate is not None:
            frames, fps = round(Fraction(frames, fps) * self.rate), self.rate
        path = self.directory / f"{made.id}.mp4"
        foreign_clip(path, take("coffee", frames, (160, 90)), fps, **H264)
        return path.read_bytes()

    def delivers(self, rate: int) -> None:
        """Have the model deliver this rate, whatever the requested one; the duration stays."""
        self.rate = rate


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NumberedReplicate]:
    """An account whose predictions succeed at once."""
    with NumberedReplicate() as fake:
        fake.directory = tmp_path
        monkeypatch.setenv("REPLICATE_API_TOKEN", fake.token or "")
        monkeypatch.setenv("REPLICATE_BASE_URL", fake.base_url)
        yield fake


def rendered(store: ObjectStore, workdir: Path, fps: int) -> FilmPlan:
    """Render a film of 8 s at `fps` on the model."""
    beat = {"name": "all", "duration": 8, "prompt_template": "x"}
    frames = {"frames": ["one.png"], "transitions": []}
    document = small_manifest(duration=8, fps=fps, beats=[beat], model="wan-2.2-i2v-fast", **frames)
    put_animatic(store, document=document)
    plan = plan_film(store, "film")
    generator = build_replicate_generator(
        generation_context("film", plan.animatic, store, load_settings())
    )
    workdir.mkdir()
    context = RenderContext(plan=plan, store=store, generator=generator, workdir=workdir)
    list(walk(context, range(len(plan.specs))))
    generator.close()
    return plan


@pytest.mark.parametrize("delivered", [16, 30])
@pytest.mark.parametrize("fps", [12, 24, 25, 30])
def test_a_films_clips_move_at_their_own_speed(
    store: ObjectStore, account: NumberedReplicate, tmp_path: Path, fps: int, delivered: int
):
    """Each frame shows what the clip shows at that time; the last frame is the stored clip's last.

    This also holds if the model delivers another rate than the requested one.
    """
    account.delivers(delivered)
    plan = rendered(store, tmp_path / "work", fps)
    assert [made.input["frames_per_second"] for made in account.created] == [16, 16]
    # 81 frames at 16 fps are 5.06 s: a slot and, except in the first chunk, a lead-in of 0.5 s.
    assert [made.input["num_frames"] for made in account.created] == [81, 81]
    assert plan.specs[0].num_frames == int(Fraction(81, 16) * fps) - round(fps / 2)
    for spec in plan.specs:
        path = tmp_path / "stored.mp4"
        stored = store.download(keys.chunk_video("film", spec.chunk_num), path)
        assert (probe(path).fps, probe(path).frames) == (fps, spec.num_frames)
        shown = numbers_in(path)
        times = np.arange(spec.num_frames) / fps
        off = np.array(shown) / delivered - times
        half, step = 1 / (2 * fps), 1 / delivered
        assert np.abs(off).max() <= max(half, step - half) + 1e-9
        assert np.polyfit(times, np.array(shown) / delivered, 1)[0] == pytest.approx(1, rel=0.01)
        assert ClipRecord.of(stored).held_frames == 0
        kept = tmp_path / "last.png"
        store.download(keys.last_frame("film", spec.chunk_num), kept)
        assert number_of(np.asarray(open_picture(kept))) == shown[-1]
