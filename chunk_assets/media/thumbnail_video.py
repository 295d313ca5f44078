"""Make videos small enough to embed in a page."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from chunk_assets.errors import MediaError
from chunk_assets.files.atomic import atomic_write
from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.encoding import to_bt709
from chunk_assets.media.ffmpeg import Graph, Process, read_raw, read_stream, run, write
from chunk_assets.media.frames import VideoInfo, probe
from chunk_assets.media.presented_frames import can_convert_with_ffmpeg, pictures

_CRF = 27
"""Drawings of 640x360 then take 110 kbit/s, footage 500 to 900; a phone shows no difference."""

_BITS_PER_PIXEL = 0.03
"""Below this, H.264 shows blocks: fewer and smaller pictures look better."""

_LOW_FPS = FrameRate(12)
"""The rate to which a long film is reduced before its pictures are made smaller: that of drawn
animation."""

_SMALLEST_SIDE = 64
_TICKS = 90_000  # per second, in the track's time base: a multiple of common rates


@dataclass(frozen=True)
class Reduction:
    """The limits of a thumbnail video.

    Attributes:
        side: Pixels of its longer side; videos are never enlarged.
        fps: Frames per second. Every n-th frame is kept, so that frames are evenly spaced.
        max_bytes: The size of the file.
    """

    side: int
    fps: FrameRate
    max_bytes: int


@dataclass(frozen=True)
class ThumbnailFormat:
    """The format of a thumbnail video; `bits` is its peak bit rate per second."""

    size: tuple[int, int]
    fps: Fraction
    bits: int


def write_thumbnail_video(source: Path, target: Path, reduction: Reduction) -> None:
    """Write a small MP4 (H.264, yuv420p, bt709, no sound) that browsers play and seek in.

    A video too long for `max_bytes` gets fewer frames per second, then smaller pictures.

    Raises:
        MediaError: The source cannot be read, or exceeds the limit even with the smallest pictures.
        FFmpegError: Encoding failed.
    """
    info = probe(source)
    is_as_coded = can_convert_with_ffmpeg(source, info)
    with atomic_write(target, MediaError) as part:
        while True:
            chosen = fit_within(info, reduction)
            if is_as_coded:
                run(reducer_graph(source, part, info, chosen), target)
            else:
                _write_shown(source, part, info, chosen)
            measured = part.stat().st_size
            if measured <= reduction.max_bytes:
                return
            # Noise can exceed the bit rate even at the encoder's lowest quality.
            if max(chosen.size) <= _SMALLEST_SIDE:
                message = f"{str(source)!r} takes {measured} bytes even with the smallest pictures"
                allowed = reduction.max_bytes
                raise MediaError(f"{message}: the limit is {allowed}", path=str(source))
            side = max(_SMALLEST_SIDE, max(chosen.size) // 2)
            reduction = replace(reduction, side=side, fps=min(reduction.fps, _LOW_FPS))


def fit_within(info: VideoInfo, reduction: Reduction) -> ThumbnailFormat:
    """Return the size and rate that look best within the byte limit."""
    # One second more for the rate buffer, which may be full; 5 % for the container.
    bits = int(reduction.max_bytes * 8 * 0.95 / (float(info.duration) + 1))
    pixels = bits / _BITS_PER_PIXEL
    fps = _every_nth(info.fps, reduction.fps)
    size = _within((info.width, info.height), reduction.side)
    if math.prod(size) * fps > pixels:
        fps = _every_nth(info.fps, min(reduction.fps, _LOW_FPS))
    if (all_pixels := math.prod(size) * float(fps)) > pixels:
        side = max(_SMALLEST_SIDE, int(max(size) * math.sqrt(pixels / all_pixels)))
        size = _within((info.width, info.height), side)
    return ThumbnailFormat(size, fps, max(bits, 1000))


def reducer_graph(source: Path, target: Path, info: VideoInfo, chosen: ThumbnailFormat) -> Graph:
    """Return the graph that converts `source`, measured as `info`, to `chosen`.

    Only for sources that pass `can_convert_with_ffmpeg`.
    """
    assert info.presentation is not None  # noqa: S101 - `probe` has measured it
    frames = read_stream(source, info.stream).filter("setpts", "PTS-STARTPTS")
    frames = frames.filter("fps", _rate(chosen))
    width, height = chosen.size
    frames = to_bt709(frames, crop=None, w=width, h=height, **info.presentation.reading)
    return write(frames, target, **_encoder_options(chosen))


def _write_shown(source: Path, target: Path, info: VideoInfo, chosen: ThumbnailFormat) -> None:
    """Write a thumbnail video of a source that needs its pictures converted one by one."""
    frames = to_bt709(read_raw(chosen.size, _rate(chosen)))
    graph = write(frames, target, **_encoder_options(chosen))
    count = max(1, round(info.duration * chosen.fps))
    with Process(graph, target, reads_stdin=True) as process:
        for picture in pictures(source, chosen.size, count, chosen.fps):
            process.write(picture.data)
        process.wait()


def _rate(chosen: ThumbnailFormat) -> str:
    return f"{chosen.fps.numerator}/{chosen.fps.denominator}"


def _encoder_options(chosen: ThumbnailFormat) -> dict[str, Any]:
    return {
        "format": "mp4",
        "an": None,
        "c:v": "libx264",
        "preset": "veryfast",
        "profile:v": "main",
        "crf": _CRF,
        "maxrate": chosen.bits,
        "bufsize": chosen.bits,
        "g": max(1, round(2 * chosen.fps)),
        "x264-params": "chromaloc=1",  # see `encoding.to_bt709`
        "threads": 2,
        "video_track_timescale": _TICKS,
        "map_metadata": -1,
        "movflags": "+faststart",
    }


def _every_nth(fps: Fraction, most: FrameRate) -> Fraction:
    return fps / max(1, math.ceil(fps / most))


def _within(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Scale a size down to a longer side of at most `side`; both are even, as yuv420p requires."""
    scale = min(1.0, side / max(size))
    width, height = (max(2, 2 * round(pixels * scale / 2)) for pixels in size)
    return width, height
