"""A clip of any rate moves at its own speed in a film of any other, and ends on one known frame."""

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.clips import ClipFormat, normalise
from chunk_assets.media.frames import last_frame, probe, read_frames
from chunk_assets.media.retiming import end_of_use, frames_filled
from chunk_assets_tests.media.media import foreign_clip, number_of, numbers_in, take

pytestmark = pytest.mark.slow

SIZE = (320, 96)
H264 = {"c:v": "libx264", "preset": "veryfast", "crf": 8, "pix_fmt": "yuv420p"}
BAR, SPEED = 24, 64
"""A white bar's width in pixels, and how far it moves in a second."""


def moving_bar(path: Path, rate: str, seconds: int = 4) -> Path:
    """A clip at `rate` of a bar that moves to the right at an even speed."""
    frames = []
    for number in range(round(seconds * Fraction(rate))):
        frame = np.full((SIZE[1], SIZE[0], 3), 16, np.uint8)
        left = round(SPEED * number / Fraction(rate))
        frame[:, left : left + BAR] = 235
        frames.append(frame)
    return foreign_clip(path, frames, rate, **H264)


def positions(path: Path) -> np.ndarray:
    """Where the bar's left edge is in each frame of a clip, in pixels."""
    found = []
    for frame in read_frames(path):
        weight = np.clip(frame.mean(axis=(0, 2)) - 16, 0, None)
        found.append((weight * np.arange(len(weight))).sum() / weight.sum() - (BAR - 1) / 2)
    return np.array(found)


@pytest.mark.parametrize("film_fps", [12, 24, 25, 30])
@pytest.mark.parametrize("rate", ["8", "16", "24", "25", "30000/1001", "60"])
def test_motion_keeps_its_speed(tmp_path: Path, rate: str, film_fps: int) -> None:
    """At each moment of the film the bar is where the clip has it, in the nearest frame."""
    source = moving_bar(tmp_path / "came.mp4", rate)
    clip = ClipFormat(4 * film_fps, FrameRate(film_fps), SIZE)
    assert normalise(source, tmp_path / "a.mp4", clip).held_frames == 0
    measured = positions(tmp_path / "a.mp4")
    times = np.arange(clip.num_frames) / film_fps
    speed = np.polyfit(times, measured, 1)[0]
    assert speed == pytest.approx(SPEED, rel=0.01)
    half, step = 1 / (2 * film_fps), float(1 / Fraction(rate))
    nearest = max(half, step - half)
    assert np.abs(measured - SPEED * times).max() <= SPEED * nearest + 1


@pytest.mark.parametrize("rate", ["16", "24", "60"])
@pytest.mark.parametrize("name", ["came.mp4", "came.mkv"])
def test_the_last_frame_is_the_one_the_film_ends_on(tmp_path: Path, name: str, rate: str) -> None:
    """For every film rate and length, also where the clip ends first."""
    for count in (23, 48):
        source = foreign_clip(tmp_path / name, take("coffee", count, (160, 96)), rate, **H264)
        for film_fps in (12, 24, 25):
            for num_frames in (7, 2 * film_fps + 1):
                clip = ClipFormat(num_frames, FrameRate(film_fps), (160, 96))
                result = normalise(source, tmp_path / "a.mp4", clip)
                shown = numbers_in(tmp_path / "a.mp4")
                last = last_frame(str(source), until=end_of_use(num_frames, FrameRate(film_fps)))
                assert number_of(np.asarray(last)) == shown[-1], (count, film_fps, num_frames)
                held = result.held_frames
                assert set(shown[num_frames - held :]) <= {count - 1}, (count, film_fps, num_frames)


def test_a_chunks_own_clip_ends_on_its_last_frame(tmp_path: Path) -> None:
    """Of a clip in the film's rate, the moment belongs to the last frame and none after it."""
    source = foreign_clip(tmp_path / "a.mp4", take("coffee", 30, (160, 96)), 25, **H264)
    for num_frames in (1, 12, 29, 30):
        last = last_frame(str(source), until=end_of_use(num_frames, FrameRate(25)))
        assert number_of(np.asarray(last)) == num_frames - 1


def test_a_picture_that_is_shown_briefly_at_the_end_is_kept(tmp_path: Path) -> None:
    """The last of 24 frames at 24 fps lies between two of a film at 12 fps, and is held."""
    source = foreign_clip(tmp_path / "came.mp4", take("coffee", 24, (160, 96)), 24, **H264)
    result = normalise(source, tmp_path / "a.mp4", ClipFormat(16, FrameRate(12), (160, 96)))
    assert numbers_in(tmp_path / "a.mp4") == [*range(0, 24, 2), 23, 23, 23, 23]
    assert (result.held_frames, probe(source).duration) == (4, 1)


@pytest.mark.parametrize("rate", [Fraction(8), Fraction(16), Fraction(30000, 1001), Fraction(60)])
def test_a_clip_that_covers_its_slot_holds_nothing(rate: Fraction) -> None:
    """As many whole frames as cover the slot are enough, at any rate; a film frame less is not."""
    for fps in (1, 12, 24, 25, 30, 60):
        for num_frames in range(1, 300):
            frames = math.ceil(num_frames * rate / fps)
            assert frames_filled(frames / rate, FrameRate(fps)) >= num_frames
            assert frames_filled(Fraction(num_frames, fps), FrameRate(fps)) == num_frames
            moment = end_of_use(num_frames, FrameRate(fps))
            assert Fraction(num_frames - 1, fps) < moment < Fraction(num_frames, fps)


@pytest.mark.parametrize("name", ["came.mp4", "came.mkv"])
@pytest.mark.parametrize(("rate", "count"), [("16", 33), ("24", 60), ("30", 60), ("24", 44)])
def test_a_stretched_clip_ends_on_its_last_picture(
    tmp_path: Path, name: str, rate: str, count: int
) -> None:
    """Whether it plays faster or slower; the last frame is the one that the film ends on."""
    source = foreign_clip(tmp_path / name, take("coffee", count, (160, 96)), rate, **H264)
    clip, used = ClipFormat(48, FrameRate(24), (160, 96)), probe(source).duration
    result = normalise(source, tmp_path / "a.mp4", clip, is_stretched=True)
    shown = numbers_in(tmp_path / "a.mp4")
    assert (shown[0], shown[-1], result.held_frames) == (0, count - 1, 0)
    assert max(np.diff(shown)) <= math.ceil(count / 48)
    last = last_frame(str(source), until=end_of_use(48, FrameRate(24), used))
    assert number_of(np.asarray(last)) == count - 1


def test_a_part_of_a_clip_is_stretched(tmp_path: Path) -> None:
    """The used part fills the clip: nothing of what comes after it is seen."""
    source = foreign_clip(tmp_path / "came.mp4", take("coffee", 60, (160, 96)), 24, **H264)
    used = Fraction(40, 24)
    clip = ClipFormat(48, FrameRate(24), (160, 96))
    normalise(source, tmp_path / "a.mp4", clip, used, is_stretched=True)
    assert numbers_in(tmp_path / "a.mp4")[-1] == 39
    last = last_frame(str(source), until=end_of_use(48, FrameRate(24), used))
    assert number_of(np.asarray(last)) == 39
