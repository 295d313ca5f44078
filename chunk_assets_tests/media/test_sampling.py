"""A few of a video's pictures: which they are, in true colours."""

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from chunk_assets.errors import MediaError
from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.clips import ClipFormat, ClipWriter
from chunk_assets.media.ffmpeg import executable
from chunk_assets.media.sampling import frames_at, sample_frames


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """48 frames at 24 fps, each 4 levels brighter than the one before; keyframes at 0, 12, 36."""
    path = tmp_path / "clip.mp4"
    with ClipWriter(path, ClipFormat(48, FrameRate(24), (128, 72), (12, 36))) as writer:
        for number in range(48):
            writer.write(np.full((72, 128, 3), 20 + 4 * number, np.uint8))
    return path


def brightness(picture) -> float:
    """A grey picture's level, as the frame's number."""
    return (float(np.asarray(picture).mean()) - 20) / 4


def test_frames_are_sampled_evenly_from_the_middles(clip: Path):
    """Four of 48 frames are those in the middles of four equal parts, scaled to the width."""
    pictures = sample_frames(clip, 48, 4, 64)
    assert [round(brightness(picture)) for picture in pictures] == [6, 18, 30, 42]
    assert {picture.size for picture in pictures} == {(64, 36)}


def test_a_clip_of_a_telephone_is_sampled_upright(clip: Path, tmp_path: Path):
    """The width is that of the picture as a person sees it; none is made larger."""
    turned = tmp_path / "turned.mp4"
    copy = ["-v", "error", "-display_rotation", "90", "-i", str(clip), "-c", "copy", str(turned)]
    subprocess.run([executable(), *copy], check=True)
    assert {picture.size for picture in sample_frames(turned, 48, 2, 36)} == {(36, 64)}
    assert {picture.size for picture in sample_frames(turned, 48, 2, 500)} == {(72, 128)}


def test_a_clip_shorter_than_said_gives_fewer_pictures(clip: Path):
    """Frames that are not there are left out; a clip without any wanted frame is an error."""
    assert len(sample_frames(clip, 96, 4, 64)) == 2
    with pytest.raises(MediaError, match="no frame"):
        sample_frames(clip, 4800, 1, 64)


def test_keyframes_are_found_before_each_moment(clip: Path):
    """For each moment comes the keyframe at or before it."""
    moments = [Fraction(n, 24) for n in (0, 11, 12, 35, 36, 47)]
    pictures = frames_at(clip, moments, 128, are_keyframes=True)
    assert [round(brightness(picture)) for picture in pictures] == [0, 0, 12, 12, 36, 36]


def test_a_broken_film_is_an_error_of_media(tmp_path: Path):
    """A file that is no video is refused in one sentence."""
    broken = tmp_path / "film.mp4"
    broken.write_bytes(b"no film")
    with pytest.raises(MediaError, match="cannot be read as a video"):
        frames_at(broken, [Fraction(1)], 64)
