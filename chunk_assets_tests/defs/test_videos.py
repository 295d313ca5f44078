"""The film: stitched from stored clips, exact to the frame, with its output and cost."""

from pathlib import Path
from shutil import rmtree

import dagster as dg
import pytest

from chunk_assets.film.objects import FilmObjects
from chunk_assets.media.frames import probe
from chunk_assets.schemas import ChunkGenerationOutput
from chunk_assets.settings import Settings
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import Studio, failure
from chunk_assets_tests.generators import HoldingGenerator
from chunk_assets_tests.manifests import small_manifest

pytestmark = pytest.mark.slow


@pytest.fixture
def studio(store: ObjectStore, instance: dg.DagsterInstance) -> Studio:
    """A deployment whose clips cost half a dollar."""
    return Studio(store, instance, HoldingGenerator(pays=0.5))


def test_a_film_has_exactly_its_frames(studio: Studio, tmp_path: Path):
    """6 s at 8 fps are 48 frames of one constant step, in bt709, ready to play while it loads."""
    studio.submit()
    studio.render(range(3))
    assert studio.stitch().success
    film = tmp_path / "film.mp4"
    studio.store.download(keys.stitched_video("film"), film)
    info = probe(film)
    assert (info.frames, info.fps, info.width, info.height) == (48, 8, 128, 72)
    assert info.duration == 6
    assert info.has_constant_rate
    assert info.is_faststart
    assert (info.codec, info.pix_fmt, info.color_space) == ("h264", "yuv420p", "bt709")


def test_the_output_names_the_clips_and_counts_every_take(studio: Studio):
    """Three chunks at $0.50, one of them rendered twice, are $2.00."""
    studio.submit()
    studio.render(range(3))
    studio.render([2])
    studio.stitch()
    output, _ = FilmObjects(studio.store, "film").output().read_json(ChunkGenerationOutput)
    assert output.stitched_video_url == studio.store.uri("videos/film/stitched.mp4")
    assert output.chunk_urls == [studio.store.uri(f"chunks/film/chunk_0{n}.mp4") for n in range(3)]
    assert output.total_cost == 2.0


def test_a_missing_chunk_is_named(studio: Studio):
    """A film is not stitched around a hole."""
    studio.submit()
    studio.render([0])
    said = failure(studio.stitch())
    assert said.startswith("film 'film' cannot be stitched: of its 3 chunks, 1, 2 are not stored")
    assert studio.store.head(keys.stitched_video("film")) is None


def test_a_damaged_clip_is_named(studio: Studio, settings: Settings):
    """A stored clip whose content changed under its digest is refused, not stitched.

    While the content that was stored is nearby, the film is made of that.
    """
    studio.submit()
    studio.render(range(3))
    key = keys.chunk_video("film", 1)
    stored = studio.store.head(key)
    assert stored is not None
    studio.store.client.put_object(
        Bucket=studio.store.bucket, Key=key, Body=b"damaged", Metadata=dict(stored.record)
    )
    assert studio.stitch().success
    rmtree(settings.home / "nearby")
    said = failure(studio.stitch())
    assert said.startswith(f"{studio.store.uri(key)} is damaged")


def test_clips_of_another_plan_are_not_stitched(studio: Studio):
    """When the manifest asks for another rate, the stored clips do not fit it any more."""
    studio.submit()
    studio.render(range(3))
    studio.submit(document=small_manifest(fps=12))
    said = failure(studio.stitch())
    assert "has 16 frames at 8 fps of 128x72, its plan 24 frames at 12 fps" in said


def test_a_film_of_one_chunk_is_a_film(studio: Studio):
    """1.5 s are one chunk, also where no longer film is known."""
    beat = {"name": "b", "duration": 1.5, "prompt_template": "x"}
    document = small_manifest(duration=1.5, beats=[beat], transitions=None, frames=["b.png"])
    studio.submit(document=document)
    assert studio.render([0]).success
    assert studio.stitch().success
