"""The geometry of the preview's virtual camera: its framing and its path.

Coordinates are in half frames: (-1, -1) is the top left corner and (1, 1) the bottom right,
whatever the size. The picture has the same coordinates: at rest, the camera sees all of it.

A chunk's last frame is most of the next chunk's conditioning image, so a path

- begins at rest on the whole picture, so that the cut from the chunk before does not jump;
- ends at rest: it slows down over the last fifth of the clip as it accelerated over the first,
  the frames that two chunks share, so that a cross-fade joins one movement;
- is short, because fifteen chunks add up.

The camera never sees past the picture. To look aside, it moves closer as needed. It cannot
move back from a picture that it already sees whole, so pulling back is drawn by its parallax: the
subject in the middle recedes while the borders stay (`Framing.recede`). Beginning pushed in would
give true framing, but jump at every cut.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, replace

import numpy as np

FULL_TRAVEL_SECONDS = 2.5
"""The length of clip in which a move at normal pace covers its `TRAVEL`: 60 frames at 24 fps."""

LARGEST_TRAVEL = 2.4
"""Limit on how far a clip travels, in multiples of `TRAVEL`, however long and fast it is."""

RAMP = 0.2
"""The fraction of a move spent accelerating, and decelerating: the chunks' overlap."""

WHIP_SECONDS, WHIP_TRAVEL = 0.6, 2.4

DRIFT = 0.004
"""How far a seed moves the aim, in half frames, in addition to the movement."""


@dataclass(frozen=True)
class Movement:
    """A camera movement, made of the moves in `TRAVEL`.

    Attributes:
        moves: Names in `TRAVEL`, made together; none for a camera that stands still.
        pace: How far they go in a given time; 1.0 is normal.
        is_whip: Whether they take `WHIP_SECONDS`, whatever the pace.
        is_handheld: Whether the camera shakes.
    """

    moves: tuple[str, ...] = ()
    pace: float = 1.0
    is_whip: bool = False
    is_handheld: bool = False

    @property
    def is_static(self) -> bool:
        """Whether the picture is perfectly still."""
        return not self.moves and not self.is_handheld


@dataclass(frozen=True)
class Framing:
    """What the camera sees; by default the whole picture, straight on.

    Attributes:
        x: Distance of its aim to the right of the middle, in half frames.
        y: Distance of its aim below the middle, in half frames.
        push: How much closer than the whole picture: 0.03 magnifies by 1.03.
        recede: How much the middle is minified while the borders hold: by 1 + recede.
        yaw: Perspective of a camera that stands left (> 0) or right of the picture's middle and
            looks at it: the near side is 1 + yaw times, the far side 1 - yaw times as large.
        pitch: The same for a camera that stands above (> 0) or below.
        roll: Rotation of the camera about its axis, in radians.
    """

    x: float = 0.0
    y: float = 0.0
    push: float = 0.0
    recede: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0

    @property
    def is_upright(self) -> bool:
        """Whether it sees a rectangle of the picture, undistorted."""
        return self.recede == self.yaw == self.pitch == self.roll == 0.0

    def scaled(self, factor: float) -> "Framing":
        """Return the framing at a fraction of the way from the whole picture."""
        return Framing(*(factor * value for value in astuple(self)))


TRAVEL = {
    "dolly in": Framing(push=0.025),
    "dolly out": Framing(recede=0.055),
    "zoom in": Framing(push=0.025),
    "zoom out": Framing(recede=0.055),
    "pan left": Framing(x=-0.018),
    "pan right": Framing(x=0.018),
    "truck left": Framing(x=-0.018),
    "truck right": Framing(x=0.018),
    "tilt up": Framing(y=-0.024),
    "tilt down": Framing(y=0.024),
    "pedestal up": Framing(y=-0.024),
    "pedestal down": Framing(y=0.024),
    "crane up": Framing(y=-0.02, pitch=0.01),
    "crane down": Framing(y=0.02, pitch=-0.01),
    "orbit left": Framing(yaw=0.022),
    "orbit right": Framing(yaw=-0.022),
}
"""Where each move ends after `FULL_TRAVEL_SECONDS`.

Chosen for fifteen chunks of one picture: each blend of a moved frame with the unmoved animatic
leaves a faint echo, at about 10 pixels of 1024; at twice the distance the frames were smeared.
"""

SHAKE = Framing(x=0.0035, y=0.0045, roll=0.0012)
"""A handheld camera's swing at its lowest frequency; the others swing half and a quarter of it."""

SHAKE_HERTZ = (0.55, 1.15, 1.9)
SHAKE_PUSH = 0.015  # room for all swings together, 1.75 times `SHAKE`, at 16:9 and 9:16
SHAKE_RISE_SECONDS = 0.5


