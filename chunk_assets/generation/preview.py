"""The preview generator: a virtual camera over the conditioning image; free, local, repeatable."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from chunk_assets.generation.base import (
    Abilities,
    GeneratedClip,
    GenerationRequest,
    Generator,
    ProgressCallback,
    conditioning_image,
    end_image,
    ignore_progress,
)
from chunk_assets.generation.camera import Framing, camera_path, eased, source_points
from chunk_assets.generation.camera_words import describe, movement_of
from chunk_assets.generation.stopping import NEVER, StopSignal
from chunk_assets.media.clips import ClipFormat, ClipWriter

RENDER_THREADS = 2
LOOK_AHEAD = 3  # frames rendered ahead of the encoder; bounds the memory
OVERSAMPLING = 2
MESH = 20  # cells per side

DISSOLVE_SECONDS = 0.75
"""How long a clip dissolves into its end picture, but at most half of the clip: the camera is
slowing down then, and most of the clip shows one picture."""


class PreviewGenerator(Generator):
    """Shows the conditioning image through a moving camera, without cost or network.

    A clip with an end picture dissolves into it, and ends on exactly that picture.

    The same request and seed give the same bytes on the same machine. The seed varies how far the
    camera moves, its drift and its handheld shake; a static camera ignores it.
    """

    name = "preview"
    runs_here = True

    @property
    def model(self) -> str:
        """The version, raised with every change that alters the pictures."""
        return "preview/1"

    @property
    def abilities(self) -> Abilities:
        """An end picture, and seeds that have an effect."""
        return Abilities(end_image=True, seeds=True)

    def generate(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback = ignore_progress,
        stop: StopSignal = NEVER,
    ) -> GeneratedClip:
        """Render one clip into `workdir`.

        Raises:
            MediaError: The conditioning image or the end picture cannot be read or has another
                size, or the clip cannot be written.
            SpecError: `ClipFormat` refuses the requested format.
        """
        clip = ClipFormat(request.num_frames, request.fps, request.size, request.keyframes)
        picture, end = conditioning_image(request), end_image(request)
        movement = movement_of(request.camera_movement)
        seconds = float(clip.fps.seconds(clip.num_frames))
        path = camera_path(movement, seconds, picture.width / picture.height, request.seed)
        framings = (path(t) for t in np.linspace(0.0, 1.0, clip.num_frames).tolist())
        views = _views(picture, framings)
        if end is not None:
            views = _dissolved(views, np.asarray(end), clip)
        target = workdir / f"chunk_{request.chunk_num:02d}_preview.mp4"
        with ClipWriter(target, clip) as writer:
            for frame, rgb in enumerate(views):
                stop.raise_if_set()
                on_progress(frame / clip.num_frames)
                writer.write(rgb)
        on_progress(1.0)
        return GeneratedClip(target, is_normalised=True, details={"movement": describe(movement)})


def _views(picture: Image.Image, framings: Iterable[Framing]) -> Iterator[np.ndarray]:
    # Pillow releases the GIL while it resamples: two threads keep two cores busy.
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


def _dissolved(
    views: Iterable[np.ndarray], end: np.ndarray, clip: ClipFormat
) -> Iterator[np.ndarray]:
    """Yield a clip's views, the last of them dissolving into the end picture."""
    frames = min(clip.fps.frames_in(DISSOLVE_SECONDS), clip.num_frames // 2)
    first = clip.num_frames - frames
    for number, rgb in enumerate(views):
        if number == clip.num_frames - 1:
            yield end
        elif number < first:
            yield rgb
        else:
            share = np.float32(eased((number - first + 1) / frames))
            mixed = rgb + (end.astype(np.float32) - rgb) * share
            yield np.rint(mixed).astype(np.uint8)


def oversampled(picture: Image.Image) -> Image.Image:
    """Return the picture at `OVERSAMPLING` times its size, for `view`."""
    width, height = picture.size
    return picture.resize((OVERSAMPLING * width, OVERSAMPLING * height), Image.Resampling.LANCZOS)


def view(picture: Image.Image, framing: Framing, finer: Image.Image | None = None) -> np.ndarray:
    """Return what the camera sees of a picture, in its size: height × width × 3, uint8.

    Sampling is subpixel, so slow movement does not jitter. Upright framings are resized with a
    Lanczos filter; the others are sampled bilinearly from the oversampled picture, in half the
    time of bicubic sampling and with even sharpness.

    Args:
        picture: In RGB.
        framing: Where the camera is.
        finer: `oversampled(picture)`, if the caller has it.
    """
    width, height = picture.size
    if framing.is_upright:
        s, t = source_points(framing, width / height, np.array([-1, 1]), np.array([-1, 1]))
        left, right = ((s + 1) / 2 * width).tolist()
        top, bottom = ((t + 1) / 2 * height).tolist()
        box = (left, top, right, bottom)
        return np.asarray(picture.resize(picture.size, Image.Resampling.LANCZOS, box))
    # Interpolated between its nodes, the mesh is off by less than 0.2 pixels at 3840×2160.
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
