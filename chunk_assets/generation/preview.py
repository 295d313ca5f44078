"""The preview generator: a virtual camera over the conditioning image; free, local, repeatable.

What a beat's `camera_movement` may say. Case, hyphens, word order and inflection do not matter,
and movements combine, one of a kind ("slow push in, crane up, handheld"):

==================================  ================  ===========================================
words                               direction         what the frame does
==================================  ================  ===========================================
dolly, push, move                   **in**, out       comes closer; *out*: the middle recedes
pull                                in, **out**       the same (`camera` says why)
zoom                                **in**, out       the same: a flat picture has no parallax
pan, dolly, truck, track, move      left, **right**   the picture slides the other way
pan, tilt, pedestal, boom, move     **up**, down      the picture slides the other way
crane, jib                          **up**, down      the same, with the perspective of the height
orbit, arc, circle                  left, **right**   the side it goes to comes nearer
handheld, shaky                                       sways about the picture
static, locked off, still, fixed,                     holds perfectly still
tripod, hold, none, "no movement"
nothing, or anything else                             a slow dolly in
==================================  ================  ===========================================

In bold: the direction where none is said (*move* needs one; *pan* alone goes right). In, forward,
closer and towards are one direction; out, back and away another; clockwise (from above) is left.

Slow, gentle, subtle and slight moves go 0.6 times as far in the same time; fast, quick and rapid
ones 1.6 times; whip, swish, snap and crash 2.4 times, within 0.6 seconds and at rest around them.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from chunk_assets.errors import MediaError
from chunk_assets.generation.base import (
    GeneratedClip,
    GenerationRequest,
    Generator,
    ProgressCallback,
    ignore_progress,
)
from chunk_assets.generation.camera import Framing, Movement, camera_path, source_points
from chunk_assets.generation.stopping import NEVER, StopSignal
from chunk_assets.media.clips import ClipFormat, ClipWriter
from chunk_assets.media.images import open_picture

RENDER_THREADS = 2
LOOK_AHEAD = 3  # frames; what is rendered ahead of the encoder bounds the memory
OVERSAMPLING = 2
MESH = 20  # cells a side

SLOW, FAST = 0.6, 1.6
DEFAULT = Movement(("dolly in",), SLOW)

_DEPTH = {"in": "dolly in", "out": "dolly out"}
_SIDE = {"left": "truck left", "right": "truck right"}
_HEIGHT = {"up": "pedestal up", "down": "pedestal down"}
_PAN = {"right": "pan right", "left": "pan left", "up": "tilt up", "down": "tilt down"}
_ORBIT = {"left": "orbit left", "right": "orbit right"}

# Word → the moves it can mean by direction, and the direction it has where none is said.
_MOVES: dict[str, tuple[dict[str, str], str | None]] = {
    r"doll(y|ies|ying|ied)|push(es|ing)?": (_DEPTH | _SIDE, "in"),
    r"pull(s|ing)?": (_DEPTH, "out"),
    r"zoom(s|ing)?": ({"in": "zoom in", "out": "zoom out"}, "in"),
    r"pan(s|ning)?": (_PAN, "right"),
    r"tilt(s|ing)?": ({"up": "tilt up", "down": "tilt down"}, "up"),
    r"truck(s|ing)?|track(s|ing)?": (_SIDE | _DEPTH, "right"),
    r"ped(estals?)?|booms?": (_HEIGHT, "up"),
    r"crane(s|d)?|craning|jibs?": ({"up": "crane up", "down": "crane down"}, "up"),
    r"orbit(s|ing)?|arc(s|ing)?|circl(es?|ing)": (_ORBIT, "right"),
    r"mov(es?|ing)": (_DEPTH | _SIDE | _HEIGHT, None),
}
_DIRECTIONS = {
    "in": r"in|into|inwards?|forwards?|closer|towards?",
    "out": r"out|outwards?|back|backwards?|away|reverse",
    "left": r"left|leftwards?|clockwise",
    "right": r"right|rightwards?|counterclockwise|anticlockwise",
    "up": r"up|upwards?|top",
    "down": r"down|downwards?|bottom",
}
# "dolly in and zoom out" is a trick shot that a flat picture cannot show: the first of a kind wins.
_KINDS = {"dolly": 0, "zoom": 0, "pan": 1, "truck": 1, "tilt": 2, "pedestal": 2, "crane": 2}

_HANDHELD = re.compile(r"\b(handheld|hand held|shak(y|es|ing))\b")
_NOT = r"\b(?:no|not|without|never)\b[^,.;]*?"
_STATIC = re.compile(
    rf"\b(static|lock(ed)?|still|fixed|tripod|stationary|hold(s|ing)?|none)\b|{_NOT}\bmo(v|tion)"
)
_SLOW = re.compile(r"\b(slow|gentl|subtl|slight)\w*")
_FAST = re.compile(r"\b(fast|quick|rapid)\w*")
_WHIP = re.compile(r"\b(whip|swish|snap|crash)\w*")
_NOT_SO = re.compile(rf"{_NOT}(?=\bbut\b|\bthen\b|[,.;]|$)")
_FROM_TO = re.compile(r"\b(?:from )?(?:the )?(?:left|right|top|bottom|up|down) to (?:the )?(?=\w)")


def movement_of(text: str | None) -> Movement:
    """Read a camera movement from a person's words, as the table above has it."""
    words = re.sub(r"[-_\s]+", " ", text or "").lower().replace("counter clock", "counterclock")
    stays = _STATIC.search(words)
    words = _FROM_TO.sub("", _NOT_SO.sub(" ", words))
    moves = _moves_of(re.findall(r"[a-z]+", words))
    is_handheld = bool(_HANDHELD.search(words))
    if not moves and not is_handheld:
        return Movement() if stays else DEFAULT
    pace = SLOW if _SLOW.search(words) else FAST if _FAST.search(words) else 1.0
    return Movement(moves, pace, is_whip=bool(_WHIP.search(words)), is_handheld=is_handheld)


