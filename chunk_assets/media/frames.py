"""Measure videos frame by frame, and extract their last frames."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import av
import av.error
import numpy as np
from av.packet import Packet
from PIL import Image

from chunk_assets.errors import MediaError, SpecError
from chunk_assets.media.containers import Video, declared_end, open_video
from chunk_assets.media.images import save_png
from chunk_assets.media.mp4 import is_faststart
from chunk_assets.media.presentation import Presentation
from chunk_assets.media.preview_frames import PreviewFrames
from chunk_assets.media.rgb import RgbConverter

ROUNDING = Fraction(1, 1000)
"""Seconds before the end of the used part in which a frame counts as beginning after it: MKV rounds
times to milliseconds."""

_TOLERATED_DAMAGE = Fraction(1, 4)  # seconds; an earlier frame is not accepted as the last one


@dataclass(frozen=True)
class VideoInfo:
    """A video file's properties, measured from its packets, not taken from its headers.

    Attributes:
        frames: The number of displayed frames.
        fps: Frames per second; the mean if the rate is not constant.
        width: The displayed width, in square pixels, of the upright picture.
        height: The displayed height.
        codec: FFmpeg's name of the codec ("h264").
        pix_fmt: FFmpeg's name of the pixel format ("yuv420p").
        color_space: The matrix, such as "bt709"; "unknown" if untagged.
        color_primaries: The primaries, likewise.
        color_trc: The transfer curve, likewise.
        color_range: "tv", "pc" or "unknown".
        duration: Seconds from the first frame's start to the last one's end.
        has_constant_rate: Whether the first frame is at 0 and all frames are equally spaced.
        is_faststart: Whether it is an MP4 that plays while it downloads.
        keyframes: The frames at which decoding can start, counted from 0 in display order.
        header: The stream's header (H.264's parameter sets in avcC form), or empty.
        stream: The index of the main stream in the file.
        container: FFmpeg's name of the file format.
        presentation: How to display its first picture.
    """

    frames: int
    fps: Fraction
    width: int
    height: int
    codec: str
    pix_fmt: str
    color_space: str
    color_primaries: str
    color_trc: str
    color_range: str
    duration: Fraction
    has_constant_rate: bool
    is_faststart: bool
    keyframes: tuple[int, ...]
    header: bytes = field(default=b"", compare=False, repr=False)
    stream: int = field(default=0, compare=False)
    container: str = field(default="", compare=False)
    presentation: Presentation | None = field(default=None, compare=False)

    @property
    def hdr(self) -> str | None:
        """The kind of HDR, "PQ" or "HLG"; None for SDR."""
        return None if self.presentation is None else self.presentation.hdr


class _Shown(NamedTuple):
    """The packet of a displayed frame; times are in the stream's time base."""

    pts: int
    duration: int
    is_keyframe: bool


def probe(path: Path | str) -> VideoInfo:
    """Measure a video file.

    Raises:
        MediaError: The file is missing, empty, not a video, truncated, or has no frames.
    """
    path = Path(path)
    with open_video(path) as video:
        stream = video.stream
        stream.thread_type = "NONE"  # threads would read ahead before they return the first frame
        size, declared = path.stat().st_size, declared_end(path)
        if size < declared:
            message = f"the video {str(path)!r} is truncated: it has {size} of {declared} bytes"
            raise MediaError(message, path=str(path), measured=size, allowed=declared)
        packets = _Peeked(video)
        shown = _shown(path, packets)
        frame = packets.first_frame
        if frame is None:
            raise MediaError(f"no frame of {str(path)!r} can be decoded", path=str(path))
        tick = video.time_base
        first, last = shown[0], shown[-1]
        mean = (last.pts - first.pts) / (len(shown) - 1) if len(shown) > 1 else 0
        length = last.pts - first.pts + (last.duration or round(mean) or _nominal(video))
        steps = {b.pts - a.pts for a, b in pairwise(shown)} or {length}
        step = min(steps)
        is_even = len(steps) == 1 and step > 0
        codec = stream.codec_context
        presentation = video.presentation(frame)
        width, height = presentation.size
        video.check_length(length * tick)
        return VideoInfo(
            frames=len(shown),
            fps=1 / (step * tick) if is_even else len(shown) / (length * tick),
            width=width,
            height=height,
            codec=codec.name,
            pix_fmt=presentation.pix_fmt,
            color_space=presentation.space,
            color_primaries=presentation.primaries,
            color_trc=presentation.curve,
            color_range=presentation.range,
            duration=length * tick,
            has_constant_rate=is_even and first.pts == 0,
            is_faststart=is_faststart(path),
            keyframes=tuple(n for n, packet in enumerate(shown) if packet.is_keyframe),
            header=codec.extradata or b"",
            stream=stream.index,
            container=video.container.format.name,
            presentation=presentation,
        )


