import numpy as np
import pytest

from chunk_assets.generation.camera import (
    LARGEST_TRAVEL,
    TRAVEL,
    WHIP_SECONDS,
    Framing,
    Movement,
    camera_path,
    eased,
    source_points,
)

WIDE, TALL = 16 / 9, 9 / 16
SECONDS = 2.5
SEEDS = range(8)
TIMES = np.linspace(0.0, 1.0, 61).tolist()
MOVEMENTS = {
    **{move: Movement((move,)) for move in TRAVEL},
    "handheld": Movement(is_handheld=True),
    "whip pan left": Movement(("pan left",), is_whip=True),
    "all at once": Movement(
        ("dolly out", "pan left", "crane up", "orbit right"), pace=1.6, is_handheld=True
    ),
}
each_movement = pytest.mark.parametrize("movement", MOVEMENTS.values(), ids=MOVEMENTS.keys())


def grid(framing, aspect, n=21):
    """Source points of an n × n grid over the frame, in half frames: s, t."""
    u, v = np.meshgrid(np.linspace(-1, 1, n), np.linspace(-1, 1, n))
    return source_points(framing, aspect, u, v)


def corner_track(movement, aspect, seed, frames=60):
    """What the camera sees at the frame's corners and middle, over a clip: frames × 10."""
    u, v = np.array([-1.0, 1.0, 1.0, -1.0, 0.0]), np.array([-1.0, -1.0, 1.0, 1.0, 0.0])
    path = camera_path(movement, SECONDS, aspect, seed)
    times = np.linspace(0, 1, frames).tolist()
    return np.array([np.concatenate(source_points(path(t), aspect, u, v)) for t in times])


def test_camera_at_rest_sees_every_point_where_it_is():
    """The default framing is the whole picture, straight on."""
    u, v = np.meshgrid(np.linspace(-1, 1, 9), np.linspace(-1, 1, 9))
    s, t = source_points(Framing(), WIDE, u, v)
    assert np.array_equal(s, u)
    assert np.array_equal(t, v)


@each_movement
@pytest.mark.parametrize("aspect", [WIDE, TALL, 1.0])
def test_path_starts_and_ends_at_rest_on_the_whole_picture(movement, aspect):
    """The first frame is the picture itself, and speed is nearly 0 at both ends of the clip."""
    for seed in SEEDS:
        track = corner_track(movement, aspect, seed)
        assert camera_path(movement, SECONDS, aspect, seed)(0.0) == Framing()
        speed = np.abs(np.diff(track, axis=0)).max(axis=1)
        assert speed[0] < 0.1 * speed.max()
        assert speed[-1] < 0.1 * speed.max()


@each_movement
@pytest.mark.parametrize("aspect", [WIDE, TALL, 60.0])
def test_camera_never_sees_past_the_picture(movement, aspect):
    """Source points lie within the picture, and none were pushed together to keep them there."""
    for seed in SEEDS:
        path = camera_path(movement, SECONDS, aspect, seed)
        for time in TIMES[::6]:
            s, t = grid(path(time), aspect)
            assert max(np.abs(s).max(), np.abs(t).max()) <= 1.0
            smallest = min(np.diff(s, axis=1).min(), np.diff(t, axis=0).min())
            assert smallest > 0.8 * 2 / 20, (seed, time)


@each_movement
def test_speed_has_no_jumps(movement):
    """From frame to frame, speed changes by a small part of the top speed."""
    for seed in SEEDS:
        track = corner_track(movement, WIDE, seed, frames=120)
        speed = np.diff(track, axis=0)
        assert np.abs(np.diff(speed, axis=0)).max() < 0.25 * np.abs(speed).max()


def test_whole_move_is_small_however_long_the_clip():
    """The distance that fifteen chunks repeat is bounded, even at one frame a second."""
    for move, travel in TRAVEL.items():
        for seed in SEEDS:
            end = camera_path(Movement((move,), pace=1.6), 1000.0, WIDE, seed)(1.0)
            assert abs(end.x) + abs(end.y) < LARGEST_TRAVEL * 0.033
            assert end.push < 0.075
            assert abs(end.recede) <= LARGEST_TRAVEL * abs(travel.recede)


def test_pace_scales_the_way():
    """A slow move goes less far than a normal one, and a fast one farther, for the same seed."""
    slow, normal, fast = (
        camera_path(Movement(("dolly in",), pace), SECONDS, WIDE, 3)(1.0).push
        for pace in (0.6, 1.0, 1.6)
    )
    assert slow == pytest.approx(0.6 * normal, rel=0.05)
    assert fast == pytest.approx(1.6 * normal, rel=0.05)


def test_whip_is_over_within_its_time():
    """A whip rests, moves within `WHIP_SECONDS`, and rests again."""
    seconds = 5.0
    path = camera_path(Movement(("pan right",), is_whip=True), seconds, WIDE, 1)
    x = np.array([path(time).x for time in np.linspace(0, 1, 1001).tolist()])
    moving = np.flatnonzero(np.diff(x) > 0)
    assert x[0] == 0.0
    assert x[-1] > 0.03
    assert (moving[-1] - moving[0]) / 1000 * seconds <= WHIP_SECONDS
    assert 0.2 < moving[0] / 1000 < moving[-1] / 1000 < 0.8


def test_handheld_camera_comes_back():
    """A handheld camera ends on the whole picture, so that chunks do not drift."""
    path = camera_path(Movement(is_handheld=True), SECONDS, WIDE, 5)
    assert path(1.0) == Framing()
    assert path(0.5) != Framing()


def test_static_camera_stays():
    """A movement without moves never leaves the whole picture, whatever the seed."""
    assert Movement().is_static
    assert {camera_path(Movement(), SECONDS, WIDE, seed)(0.7) for seed in SEEDS} == {Framing()}


@each_movement
def test_seed_varies_the_take_mildly(movement):
    """Seeds, even negative and huge ones, give paths that differ by less than 4 % of a frame."""
    seeds = [0, 1, -1, 2**70 + 1, 2**63]
    tracks = [corner_track(movement, WIDE, seed) for seed in seeds]
    for index, track in enumerate(tracks):
        assert np.array_equal(track, corner_track(movement, WIDE, seeds[index]))
        for other in tracks[:index]:
            assert 0.0005 < np.abs(track - other).max() < 0.08  # half frames


def test_eased_runs_from_nothing_to_all():
    """It is 0 at 0 and before, 1 at 1 and after, a half at a half, and never goes back."""
    values = [eased(time) for time in TIMES]
    assert [eased(-1.0), eased(0.0), eased(0.5), eased(1.0), eased(2.0)] == [0, 0, 0.5, 1, 1]
    assert (np.diff(values) > 0).all()
    # Constant speed between the ramps, 1 / (1 - RAMP) of the mean.
    assert np.diff(values)[20:40] == pytest.approx(1 / 60 / 0.8)
