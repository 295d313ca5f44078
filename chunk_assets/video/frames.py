"""Reading videos: what they are, frame for frame, and their pictures in true colours."""

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
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream
from PIL import Image

from chunk_assets.errors import MediaError, SpecError
from chunk_assets.images import save_png
from chunk_assets.video import colour
from chunk_assets.video.containers import declared_end, is_faststart, opened, pixel_aspect
from chunk_assets.video.passing import Passing

ROUNDING = Fraction(1, 1000)
"""A frame that begins less than these seconds before the used part's end belongs to what follows:
MKV rounds its times to milliseconds."""

_TOLERATED_DAMAGE = Fraction(1, 4)  # seconds; what lies further back is not the last frame


@dataclass(frozen=True)
class VideoInfo:
    """What a video file really holds, counted and not taken from its headers.

    Attributes:
        frames: How many frames are shown.
        fps: Frames per second; the mean where the rate is not constant.
        width: In pixels as a person sees them: square, the picture upright.
        height: In the same.
        codec: FFmpeg's name of it ("h264").
        pix_fmt: FFmpeg's name of the pixel format ("yuv420p").
        color_space: The matrix ("bt709"; "unknown" when the file does not say).
        color_primaries: Likewise.
        color_trc: The transfer curve, likewise.
        color_range: "tv", "pc" or "unknown".
        duration: In seconds, from the first frame's start to the last one's end.
        has_constant_rate: Whether the first frame is at 0 and all are one same step apart.
        is_faststart: Whether the file is an MP4 that plays before all of it is there.
        keyframes: The frames, from 0 in the order they are shown, at which decoding can start.
        header: The stream's header (H.264's parameter sets in avcC form), empty if it has none.
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


class _Shown(NamedTuple):
    """One shown frame's packet; times in the stream's time base."""

    pts: int
    duration: int
    is_keyframe: bool


def probe(path: Path | str) -> VideoInfo:
    """Measure a video file.

    Raises:
        MediaError: It is missing, empty, not a video, truncated, or has no frames.
    """
    path = Path(path)
    with opened(path) as (container, stream):
        stream.thread_type = "NONE"  # threads would read on before they give the first frame
        size, declared = path.stat().st_size, declared_end(path)
        if size < declared:
            message = f"the video {str(path)!r} is truncated: {size} of {declared} bytes are there"
            raise MediaError(message, path=str(path), measured=size, allowed=declared)
        packets = _Peeked(container.demux(stream))
        shown = _shown(path, packets)
        frame = packets.first_frame
        if frame is None:
            raise MediaError(f"no frame of {str(path)!r} can be decoded", path=str(path))
        tick = time_base(stream)
        first, last = shown[0], shown[-1]
        mean = (last.pts - first.pts) / (len(shown) - 1) if len(shown) > 1 else 0
        length = last.pts - first.pts + (last.duration or round(mean) or _nominal(stream))
        steps = {b.pts - a.pts for a, b in pairwise(shown)} or {length}
        step = min(steps)
        is_even = len(steps) == 1 and step > 0
        codec = stream.codec_context
        space, primaries, curve, range_ = colour.names(
            frame.colorspace, codec.color_primaries, codec.color_trc, frame.color_range
        )
        width, height = colour.as_seen(frame, pixel_aspect(stream))
        return VideoInfo(
            frames=len(shown),
            fps=1 / (step * tick) if is_even else len(shown) / (length * tick),
            width=width,
            height=height,
            codec=codec.name,
            pix_fmt=frame.format.name,
            color_space=space,
            color_primaries=primaries,
            color_trc=curve,
            color_range=range_,
            duration=length * tick,
            has_constant_rate=is_even and first.pts == 0,
            is_faststart=is_faststart(path),
            keyframes=tuple(n for n, packet in enumerate(shown) if packet.is_keyframe),
            header=codec.extradata or b"",
        )


def extract_last_frame(
    video_path: str, *, until: Fraction | None = None, output_path: str | None = None
) -> str:
    """Save the last frame of a clip's used part as a PNG without loss, in its true colours.

    Args:
        video_path: The clip.
        until: Where the used part ends, in seconds from the first frame: the last frame that
            begins before it is taken. None is the whole clip.
        output_path: Where the picture goes; None makes a temporary file that the caller removes.

    Returns:
        The picture's path.

    Raises:
        SpecError: No part of the clip is to be used.
        MediaError: The clip cannot be read, or the picture cannot be written.
    """
    return str(save_png(last_frame(video_path, until=until), output_path))


def last_frame(
    video_path: str,
    *,
    until: Fraction | None = None,
    passing: Passing | None = None,
    convert: colour.RgbConverter | None = None,
) -> Image.Image:
    """Decode the last frame of a clip's used part in its true colours.

    Args:
        video_path: The clip.
        until: As in `extract_last_frame`.
        passing: Is shown the frames on the way there, if they are decoded from the first one on.
        convert: The caller's own, from one clip to the next: half of a first frame's time goes
            into making ready.

    Raises:
        SpecError: No part of the clip is to be used.
        MediaError: The clip cannot be read.
    """
    if until is not None and until <= 0:
        raise SpecError(f"{until} seconds of a clip are to be used: allowed is more than 0")
    path = Path(video_path)
    with opened(path) as (container, stream):
        shown = _shown(path, container.demux(stream))
        target = _last_before(until, shown, time_base(stream)).pts
        # Keyframes at or before the frame; from the last of them it decodes soonest.
        starts = [packet.pts for packet in shown if packet.is_keyframe and packet.pts <= target]
        start = max(starts, default=target)
        convert = convert or colour.RgbConverter()
        if passing is not None and start == shown[0].pts:
            passing.expect(start, target)
        frame = None
        with suppress(av.error.FFmpegError):  # not every file can seek
            container.seek(start, stream=stream)
            frames = _decoded_up_to(target, container, stream)
            frame = _last_until(target, frames, stream, passing)
        is_it = frame is not None and frame.pts == target
        rgb = convert(frame, pixel_aspect(stream)) if frame is not None and is_it else None
    if rgb is None:
        # A file whose index or keyframes are not where it says: read it from the start.
        with opened(path) as (container, stream):
            frame = _last_until(target, decoded(container, stream), stream)
            behind = target - (frame.pts or 0) if frame is not None else target
            if frame is None or behind * time_base(stream) > _TOLERATED_DAMAGE:
                message = f"the video {video_path!r} cannot be decoded up to its last frame"
                raise MediaError(message, path=video_path)
            rgb = convert(frame, pixel_aspect(stream))
    return Image.fromarray(rgb)


def read_frames(path: Path | str) -> Iterator[np.ndarray]:
    """Yield a video's frames one by one, each height × width × 3, uint8, as a person sees them.

    Raises:
        MediaError: The file cannot be read or decoded.
    """
    with opened(path) as (container, stream):
        convert = colour.RgbConverter()
        for frame in decoded(container, stream):
            yield convert(frame, pixel_aspect(stream))


class _Peeked:
    """Packets passed on, the first picture among them kept once it decodes."""

    def __init__(self, packets: Iterator[Packet]):
        self._packets = packets
        self.first_frame: av.VideoFrame | None = None

    def __iter__(self) -> Iterator[Packet]:
        for packet in self._packets:
            if self.first_frame is None:
                with suppress(av.error.InvalidDataError):
                    self.first_frame = next(iter(packet.decode()), None)
            yield packet


def _shown(path: Path, packets: Iterable[Packet]) -> list[_Shown]:
    """Return what is shown, in that order: edit lists may hide frames that decoding needs."""
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


def decoded(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """Yield frames in the order they are shown, passing over what is damaged, as players do."""
    for packet in container.demux(stream):
        with suppress(av.error.InvalidDataError):
            yield from packet.decode()


def _decoded_up_to(
    target: int, container: InputContainer, stream: VideoStream
) -> Iterator[av.VideoFrame]:
    """Yield what `decoded` does, less frames before `target` that no other one is made from."""
    codec = stream.codec_context
    for packet in container.demux(stream):
        is_before = packet.pts is not None and packet.pts < target
        codec.skip_frame = "NONREF" if is_before else "DEFAULT"
        with suppress(av.error.InvalidDataError):
            yield from packet.decode()


def _last_before(until: Fraction | None, shown: list[_Shown], tick: Fraction) -> _Shown:
    if until is None:
        return shown[-1]
    end = shown[0].pts * tick + until - ROUNDING
    return max((packet for packet in shown if packet.pts * tick < end), default=shown[0])


def _last_until(
    target: int,
    frames: Iterator[av.VideoFrame],
    stream: VideoStream,
    passing: Passing | None = None,
) -> av.VideoFrame | None:
    """Return the last intact frame at or before `target`, in the stream's time base."""
    last = None
    for frame in frames:
        if frame.pts is not None and frame.pts <= target and not frame.is_corrupt:
            last = frame
            if passing is not None:
                passing.see(frame, pixel_aspect(stream))
        if frame.pts is not None and frame.pts >= target:
            break
    return last


def time_base(stream: VideoStream) -> Fraction:
    return stream.time_base or Fraction(1, av.time_base)


def _nominal(stream: VideoStream) -> int:
    """Return one frame's duration as the header has it, in the stream's time base."""
    rate = stream.average_rate or Fraction(25)
    return max(1, round(1 / (rate * time_base(stream))))
