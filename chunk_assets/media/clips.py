"""Write and check clips in the format that films are stitched from."""

from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from chunk_assets.errors import MediaError, SpecError
from chunk_assets.files.atomic import atomic_write
from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.colour import BT601, BT709
from chunk_assets.media.encoding import (
    CRF_TO_SEE,
    CRF_TO_USE,
    cover_size,
    encoder_options,
    from_bt601,
    to_bt709,
)
from chunk_assets.media.ffmpeg import Graph, Process, read_raw, read_stream, run, write
from chunk_assets.media.frames import ROUNDING, VideoInfo, probe
from chunk_assets.media.presented_frames import can_convert_with_ffmpeg, pictures
from chunk_assets.media.retiming import frames_filled, retime

NICENESS = 5
"""Niceness of encoders that the chain does not wait for, so that the chain's own work (the last
frame, the next composite) runs first, even if clips of several scenes arrive at once."""


@dataclass(frozen=True)
class ClipFormat:
    """A clip's length, rate, size and keyframes. All clips share `encoder_options`.

    Attributes:
        num_frames: The number of frames, 1 or more.
        fps: Frames per second, at most 240.
        size: Width and height in pixels, each even, 16 to 8192.
        keyframes: Frames at which the clip can be cut without encoding, in any order; frame 0
            always is one.

    Raises:
        SpecError: A value is out of range.
    """

    num_frames: int
    fps: FrameRate
    size: tuple[int, int]
    keyframes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check the values, and sort the keyframes."""
        if self.num_frames < 1:
            raise SpecError(f"a clip has {self.num_frames!r} frames: expected 1 or more")
        if self.fps > 240:
            raise SpecError(f"fps is {self.fps}: expected 1 to 240")
        if len(self.size) != 2 or any(side % 2 or not 16 <= side <= 8192 for side in self.size):
            raise SpecError(f"the frame size is {self.size!r}: expected even, 16 to 8192")
        keyframes = tuple(sorted(set(self.keyframes)))
        if any(not 0 <= frame < self.num_frames for frame in keyframes):
            allowed = f"expected 0 to {self.num_frames - 1}"
            raise SpecError(f"a clip's keyframes are {keyframes!r}: {allowed}")
        object.__setattr__(self, "keyframes", keyframes)


def check(path: Path, clip: ClipFormat, name: Path | None = None) -> VideoInfo:
    """Measure the video at `path`, and check that it has the format `clip`.

    Args:
        path: The file.
        clip: The expected format.
        name: The path that errors name, if it is not `path`.

    Raises:
        MediaError: The format differs, or the file cannot be read.
    """
    info = probe(path)
    expected: dict[str, object] = {
        "frames": clip.num_frames,
        "fps": clip.fps,
        "has_constant_rate": True,
        "duration": clip.fps.seconds(clip.num_frames),
        "width": clip.size[0],
        "height": clip.size[1],
        "codec": "h264",
        "pix_fmt": "yuv420p",
        "color_space": "bt709",
        "color_primaries": "bt709",
        "color_trc": "bt709",
        "color_range": "tv",
    }
    shown = str(name or path)
    for what, allowed in expected.items():
        if (measured := getattr(info, what)) != allowed:
            message = f"{shown!r} has {what} = {measured}: expected {allowed}"
            raise MediaError(message, path=shown, measured=measured, allowed=allowed)
    if missing := set(clip.keyframes) - set(info.keyframes):
        message = f"{shown!r} has no keyframe at {sorted(missing)!r}"
        raise MediaError(message, path=shown, measured=info.keyframes, allowed=clip.keyframes)
    return info


def writer_graph(path: Path, clip: ClipFormat, crf: int = CRF_TO_USE) -> Graph:
    """Return the graph that encodes raw RGB frames from standard input to `path`."""
    frames = to_bt709(read_raw(clip.size, clip.fps))
    return write(frames, path, **encoder_options(clip.fps, clip.keyframes, crf))


class ClipWriter:
    """Write a clip frame by frame, in a separate process.

    The clip appears at `path` when the `with` block ends without an error. The default quality is
    high enough for frames to be reused: the next chunk starts from a preview's last frame, and some
    hosted models take a clip that shows the composite.

    Args:
        path: The file to write.
        clip: Its format.
        crf: x264's quality.
    """

    def __init__(self, path: Path | str, clip: ClipFormat, crf: int = CRF_TO_USE):
        self.path = Path(path)
        self.format = clip
        self.crf = crf
        self.frames_written = 0

    def __enter__(self) -> Self:
        """Start the encoder.

        Raises:
            MediaError: The directory does not exist.
            FFmpegError: FFmpeg cannot be started.
        """
        with ExitStack() as stack:
            self._part = stack.enter_context(atomic_write(self.path, MediaError))
            graph = writer_graph(self._part, self.format, self.crf)
            self._process = stack.enter_context(Process(graph, self.path, reads_stdin=True))
            self._open = stack.pop_all()
        return self

    def write(self, rgb: np.ndarray) -> None:
        """Add one frame.

        Args:
            rgb: Height × width × 3, uint8.

        Raises:
            MediaError: The array has the wrong shape or type, or the clip already has all frames.
            FFmpegError: Encoding failed.
        """
        width, height = self.format.size
        if rgb.shape != (height, width, 3) or rgb.dtype != np.uint8:
            is_, allowed = f"{rgb.dtype} {rgb.shape!r}", f"uint8 {(height, width, 3)!r}"
            raise MediaError(f"frame {self.frames_written} is {is_}: expected {allowed}")
        if self.frames_written == self.format.num_frames:
            has = f"has all its {self.format.num_frames} frames"
            raise MediaError(f"{str(self.path)!r} {has}: one more was written", path=str(self.path))
        self._process.write(np.ascontiguousarray(rgb).data)
        self.frames_written += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the clip and move it to `path`; after an error, remove it.

        Raises:
            MediaError: Frames are missing.
            FFmpegError: Encoding failed.
        """
        if error is not None:
            self._open.__exit__(kind, error, trace)
            return
        with self._open:
            if self.frames_written != self.format.num_frames:
                count = f"{self.frames_written} of {self.format.num_frames} frames"
                raise MediaError(f"{str(self.path)!r} got {count}", path=str(self.path))
            self._process.wait()
            check(self._part, self.format, self.path)


