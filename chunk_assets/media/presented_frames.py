"""Decode a video for display at another size and rate."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import repeat
from math import floor
from pathlib import Path

import av
import numpy as np

from chunk_assets.media.containers import open_video
from chunk_assets.media.frames import ROUNDING, VideoInfo
from chunk_assets.media.mp4 import declared
from chunk_assets.media.rgb import RgbConverter

_HALF = Fraction(1, 2)


def can_convert_with_ffmpeg(source: Path, info: VideoInfo) -> bool:
    """Whether an FFmpeg graph converts `source`, which is `info`, to the pictures of this module.

    Most clips pass; a graph takes half the time.

    Raises:
        MediaError: The file cannot be read.
    """
    return (
        info.codec in ("h264", "hevc")
        and info.container.startswith("mov,")
        and info.presentation is not None
        and info.presentation.is_plain
        and not declared(source).has_aperture
        and _keyframes_are_alike(source, info)
    )


def _keyframes_are_alike(source: Path, info: VideoInfo) -> bool:
    """Only keyframes can change the size or colours of pictures in H.264 and HEVC."""
    with open_video(source) as video:
        video.stream.codec_context.skip_frame = "NONKEY"
        return all(video.presentation(frame) == info.presentation for frame in video.frames())


def pictures(
    source: Path,
    size: tuple[int, int],
    num_frames: int,
    fps: Fraction,
    used: Fraction | None = None,
    stretched: Fraction | None = None,
) -> Iterator[np.ndarray]:
    """Yield `num_frames` pictures of a video for display, each of `size`.

    Args:
        source: The video.
        size: Width and height; pictures are scaled and cropped to cover it.
        num_frames: How many; a video that is too short holds its last picture.
        fps: Pictures per second.
        used: How many seconds of the source to use; None for all.
        stretched: The length of that part in seconds, if it is to fill all pictures.

    Raises:
        MediaError: The video cannot be read, or no frame of it can be decoded.
    """
    convert = RgbConverter(cover=size)
    if stretched is not None:
        fps = num_frames / stretched
    with open_video(source) as video:
        intact = (frame for frame in video.frames() if not frame.is_corrupt)
        for frame, count in _by_time(intact, num_frames, fps, used):
            yield from repeat(convert(frame, video.presentation(frame)), count)


def _by_time(
    frames: Iterable[av.VideoFrame], num_frames: int, fps: Fraction, used: Fraction | None
) -> Iterator[tuple[av.VideoFrame, int]]:
    """Yield the frames to show at another rate, and how many times each is repeated.

    Picture k shows the video at the middle of that picture, `(k + 1/2) / fps` seconds.
    """
    begin: Fraction | None = None
    shown: av.VideoFrame | None = None
    done = 0
    for frame in frames:
        if frame.pts is None or frame.time_base is None:
            continue
        moment = frame.pts * frame.time_base
        begin = moment if begin is None else begin
        if used is not None and shown is not None and moment - begin >= used - ROUNDING:
            break
        first = min(floor((moment - begin) * fps + _HALF), num_frames)
        if shown is not None and first > done:
            yield shown, first - done
            done = first
        if done == num_frames:
            return
        shown = frame
    if shown is not None:
        yield shown, num_frames - done