def extract_last_frame(
    video_path: str, *, until: Fraction | None = None, output_path: str | None = None
) -> str:
    """Save the last frame of a clip, or of the part that is used, as a PNG.

    Args:
        video_path: The clip.
        until: The end of the used part, in seconds from the first frame: saves the last frame that
            begins before it. None for the whole clip.
        output_path: The PNG to write; None creates a temporary file, which the caller removes.

    Returns:
        The PNG's path.

    Raises:
        SpecError: `until` is not above 0.
        MediaError: The clip cannot be read, or the picture cannot be written.
    """
    if until is not None and until <= 0:
        raise SpecError(f"{until} seconds of the clip would be used: expected more than 0")
    moment = None if until is None else until - ROUNDING
    return str(save_png(last_frame(video_path, until=moment), output_path))


def last_frame(
    video_path: str,
    *,
    until: Fraction | None = None,
    preview_frames: PreviewFrames | None = None,
    convert: RgbConverter | None = None,
) -> Image.Image:
    """Decode the last frame of a clip, or of the part that is used.

    Args:
        video_path: The clip.
        until: A time in seconds from the first frame: decodes the last frame that begins before it,
            or the first frame. None for the whole clip.
        preview_frames: Collects frames along the way, if decoding starts at the first one.
        convert: A converter to reuse for several clips: its set-up takes half of the time of the
            first frame.

    Raises:
        MediaError: The clip cannot be read.
    """
    path = Path(video_path)
    with open_video(path) as video:
        shown = _shown(path, video.packets())
        target = _last_before(until, shown, video.time_base).pts
        # Decode from the last keyframe at or before the frame.
        starts = [packet.pts for packet in shown if packet.is_keyframe and packet.pts <= target]
        start = max(starts, default=target)
        convert = convert or RgbConverter()
        if preview_frames is not None and start == shown[0].pts:
            preview_frames.plan(start, target)
        frame = None
        with suppress(av.error.FFmpegError):  # not every file can seek
            video.container.seek(start, stream=video.stream)
            frame = _last_until(target, _decoded_up_to(target, video), video, preview_frames)
        is_it = frame is not None and frame.pts == target
        rgb = convert(frame, video.presentation(frame)) if frame is not None and is_it else None
    if rgb is None:
        # The index or the keyframes are wrong: read the file from the start.
        with open_video(path) as video:
            frame = _last_until(target, video.frames(), video)
            behind = target - (frame.pts or 0) if frame is not None else target
            if frame is None or behind * video.time_base > _TOLERATED_DAMAGE:
                message = f"the video {video_path!r} cannot be decoded up to its last frame"
                raise MediaError(message, path=video_path)
            rgb = convert(frame, video.presentation(frame))
    return Image.fromarray(rgb)


def read_frames(path: Path | str) -> Iterator[np.ndarray]:
    """Yield a video's frames for display, each height × width × 3, uint8.

    Raises:
        MediaError: The file cannot be read or decoded.
    """
    with open_video(path) as video:
        convert = RgbConverter()
        for frame in video.frames():
            yield convert(frame, video.presentation(frame))


class _Peeked:
    """Pass packets through, and keep the first frame that decodes."""

    def __init__(self, video: Video):
        self._video = video
        self.first_frame: av.VideoFrame | None = None

    def __iter__(self) -> Iterator[Packet]:
        for packet in self._video.packets():
            if self.first_frame is None:
                self.first_frame = next(iter(self._video.decoded(packet)), None)
            yield packet


def _shown(path: Path, packets: Iterable[Packet]) -> list[_Shown]:
    """Return the displayed frames in order; edit lists can hide frames that decoding needs."""
    shown = [
        _Shown(time, packet.duration or 0, packet.is_keyframe)
        for packet in packets
        if (time := packet.dts if packet.pts is None else packet.pts) is not None
        and packet.size
        and not packet.is_discard
    ]
    if not shown:
        raise MediaError(f"the video {str(path)!r} has no frames", path=str(path))
    return sorted(shown)


def _decoded_up_to(target: int, video: Video) -> Iterator[av.VideoFrame]:
    """Yield all frames except those before `target` that no other frame refers to."""
    codec = video.stream.codec_context
    for packet in video.packets():
        is_before = packet.pts is not None and packet.pts < target
        codec.skip_frame = "NONREF" if is_before else "DEFAULT"
        yield from video.decoded(packet)


def _last_before(until: Fraction | None, shown: list[_Shown], tick: Fraction) -> _Shown:
    if until is None:
        return shown[-1]
    end = shown[0].pts * tick + until
    return max((packet for packet in shown if packet.pts * tick < end), default=shown[0])


def _last_until(
    target: int,
    frames: Iterator[av.VideoFrame],
    video: Video,
    preview_frames: PreviewFrames | None = None,
) -> av.VideoFrame | None:
    """Return the last intact frame at or before `target`, in the stream's time base."""
    last = None
    for frame in frames:
        if frame.pts is not None and frame.pts <= target and not frame.is_corrupt:
            last = frame
            if preview_frames is not None:
                preview_frames.add(frame, video.presentation(frame))
        if frame.pts is not None and frame.pts >= target:
            break
    return last


def _nominal(video: Video) -> int:
    """Return a frame's duration according to the header, in the stream's time base."""
    rate = video.stream.average_rate or Fraction(25)
    return max(1, round(1 / (rate * video.time_base)))
