"""Measures of pictures and movement: what they say of real photographs, changed on purpose."""

from pathlib import Path

import numpy as np
import pytest
import skimage.color

from chunk_assets.errors import MediaError
from chunk_assets.media import metrics
from chunk_assets.media.clip_metrics import measure_clip
from chunk_assets.media.metrics import (
    ColourShift,
    accumulated,
    colour_shift,
    drawing_distance,
    movement,
    reduced,
)
from chunk_assets.quality import Quality
from chunk_assets_tests.media.media import PHOTOS, photo, write_clip

SIZE = (320, 180)
LIMITS = Quality()


def picture(name: str) -> np.ndarray:
    """A photograph as it is compared."""
    return reduced(photo(name, SIZE))


def changed(name: str, by: tuple[int, int, int]) -> np.ndarray:
    """A photograph with levels added to its R, G and B, clipped as 8 bits are."""
    levels = photo(name, SIZE).astype(int) + np.array(by)
    return reduced(np.clip(levels, 0, 255).astype(np.uint8))


def flat(level: float) -> np.ndarray:
    """The brightness of an even grey frame."""
    return np.full((18, 32), level, np.float32)


def watched(lumas: list[np.ndarray]) -> metrics.Movement:
    """What is seen at the limits of the checks."""
    return movement(lumas, black_luma=LIMITS.black_luma, still_luma=LIMITS.still_luma)


@pytest.mark.parametrize("name", PHOTOS)
def test_lab_is_that_of_scikit_image(name: str):
    """Every pixel of a photograph is the same L*a*b* as another library's, to 0.02."""
    rgb = photo(name, SIZE)
    assert np.abs(metrics.lab(rgb) - skimage.color.rgb2lab(rgb)).max() < 0.02


def test_reduced_pixels_are_means():
    """A picture is made smaller by a whole number; what does not fill a pixel is left out."""
    rgb = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    small = reduced(rgb, 3)
    assert small.shape == (2, 3, 3)
    assert small[0, 0].tolist() == rgb[:2, :2].mean(axis=(0, 1)).tolist()
    assert np.array_equal(reduced(rgb, 160), rgb)


@pytest.mark.parametrize("by", [(6, 0, 0), (0, 6, 0), (0, 0, 6), (6, 0, -6), (6, 6, 6), (-6,) * 3])
@pytest.mark.parametrize("name", PHOTOS)
def test_a_cast_of_six_levels_is_a_shift_of_colour_and_none_of_drawing(
    name: str, by: tuple[int, int, int]
):
    """Whatever the channel and the photograph, it is beyond the limit, and nothing has moved."""
    before, after = picture(name), changed(name, by)
    assert colour_shift(before, after).mean_distance > LIMITS.colour_shift
    assert drawing_distance(before, after) < LIMITS.begin_distance / 2


@pytest.mark.parametrize("name", PHOTOS)
def test_more_contrast_is_a_shift_of_spread(name: str):
    """A fifth more contrast is beyond the limit of spread."""
    levels = photo(name, SIZE).astype(float)
    after = np.clip((levels - levels.mean()) * 1.2 + levels.mean(), 0, 255).astype(np.uint8)
    shift = colour_shift(picture(name), reduced(after))
    assert shift.spread_distance > LIMITS.colour_shift
    assert shift.spread[0] > 0


@pytest.mark.parametrize("name", PHOTOS)
def test_another_place_is_another_drawing(name: str):
    """A picture that is shifted by a hundredth of its width, or is another, is told apart."""
    before = picture(name)
    moved = reduced(np.roll(photo(name, SIZE), 4, axis=1))
    assert drawing_distance(before, moved) > LIMITS.begin_distance
    other = PHOTOS[PHOTOS.index(name) - 1]
    assert drawing_distance(before, picture(other)) > 10 * LIMITS.begin_distance


def test_the_distance_to_a_blend_is_the_weights_part_of_the_way():
    """What a seam may differ by follows from the blend's weights alone."""
    one, other = picture("coffee"), picture("rocket")
    blended = 0.7 * one + 0.3 * other
    whole = drawing_distance(one, other)
    assert drawing_distance(one, blended) == pytest.approx(0.3 * whole, rel=1e-3)


def test_a_steady_shift_adds_up_to_what_the_blend_leaves_of_it():
    """At a share of 0.7 fifteen shifts of 0.45 are 1.49, not 6.75; at 1 they would be."""
    shift = ColourShift(np.array([0.45, 0, 0]), np.zeros(3))
    kept = [accumulated([(shift, share)] * 15).mean_distance for share in (0.7, 1.0)]
    assert kept == [pytest.approx(1.493, abs=0.001), pytest.approx(6.75, abs=0.001)]
    assert accumulated([]).mean_distance == 0


def test_a_black_frame_is_counted_though_a_spot_is_lit():
    """Two in a hundred pixels may be bright in a frame that is black; three may not."""
    spot, lamp = flat(4), flat(4)
    spot.flat[: spot.size * 2 // 100] = 255
    lamp.flat[: spot.size * 3 // 100] = 255
    assert watched([flat(90), spot, flat(90), lamp]).black_frames == 1


def test_slow_movement_is_no_standstill():
    """Steps far below what counts as a change add up to one."""
    slow = [flat(100 + 0.2 * number) for number in range(40)]
    assert watched(slow).still_share < 0.1
    assert watched([flat(100)] * 40).still_share == 1.0


def test_a_clip_that_freezes_halfway_stands_still_from_there():
    """The longest stretch counts, wherever it is."""
    frames = [flat(100 + number) for number in range(10)] + [flat(109)] * 15
    assert watched(frames).still_frames == 16


def test_a_clip_of_nothing_has_no_share():
    """No frames are no movement and no division by their number."""
    assert watched([]) == metrics.Movement(0, 0.0, 0, 0)


def test_watching_sees_first_last_and_brightness_in_true_levels(tmp_path: Path):
    """Black is 0 and white 255, and the ends are the frames that were written."""
    grey = photo("coffee", SIZE)
    frames = [grey, np.zeros_like(grey), np.full_like(grey, 255), photo("rocket", SIZE)]
    clip = write_clip(tmp_path / "clip.mp4", frames)
    seen = measure_clip(clip, black_luma=LIMITS.black_luma, still_luma=LIMITS.still_luma)
    assert (seen.movement.frames, seen.movement.black_frames) == (4, 1)
    expected = np.mean([metrics.luma(frame).mean() for frame in frames])
    assert seen.movement.mean_luma == pytest.approx(expected, abs=1.5)
    assert drawing_distance(seen.first, reduced(frames[0])) < 1
    assert drawing_distance(seen.last, reduced(frames[-1])) < 1


def test_what_is_no_video_is_named(tmp_path: Path):
    """A file of anything else is one of our errors."""
    (tmp_path / "clip.mp4").write_bytes(b"nothing of the kind")
    with pytest.raises(MediaError, match="cannot be read as a video"):
        measure_clip(tmp_path / "clip.mp4", black_luma=20, still_luma=0.5)
