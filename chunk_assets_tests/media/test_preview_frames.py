"""The frames that pass by on the way to a clip's last one serve as its moving preview."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from chunk_assets.media.frames import last_frame, read_frames
from chunk_assets.media.preview_frames import PreviewFrames
from chunk_assets_tests.media.media import assert_looks_like, foreign_clip, number_of, take

SIZE = (160, 96)
H264 = {"c:v": "libx264", "preset": "veryfast", "crf": 8, "pix_fmt": "yuv420p"}


@pytest.mark.parametrize("options", [{"g": 250}, {"bf": 3, "g": 250}])
@pytest.mark.parametrize("until", [None, Fraction(2)])
def test_they_are_evenly_apart(tmp_path: Path, options: dict[str, int], until: Fraction | None):
    """Six of the used frames, near the middles of six equal parts, in order and true colours.

    Of frames that no other is made from the decoder gives none: the next one stands for it.
    """
    clip = foreign_clip(tmp_path / "a.mp4", take("coffee", 60, SIZE), 24, (), **H264, **options)
    used, preview_frames = 60 if until is None else 48, PreviewFrames(6)
    last = last_frame(str(clip), until=until, preview_frames=preview_frames)
    assert number_of(np.asarray(last)) == used - 1
    seen = [np.asarray(picture) for picture in preview_frames.pictures(SIZE[0])]
    numbers = [number_of(frame) for frame in seen]
    for part, number in enumerate(numbers):
        assert (part + 0.5) * (used - 1) / 6 <= number < (part + 0.5) * (used - 1) / 6 + 4
    everything = list(read_frames(clip))
    for number, frame in zip(numbers, seen, strict=True):
        assert_looks_like(frame, everything[number], error=0.1)
    assert preview_frames.pictures(SIZE[0]) == [], "frames are released"


def test_they_are_as_wide_as_asked(tmp_path: Path):
    """Pictures wider than that are scaled down on the way."""
    clip = foreign_clip(tmp_path / "a.mp4", take("coffee", 12, SIZE), 24, (), **H264)
    preview_frames = PreviewFrames(3)
    last_frame(str(clip), preview_frames=preview_frames)
    assert {picture.size for picture in preview_frames.pictures(80)} == {(80, 48)}


def test_a_short_clip_gives_what_it_has(tmp_path: Path):
    """Two frames are two pictures, one is one, however many are wanted."""
    for count in (1, 2):
        frames = take("coffee", count, SIZE)
        clip = foreign_clip(tmp_path / f"{count}.mp4", frames, 24, (), **H264)
        preview_frames = PreviewFrames(12)
        last_frame(str(clip), preview_frames=preview_frames)
        assert 1 <= len(preview_frames.pictures(80)) <= count


def test_nothing_passes_where_decoding_begins_late(tmp_path: Path):
    """A clip with a keyframe in its middle is decoded from there: half a preview would mislead."""
    clip = foreign_clip(tmp_path / "a.mp4", take("coffee", 24, SIZE), 24, (), **H264, g=12)
    preview_frames = PreviewFrames(4)
    assert number_of(np.asarray(last_frame(str(clip), preview_frames=preview_frames))) == 23
    assert preview_frames.pictures(80) == []
