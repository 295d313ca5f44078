"""Pictures and films to test with, and comparing them with stated tolerances."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
from PIL import Image

from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.clips import ClipFormat, ClipWriter
from chunk_assets.media.ffmpeg import Graph, Process, read, write
from chunk_assets.media.frames import read_frames

PHOTOS = ("coffee", "astronaut", "chelsea", "rocket")  # those in scikit-image's wheel

_BITS = 8


def photo(name: str, size: tuple[int, int]) -> np.ndarray:
    """A real photograph, cropped to cover."""
    image = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
    scale = max(size[0] / image.width, size[1] / image.height)
    image = image.resize((round(image.width * scale + 1), round(image.height * scale + 1)))
    return np.asarray(image.crop((0, 0, *size)))


def take(name: str, count: int, size: tuple[int, int], first: int = 0) -> list[np.ndarray]:
    """A moving photograph whose frames carry their numbers, readable after any encoding."""
    width, height = size
    wide = photo(name, (width + 64, height))
    frames = []
    for number in range(first, first + count):
        shift = 2 * (number % 32)
        frame = wide[:, shift : shift + width].copy()
        cell = width // _BITS
        for bit in range(_BITS):
            frame[: height // 4, bit * cell : (bit + 1) * cell] = 235 * (number >> bit & 1)
        frames.append(frame)
    return frames


def number_of(frame: np.ndarray) -> int:
    """The number that `take` wrote into a frame."""
    height, width = frame.shape[:2]
    cell = width // _BITS
    middles = [
        frame[height // 16 : height // 6, bit * cell + cell // 4 : (bit + 1) * cell - cell // 4]
        for bit in range(_BITS)
    ]
    return sum(int(middle.mean() > 118) << bit for bit, middle in enumerate(middles))


def write_clip(
    path: Path, frames: Sequence[np.ndarray], fps: int = 24, keyframes: tuple[int, ...] = ()
) -> Path:
    """A clip in the film's format."""
    height, width = frames[0].shape[:2]
    with ClipWriter(
        path, ClipFormat(len(frames), FrameRate(fps), (width, height), keyframes)
    ) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def foreign_clip(
    path: Path,
    frames: Sequence[np.ndarray],
    fps: int | str | FrameRate = 24,
    filters: Iterable[tuple[str, dict[str, Any]]] = (),
    **options: Any,
) -> Path:
    """Write a foreign clip, with these filters and output options."""
    height, width = frames[0].shape[:2]
    graph: Graph = read(
        "pipe:0", format="rawvideo", pix_fmt="rgb24", video_size=(width, height), framerate=fps
    )
    for name, arguments in filters:
        graph = graph.filter(name, **arguments)
    with Process(write(graph, path, **options), path, reads_stdin=True) as process:
        for frame in frames:
            process.write(np.ascontiguousarray(frame).data)
        process.wait()
    return path


def film_of(path: Path) -> list[np.ndarray]:
    """All frames of a video."""
    return list(read_frames(path))


def numbers_in(path: Path) -> list[int]:
    """The numbers that a video's frames carry, in the order they are shown."""
    return [number_of(frame) for frame in read_frames(path)]


def mean_error(is_: np.ndarray, expected: np.ndarray) -> float:
    """The mean absolute difference of two pictures, of 255."""
    return float(np.abs(is_.astype(np.float64) - expected).mean())


def bias(is_: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """By how much a picture is brighter than it should be, of 255, for each of R, G and B."""
    return (is_.astype(np.float64) - expected).mean(axis=(0, 1))


def assert_looks_like(
    is_: np.ndarray, expected: np.ndarray, *, error: float, each_bias: float = 1.0, what: str = ""
) -> None:
    """Both pictures are the same but for `error` on the mean and `each_bias` in each channel.

    When they are not, both are saved, and the message says where.
    """
    assert is_.shape == expected.shape, f"{what} is {is_.shape}, expected {expected.shape}"
    measured, off = mean_error(is_, expected), bias(is_, expected)
    if measured > error or np.abs(off).max() > each_bias:
        saved = Path(tempfile.mkdtemp(prefix="pictures-"))
        Image.fromarray(is_).save(saved / "is.png")
        Image.fromarray(expected).save(saved / "expected.png")
        raise AssertionError(
            f"{what} differs by {measured:.2f} (allowed {error}), biased by {off.round(2)} "
            f"(allowed {each_bias}); see {saved}"
        )
