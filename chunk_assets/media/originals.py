"""What a generator delivered, before it is normalised: size, rate, sound, content credentials."""

from dataclasses import dataclass
from pathlib import Path

from chunk_assets.media import webp
from chunk_assets.media.containers import open_video
from chunk_assets.media.frames import probe
from chunk_assets.media.mp4 import has_content_credentials

_KINDS = {
    "mov": (".mp4", "video/mp4"),
    "matroska": (".webm", "video/webm"),
    "avi": (".avi", "video/x-msvideo"),
    "gif": (".gif", "image/gif"),
}
"""File name suffix and content type of each container, by the first of FFmpeg's names for it."""

_MOST_ROUNDING = 0.01
"""How much of its rate a clip may lose or gain by rounded timestamps."""

UNKNOWN_TYPE = (".video", "application/octet-stream")
"""Suffix and content type of a file that cannot be read."""


@dataclass(frozen=True)
class Original:
    """The properties of a delivered clip.

    Attributes:
        file_type: The suffix of its file name and its media type: ".mp4", "video/mp4".
        width: The displayed width in pixels.
        height: The displayed height in pixels.
        fps: Frames per second, as a fraction such as "24" or "30000/1001".
        frames: The number of displayed frames.
        has_sound: Whether it has a sound track.
        has_content_credentials: Whether it holds a C2PA manifest; not whether that is valid.
    """

    file_type: tuple[str, str]
    width: int
    height: int
    fps: str
    frames: int
    has_sound: bool
    has_content_credentials: bool


def measure_original(path: Path) -> Original:
    """Measure a delivered clip.

    Raises:
        MediaError: It is not a video.
    """
    info = probe(path)
    with open_video(path) as video:
        has_sound, declared = bool(video.container.streams.audio), video.stream.average_rate
    file_type = _KINDS.get(info.container.partition(",")[0], UNKNOWN_TYPE)
    if webp.is_webp(path):  # which the demuxer was given as MKV
        file_type = (".webp", "image/webp")
    # WebM rounds its timestamps to milliseconds, so that 24 fps measure as 24.01.
    is_rounded = declared and abs(declared / info.fps - 1) < _MOST_ROUNDING
    return Original(
        file_type=file_type,
        width=info.width,
        height=info.height,
        fps=str(declared if is_rounded else info.fps),
        frames=info.frames,
        has_sound=has_sound,
        has_content_credentials=has_content_credentials(path),
    )