def source_points(
    framing: Framing, aspect: float, u: np.ndarray, v: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the points of the picture that the camera shows at (u, v) of the frame.

    Args:
        framing: The camera's framing.
        aspect: Width of the frame divided by its height.
        u: Points of the frame, in half frames, -1 to 1.
        v: The same, downwards.

    Returns:
        Points of the picture, in half frames, all within [-1, 1].
    """
    closer = _fit(framing, aspect)
    du, dv = _offsets(framing, aspect, u, v)
    s, t = framing.x + closer * du, framing.y + closer * dv
    if framing.recede:
        s = s + framing.recede * np.sin(np.pi * s) / np.pi
        t = t + framing.recede * np.sin(np.pi * t) / np.pi
    return np.clip(s, -1.0, 1.0), np.clip(t, -1.0, 1.0)


def _offsets(
    framing: Framing, aspect: float, u: np.ndarray, v: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    # Central projection of the picture's plane: roll about the axis, scale, perspective.
    cos, sin = math.cos(framing.roll), math.sin(framing.roll)
    rolled_u, rolled_v = u * cos - v * sin / aspect, v * cos + u * sin * aspect
    scale = (1.0 + framing.push) * (1.0 - framing.yaw * u - framing.pitch * v)
    return rolled_u / scale, rolled_v / scale


def _fit(framing: Framing, aspect: float) -> float:
    # The factor, at most 1, by which the view shrinks about its aim to stay within the picture.
    # A projected rectangle is convex, so its corners suffice.
    u, v = np.array([-1.0, 1.0, 1.0, -1.0]), np.array([-1.0, -1.0, 1.0, 1.0])
    ds, dt = _offsets(framing, aspect, u, v)
    room_s = (1.0 - framing.x * np.sign(ds)) / np.abs(ds)
    room_t = (1.0 - framing.y * np.sign(dt)) / np.abs(dt)
    return float(min(1.0, room_s.min(), room_t.min()))


def camera_path(
    movement: Movement, seconds: float, aspect: float, seed: int
) -> Callable[[float], Framing]:
    """Return the camera's path through a clip.

    Args:
        movement: The beat's movement.
        seconds: Duration of the clip.
        aspect: Width of the frame divided by its height.
        seed: Varies the distance, the drift and the handheld shake.

    Returns:
        The framing at a time from 0.0, the first frame, to 1.0, the last. At 0.0, and always for a
        static movement, it is `Framing()`.
    """
    if movement.is_static:
        return lambda _time: Framing()
    random = np.random.default_rng([abs(seed), int(seed < 0)])
    travel = WHIP_TRAVEL if movement.is_whip else movement.pace * seconds / FULL_TRAVEL_SECONDS
    travel = min(travel * random.uniform(0.85, 1.15), LARGEST_TRAVEL)
    drift = Framing(*random.uniform(-DRIFT, DRIFT, 2).tolist())
    moves = [TRAVEL[move].scaled(len(movement.moves) ** -0.5) for move in movement.moves]
    end = _with_room(_sum([*moves, drift] if moves else [Framing()]).scaled(travel), aspect)
    shake = _shake(random) if movement.is_handheld else None

    def framing(time: float) -> Framing:
        part = _whip_part(time, seconds) if movement.is_whip else eased(time)
        if shake is None:
            return end.scaled(part)
        return _sum([end.scaled(part), shake(time * seconds).scaled(_swell(time, seconds))])

    return framing


def eased(time: float, ramp: float = RAMP) -> float:
    """Return the fraction of a move that is done after a fraction of its time.

    Speed rises and falls along half a cosine over `ramp` (at most 0.5) and is constant between;
    this is its integral.
    """
    time = min(max(time, 0.0), 1.0)
    if time > 0.5:
        return 1.0 - eased(1.0 - time, ramp)
    if time < ramp:
        gained = (time - ramp / math.pi * math.sin(math.pi * time / ramp)) / 2
    else:
        gained = time - ramp / 2
    return gained / (1.0 - ramp)


def _whip_part(time: float, seconds: float) -> float:
    length = min(WHIP_SECONDS / seconds, 1.0)
    return eased((time - 0.4 * (1.0 - length)) / length, ramp=0.5)


def _swell(time: float, seconds: float) -> float:
    # 0 at both ends of the clip, so that it begins and ends on the whole picture.
    rise = min(SHAKE_RISE_SECONDS / seconds, 0.5)
    return eased(min(time, 1.0 - time) / rise, ramp=0.5)


def _shake(random: np.random.Generator) -> Callable[[float], Framing]:
    phases = random.uniform(0.0, 2 * math.pi, (len(SHAKE_HERTZ), 3))
    hertz = np.array(SHAKE_HERTZ) * random.uniform(0.9, 1.1, len(SHAKE_HERTZ))
    weights = 0.5 ** np.arange(len(SHAKE_HERTZ))

    def shake(second: float) -> Framing:
        swings = np.sin(2 * math.pi * hertz[:, None] * second + phases)
        x, y, roll = (weights @ swings).tolist()
        return Framing(SHAKE.x * x, SHAKE.y * y, push=SHAKE_PUSH, roll=SHAKE.roll * roll)

    return shake


def _with_room(end: Framing, aspect: float) -> Framing:
    # Coming closer is part of the path, so that it changes as smoothly as the rest.
    return replace(end, push=(1.0 + end.push) / _fit(end, aspect) - 1.0)


def _sum(framings: Iterable[Framing]) -> Framing:
    return Framing(*(float(sum(values)) for values in zip(*map(astuple, framings), strict=True)))