def _moves_of(words: list[str]) -> tuple[str, ...]:
    verbs = [
        (index, choices, default)
        for index, word in enumerate(words)
        for pattern, (choices, default) in _MOVES.items()
        if re.fullmatch(pattern, word) and words[index + 1 : index + 2] != ["focus"]
    ]
    starts = [-1, *(index for index, *_ in verbs), len(words)]
    moves: dict[int, str] = {}
    for (at, choices, default), before, after in zip(verbs, starts, starts[2:], strict=False):
        # "pan slowly left" as well as "a slow left pan", but what follows the verb counts first.
        near = [*words[at + 1 : after], *reversed(words[before + 1 : at])]
        said = (d for word in near for d in choices if re.fullmatch(_DIRECTIONS[d], word))
        direction = next(said, default)
        if direction:
            move = choices[direction]
            moves.setdefault(_KINDS.get(move.split()[0], 3), move)
    return tuple(moves.values())


def describe(movement: Movement) -> str:
    """Name a movement in the words that `movement_of` reads."""
    if movement.is_static:
        return "static"
    pace = "whip " if movement.is_whip else {SLOW: "slow ", FAST: "fast "}.get(movement.pace, "")
    return pace + ", ".join([*movement.moves, *(["handheld"] if movement.is_handheld else [])])


class PreviewGenerator(Generator):
    """Shows the conditioning image through a moving camera; costs nothing, needs no network.

    The same request and seed give the same bytes on the same machine. A seed varies how far the
    camera goes, where it drifts and how a hand shakes, except where it is static.
    """

    name = "preview"

    @property
    def model(self) -> str:
        """Its version goes up with every change that makes other pictures."""
        return "preview/1"

    def generate(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback = ignore_progress,
        stop: StopSignal = NEVER,
    ) -> GeneratedClip:
        """Render one clip into `workdir`.

        Raises:
            MediaError: The conditioning image cannot be read or is not of the asked size, or the
                clip cannot be written.
            SpecError: The asked format is not a clip's (`ClipFormat`).
        """
        clip = ClipFormat(request.num_frames, request.fps, request.size, request.keyframes)
        picture = _conditioning_picture(request)
        movement = movement_of(request.camera_movement)
        seconds = float(clip.fps.seconds(clip.num_frames))
        path = camera_path(movement, seconds, picture.width / picture.height, request.seed)
        framings = (path(t) for t in np.linspace(0.0, 1.0, clip.num_frames).tolist())
        target = workdir / f"chunk_{request.chunk_num:02d}_preview.mp4"
        with ClipWriter(target, clip) as writer:
            for frame, rgb in enumerate(_views(picture, framings)):
                stop.raise_if_set()
                on_progress(frame / clip.num_frames)
                writer.write(rgb)
        on_progress(1.0)
        return GeneratedClip(target, is_normalised=True, details={"movement": describe(movement)})


