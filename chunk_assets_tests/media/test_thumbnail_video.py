"""Reduced videos: as small as asked, in true colours, whatever comes in."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from chunk_assets.errors import MediaError
from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.frames import probe, read_frames
from chunk_assets.media.thumbnail_video import Reduction, fit_within, write_thumbnail_video
from chunk_assets_tests.media.media import assert_looks_like, photo, take, write_clip

LARGE = 10_000_000


def test_every_nth_frame_is_kept_in_true_colours(tmp_path: Path):
    """Half the rate is every other frame, smaller, with no colour of it shifted."""
    frames = take("coffee", 24, (256, 144))
    write_thumbnail_video(
        write_clip(tmp_path / "in.mp4", frames),
        tmp_path / "out.mp4",
        Reduction(128, FrameRate(12), LARGE),
    )
    info = probe(tmp_path / "out.mp4")
    assert (info.frames, info.fps, info.width, info.height) == (12, 12, 128, 72)
    assert (info.color_space, info.color_range, info.has_constant_rate) == ("bt709", "tv", True)
    assert info.is_faststart
    expected = frames[12].reshape(72, 2, 128, 2, 3).mean(axis=(1, 3))
    is_ = list(read_frames(tmp_path / "out.mp4"))[6]
    assert_looks_like(is_, np.rint(expected).astype(np.uint8), error=6, each_bias=1.5)


def test_small_videos_are_not_enlarged(tmp_path: Path):
    """A video within the limits keeps its size and its rate; a portrait one its proportions."""
    clip = write_clip(tmp_path / "in.mp4", [photo("rocket", (72, 128))] * 4, fps=8)
    write_thumbnail_video(clip, tmp_path / "out.mp4", Reduction(640, FrameRate(24), LARGE))
    info = probe(tmp_path / "out.mp4")
    assert (info.frames, info.fps, info.width, info.height) == (4, 8, 72, 128)


@pytest.mark.parametrize("most", [30_000, 8_000])
def test_noise_keeps_to_its_bytes(tmp_path: Path, most: int):
    """What no codec compresses is made smaller until it fits."""
    random = np.random.default_rng(1)
    frames = [random.integers(0, 256, (144, 256, 3), dtype=np.uint8) for _ in range(24)]
    clip = write_clip(tmp_path / "in.mp4", frames)
    write_thumbnail_video(clip, tmp_path / "out.mp4", Reduction(256, FrameRate(24), most))
    assert (tmp_path / "out.mp4").stat().st_size <= most
    assert probe(tmp_path / "out.mp4").duration == 1


def test_what_cannot_fit_is_an_error_and_no_file(tmp_path: Path):
    """A video in a hundred bytes is refused in one sentence."""
    clip = write_clip(tmp_path / "in.mp4", take("coffee", 8, (256, 144)))
    with pytest.raises(MediaError, match="the limit is 100"):
        write_thumbnail_video(clip, tmp_path / "out.mp4", Reduction(128, FrameRate(12), 100))
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_an_hour_has_fewer_frames_and_smaller_pictures(tmp_path: Path):
    """The longer a video, the less of it: first the rate goes down, then the size."""
    info = probe(write_clip(tmp_path / "in.mp4", [photo("coffee", (1024, 576))] * 2))

    def form(seconds: int):
        long = type(info)(**{**vars(info), "duration": Fraction(seconds)})
        return fit_within(long, Reduction(640, FrameRate(30), 5_000_000))

    assert (form(30).size, form(30).fps) == ((640, 360), 24)
    assert (form(300).size, form(300).fps) == ((640, 360), 12)
    hour = form(3600)
    assert hour.fps == 12
    assert 160 <= hour.size[0] < 320
    assert hour.bits * 3600 / 8 < 5_000_000


def test_a_broken_video_is_said(tmp_path: Path):
    """Bytes that are no video give our error, and nothing is written."""
    (tmp_path / "in.mp4").write_bytes(b"no video")
    with pytest.raises(MediaError, match="cannot be read as a video"):
        write_thumbnail_video(
            tmp_path / "in.mp4", tmp_path / "out.mp4", Reduction(128, FrameRate(12), LARGE)
        )
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]