@dataclass(frozen=True)
class Normalised:
    """The result of `normalise`.

    Attributes:
        info: The normalised clip.
        source: The clip before.
        held_frames: How many frames at the end repeat the last picture, since the source was too
            short.
    """

    info: VideoInfo
    source: VideoInfo
    held_frames: int


def normalise(
    source: Path,
    target: Path,
    clip: ClipFormat,
    used: Fraction | None = None,
    *,
    is_stretched: bool = False,
) -> Normalised:
    """Convert a model's clip to a film's format.

    Frames are chosen by time (`media.retiming`). The picture is scaled and cropped to cover the
    size, without distortion, and sound is dropped. A clip that is too long loses its end; one that
    is too short holds its last picture.

    Args:
        source: The model's clip.
        target: The file to write, atomically.
        clip: The format to convert to.
        used: How many seconds of the source to use; None for all that the format takes.
        is_stretched: Whether the clip plays slower or faster instead, so that it ends where the
            used part does.

    Raises:
        SpecError: `used` is not above 0.
        MediaError: The source cannot be read.
        FFmpegError: The conversion failed.
    """
    if used is not None and used <= 0:
        raise SpecError(f"{used} seconds of the clip would be used: expected more than 0")
    info = probe(source)
    length = info.duration if used is None else min(used, info.duration)
    stretched = length if is_stretched else None
    if can_convert_with_ffmpeg(source, info):
        with atomic_write(target, MediaError) as part:
            graph = normaliser_graph(source, part, info, clip, used, stretched)
            run(graph, target, niceness=NICENESS)
            result = check(part, clip, target)
    else:
        with ClipWriter(target, clip, CRF_TO_SEE) as writer:
            form = (clip.size, clip.num_frames, clip.fps)
            for picture in pictures(source, *form, used, stretched):
                writer.write(picture)
        result = check(target, clip)
    held = 0 if is_stretched else clip.num_frames - frames_filled(length, clip.fps)
    return Normalised(result, info, max(0, held))


def normaliser_graph(
    source: Path,
    target: Path,
    info: VideoInfo,
    clip: ClipFormat,
    used: Fraction | None,
    stretched: Fraction | None = None,
) -> Graph:
    """Return the graph that converts `source`, measured as `info`, to a clip at `target`.

    Only for sources that pass `can_convert_with_ffmpeg`.
    """
    assert info.presentation is not None  # noqa: S101 - `probe` has measured it
    width, height = cover_size((info.width, info.height), clip.size)
    frames = read_stream(source, info.stream).filter("setpts", "PTS-STARTPTS")
    if used is not None:
        frames = frames.filter("trim", end=f"{max(float(used - ROUNDING), 1e-6):.6f}")
    frames = retime(frames, clip.num_frames, clip.fps, stretched)
    colour = info.presentation.reading
    if colour == BT601:
        frames, colour = from_bt601(frames), BT709
    frames = to_bt709(frames, crop=clip.size, w=width, h=height, **colour)
    return write(frames, target, **encoder_options(clip.fps, clip.keyframes))