def _conditioning_picture(request: GenerationRequest) -> Image.Image:
    path = str(request.conditioning_image)
    picture = open_picture(path)
    if picture.size != tuple(request.size):
        is_, allowed = f"{picture.size!r}", f"the clip's size {request.size!r}"
        message = f"the conditioning image {path!r} has the size {is_}: allowed is {allowed}"
        raise MediaError(message, path=path)
    return picture


def _views(picture: Image.Image, framings: Iterable[Framing]) -> Iterator[np.ndarray]:
    # Pillow lets go of the interpreter's lock while it samples: two threads keep two cores busy.
    finer = None
    pending: deque[tuple[Framing, Future[np.ndarray]]] = deque()
    with ThreadPoolExecutor(RENDER_THREADS) as pool:
        for framing in framings:
            if finer is None and not framing.is_upright:
                finer = oversampled(picture)
            is_still = bool(pending) and pending[-1][0] == framing
            future = pending[-1][1] if is_still else pool.submit(view, picture, framing, finer)
            pending.append((framing, future))
            if len(pending) > LOOK_AHEAD:
                yield pending.popleft()[1].result()
        while pending:
            yield pending.popleft()[1].result()


def oversampled(picture: Image.Image) -> Image.Image:
    """Return the picture at `OVERSAMPLING` times its size, for `view`."""
    width, height = picture.size
    return picture.resize((OVERSAMPLING * width, OVERSAMPLING * height), Image.Resampling.LANCZOS)


def view(picture: Image.Image, framing: Framing, finer: Image.Image | None = None) -> np.ndarray:
    """Return what the camera sees of a picture, in its size: height × width × 3, uint8.

    It is sampled between pixels, so that slow movement does not jitter. Upright framings are
    resized with a Lanczos filter. The others are taken bilinearly from the oversampled picture:
    half the time of bicubic, and as sharp wherever between two pixels a sample falls.

    Args:
        picture: In RGB.
        framing: Where the camera is.
        finer: `oversampled(picture)`, where it is at hand.
    """
    width, height = picture.size
    if framing.is_upright:
        s, t = source_points(framing, width / height, np.array([-1, 1]), np.array([-1, 1]))
        left, right = ((s + 1) / 2 * width).tolist()
        top, bottom = ((t + 1) / 2 * height).tolist()
        box = (left, top, right, bottom)
        return np.asarray(picture.resize(picture.size, Image.Resampling.LANCZOS, box))
    # Bilinear between its nodes, the mesh is less than a fifth of a pixel off at 3840×2160.
    finer = finer or oversampled(picture)
    columns, rows = (np.linspace(0, side, MESH + 1).round().astype(int) for side in picture.size)
    u, v = np.meshgrid(columns * 2 / width - 1, rows * 2 / height - 1)
    s, t = source_points(framing, width / height, u, v)
    nodes = np.stack([(s + 1) / 2 * finer.width, (t + 1) / 2 * finer.height], axis=-1)
    corners = nodes[:-1, :-1], nodes[1:, :-1], nodes[1:, 1:], nodes[:-1, 1:]
    quads = np.concatenate(corners, axis=-1).tolist()
    mesh = [
        ((left, top, right, bottom), quads[j][i])
        for j, (top, bottom) in enumerate(pairwise(rows.tolist()))
        for i, (left, right) in enumerate(pairwise(columns.tolist()))
    ]
    seen = finer.transform(picture.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)
    return np.asarray(seen)
