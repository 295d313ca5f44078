"""How long a clip holds the picture that it ends on, and what is left out of it."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from chunk_assets.errors import MediaError
from chunk_assets.media.endings import Ending, measure_ending
from chunk_assets_tests.media.media import foreign_clip, take

pytestmark = pytest.mark.slow

SIZE = (320, 180)
H264 = {"c:v": "libx264", "preset": "veryfast", "crf": 23, "pix_fmt": "yuv420p"}


def grained(frames: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Frames with a film's grain, which differs from frame to frame."""
    random = np.random.default_rng(1)
    noise = (random.normal(0, 2, frame.shape) for frame in frames)
    return [np.clip(f + n, 0, 255).astype(np.uint8) for f, n in zip(frames, noise, strict=True)]


@pytest.mark.parametrize("held", [0, 12, 24])
@pytest.mark.parametrize("rate", [16, 24])
def test_a_hold_is_measured_to_the_frame(tmp_path: Path, held: int, rate: int) -> None:
    """Grain and compression do not hide it, and a clip that moves to its end has none."""
    moving = take("coffee", 36, SIZE)
    frames = grained([*moving, *[moving[-1]] * held])
    ending = measure_ending(foreign_clip(tmp_path / "a.mp4", frames, rate, **H264))
    assert ending == Ending(Fraction(36 + held, rate), Fraction(held, rate))


def test_a_held_end_is_left_out_unless_the_rest_became_too_slow() -> None:
    """Stretched to 2 s, a clip plays at three quarters of its speed at the lowest."""
    whole = Fraction(2)
    assert Ending(whole, Fraction(0)).used_seconds(whole) == 2
    assert Ending(whole, Fraction(1, 8)).used_seconds(whole) == 2
    assert Ending(whole, Fraction(1, 4)).used_seconds(whole) == Fraction(7, 4)
    assert Ending(whole, Fraction(1)).used_seconds(whole) == Fraction(3, 2)
    assert Ending(Fraction(5), Fraction(3)).used_seconds(whole) == 2
    assert Ending(Fraction(1), Fraction(1, 2)).used_seconds(whole) == 1


def test_a_still_is_left_as_it_is(tmp_path: Path) -> None:
    """Nothing moves before the hold, so there is nothing to stretch."""
    frames = grained([take("coffee", 1, SIZE)[0]] * 48)
    ending = measure_ending(foreign_clip(tmp_path / "a.mp4", frames, 24, **H264))
    assert ending.used_seconds(Fraction(2)) == ending.seconds == 2


def test_a_file_without_frames_is_refused(tmp_path: Path) -> None:
    """In a sentence that names the file."""
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(MediaError, match=r"a\.mp4"):
        measure_ending(tmp_path / "a.mp4")
