"""Opening video files for reading: what is wrong with them, and which stream is meant."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import av.error
from av.container import InputContainer
from av.video.stream import VideoStream

from chunk_assets.errors import MediaError
from chunk_assets.video.ffmpeg import FORMATS, file_url

_INDEX_ALONE = {"format_whitelist": FORMATS, "codec_whitelist": "none"}
"""Opening decodes no frame to learn more of the stream, which took 10 ms of 11 (1024×576): whoever
decodes learns it then. Until then a codec context knows no pixel format and no pixel aspect."""

_EBML = bytes.fromhex("1a45dfa3")
_SEGMENT = bytes.fromhex("18538067")


@contextmanager
def opened(path: Path | str) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video file and choose its main video stream.

    Raises:
        MediaError: The file is missing, empty, not a video, damaged, or has no pictures in it;
            also when that comes out only while the block reads.
    """
    shown = str(path)
    try:
        with av.open(file_url(path), options=_INDEX_ALONE) as container:
            stream = container.streams.best("video")
            if not isinstance(stream, VideoStream):
                raise MediaError(f"{shown!r} has no video stream", path=shown)
            stream.thread_type = "AUTO"
            yield container, stream
    except av.error.FFmpegError as error:
        raise _media_error(Path(path), error) from error


def pixel_aspect(stream: VideoStream) -> Fraction | None:
    """A stream's pixels' width beside their height, once a frame is decoded; None for unknown."""
    return stream.codec_context.sample_aspect_ratio


def _media_error(path: Path, error: av.error.FFmpegError) -> MediaError:
    shown = str(path)
    if not path.exists():
        message = f"there is no video {shown!r}"
    elif path.is_file() and path.stat().st_size == 0:
        message = f"the video {shown!r} is empty"
    else:
        allowed = "an MP4, MOV, MKV, WebM or GIF that is whole"
        message = f"{shown!r} cannot be read as a video ({error.strerror}): allowed is {allowed}"
    return MediaError(message, path=shown)


def declared_end(path: Path) -> int:
    """Return where a file says its last part ends, in bytes; 0 where it does not say.

    Beyond the file's own end, it was cut short: MP4 and MOV then give fewer frames, MKV and WebM
    end as if that were all.
    """
    with path.open("rb") as file:
        boxes = _mp4_boxes(file, path.stat().st_size)
        return boxes[-1][1] if boxes else _matroska_end(file)


def is_faststart(path: Path) -> bool:
    """Whether it is an MP4 that plays before all of it is there: the index comes first."""
    with path.open("rb") as file:
        names = [name for name, _ in _mp4_boxes(file, path.stat().st_size)]
    return b"moov" in names and b"mdat" in names and names.index(b"moov") < names.index(b"mdat")


def _mp4_boxes(file: BinaryIO, size: int) -> list[tuple[bytes, int]]:
    """Return name and end of the outermost boxes (ISO 14496-12, 4.2); none if it is no MP4."""
    boxes: list[tuple[bytes, int]] = []
    start = 0
    while start + 8 <= size:
        file.seek(start)
        header = file.read(16)
        length, name = int.from_bytes(header[:4]), header[4:8]
        if length == 1:
            length = int.from_bytes(header[8:16])
        elif length == 0:  # to the end of the file
            length = size - start
        if length < 8 or (not boxes and name != b"ftyp"):
            break
        start += length
        boxes.append((name, start))
    return boxes


def _matroska_end(file: BinaryIO) -> int:
    """Return where the segment ends (RFC 8794 and RFC 9559); 0 if it is not known, or no MKV."""
    file.seek(0)
    head = file.read(256)
    if not head.startswith(_EBML):
        return 0
    length, at = _vint(head, len(_EBML))
    at += length  # past the header's content
    if head[at : at + len(_SEGMENT)] != _SEGMENT:
        return 0
    length, at = _vint(head, at + len(_SEGMENT))
    return at + length if length else 0


def _vint(data: bytes, at: int) -> tuple[int, int]:
    """Return EBML's variable-size number at `at` (0 for "unknown") and where it ends."""
    width = 9 - data[at].bit_length() if at < len(data) else 1
    raw = data[at : at + width]
    value = int.from_bytes(raw) & ((1 << 7 * width) - 1)
    return (0 if value == (1 << 7 * width) - 1 else value), at + width
