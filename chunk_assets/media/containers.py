"""Open video files within the deployment's limits, and choose their main stream."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from chunk_assets.deployment import deployment
from chunk_assets.errors import MediaError, TooSlow, Unsupported
from chunk_assets.limits import Limits
from chunk_assets.media import mp4, webp
from chunk_assets.media.ffmpeg import FORMATS, file_url
from chunk_assets.media.presentation import Presentation

ALLOWED = "a complete MP4, MOV, MKV, WebM, GIF, APNG or animated WebP"

_INDEX_ALONE = {"format_whitelist": f"{FORMATS},apng", "codec_whitelist": "none"}
"""Options to open a file without probing it by decoding frames, which takes 10 of 11 ms (1024×576).
Until a frame is decoded, the codec context has no pixel format and no pixel aspect."""

_STILL_CODECS = ("mjpeg", "png", "bmp", "tiff", "webp", "jpegxl")
"""Codecs of covers and thumbnails. A stream of another codec is preferred as the film."""

_LONGEST = 10
"""The largest ratio of a picture's sides: to cover a frame, a picture may be enlarged that much.
The widest films have a ratio of 2.76."""

_EBML = bytes.fromhex("1a45dfa3")
_SEGMENT = bytes.fromhex("18538067")
_OTHER_MAGIC = (_EBML, b"GIF8", b"RIFF", b"\x89PNG")
"""The first bytes of formats without MP4 boxes."""


_OTHER_KINDS = {
    b"RIFF": "an AVI",
    b"\x89PNG": "a still picture",
    b"\xff\xd8\xff": "a still picture",
    b"FLV": "a Flash video",
    b"OggS": "an Ogg file",
    b"0&\xb2u": "a Windows Media file",
    b"\x00\x00\x01\xba": "an MPEG program stream",
    b"G@": "an MPEG transport stream",
    b"PK\x03\x04": "a ZIP archive",
    b"ID3": "an MP3",
}
"""The first bytes of unsupported formats that a model might deliver."""


class Video:
    """The main stream of an open video file, read within limits.

    Attributes:
        path: The file.
        container: The opened file, as PyAV reads it.
        stream: Its main stream.
    """

    def __init__(self, path: Path, container: InputContainer, stream: VideoStream, limits: Limits):
        self.path, self.container, self.stream = path, container, stream
        self._limits = limits
        self._ends_at = time.monotonic() + limits.clip_decode_seconds

    @property
    def time_base(self) -> Fraction:
        """The unit of the stream's timestamps, in seconds."""
        return self.stream.time_base or Fraction(1, av.time_base)

    def packets(self) -> Iterator[Packet]:
        """Yield the stream's packets from its current position.

        Raises:
            MediaError: There are more packets than the limit, or decoding exceeds the time limit.
        """
        shown, limits = repr(str(self.path)), self._limits
        for count, packet in enumerate(self.container.demux(self.stream)):
            if count > limits.clip_frames:
                message = f"{shown} has over {limits.clip_frames} frames, which is the limit"
                raise Unsupported(message, path=str(self.path), allowed=limits.clip_frames)
            if time.monotonic() > self._ends_at:
                message = f"decoding {shown} takes over {limits.clip_decode_seconds:g} s, which is"
                raise TooSlow(f"{message} the limit", path=str(self.path))
            yield packet

    def frames(self) -> Iterator[av.VideoFrame]:
        """Yield frames in display order. Damaged ones are skipped, as players do.

        Raises:
            MediaError: As `packets` does.
        """
        for packet in self.packets():
            yield from self.decoded(packet)

    def decoded(self, packet: Packet) -> list[av.VideoFrame]:
        """Return the frames that a packet completes; none if it is damaged."""
        with suppress(av.error.InvalidDataError):
            return packet.decode()  # type: ignore[return-value] - of a video stream
        return []

    def presentation(self, frame: av.VideoFrame) -> Presentation:
        """Return how to display a frame.

        Raises:
            MediaError: It is larger than the limit.
        """
        presentation = Presentation.of(frame, self.stream)
        _check_size(self.path, presentation.size, self._limits)
        return presentation

    def check_length(self, seconds: Fraction) -> None:
        """Check the video's length.

        Raises:
            MediaError: It exceeds the limit.
        """
        allowed = self._limits.clip_seconds
        if seconds > allowed:
            message = f"the video {str(self.path)!r} lasts {float(seconds):g} s"
            message = f"{message}: the limit is {allowed:g}"
            raise Unsupported(message, path=str(self.path), measured=float(seconds))


@contextmanager
def open_video(path: Path | str) -> Iterator[Video]:
    """Open a video file and choose its main video stream, within the deployment's limits.

    What the file declares is checked before a demuxer or decoder allocates memory for it.

    Raises:
        MediaError: The file is missing, empty, not a video, damaged, without pictures or larger
            than the limits. Errors while the block reads are translated, too.
    """
    path, limits = Path(path), deployment().limits
    options = _INDEX_ALONE | {"max_streams": str(limits.clip_streams)}
    try:
        _check_declared(path, limits)
        with (
            _demuxable(path, limits) as file,
            av.open(file_url(file), options=options, metadata_errors="replace") as container,
        ):
            stream = main_video(container)
            if stream is None:
                raise Unsupported(f"{str(path)!r} has no video stream", path=str(path))
            codec = stream.codec_context
            _check_size(path, (codec.width, codec.height), limits)
            codec.options = {"max_pixels": str(limits.clip_pixels)}
            stream.thread_type = "AUTO"
            yield Video(path, container, stream, limits)
    except av.error.FFmpegError as error:
        raise _media_error(path, error) from error


def main_video(container: InputContainer) -> VideoStream | None:
    """Return the main video stream; this is the only place that decides it.

    Covers and thumbnails are never chosen, whether marked as such or a still picture next to a
    film. Of several films, the default one is preferred, then the longest, the largest and the
    first.
    """
    covers = Disposition.attached_pic | Disposition.timed_thumbnails
    films = [
        stream
        for stream in container.streams.video
        # A stream of an unknown codec has no context and cannot be decoded.
        if not stream.disposition & covers and stream.codec_context is not None
    ]
    return max(films, key=_likely_film, default=None)


def _likely_film(stream: VideoStream) -> tuple[bool, bool, bool, int, int, int]:
    codec = stream.codec_context
    return (
        stream.frames != 1,
        codec.name not in _STILL_CODECS,
        bool(stream.disposition & Disposition.default),
        stream.frames,
        codec.width * codec.height,
        -stream.index,
    )


@contextmanager
def _demuxable(path: Path, limits: Limits) -> Iterator[Path]:
    """Yield the file, or for a WebP, which no demuxer reads, a temporary MKV."""
    if not webp.is_webp(path):
        yield path
        return
    with TemporaryDirectory(prefix="webp-") as directory:
        yield webp.as_mkv(path, Path(directory) / "frames.mkv", limits)


def _check_declared(path: Path, limits: Limits) -> None:
    if not path.is_file():
        return  # opening it raises the error
    shown, size = repr(str(path)), path.stat().st_size
    if size > limits.clip_file_bytes:
        message = f"{shown} has {size} bytes: the limit is {limits.clip_file_bytes}"
        raise Unsupported(message, path=str(path), measured=size, allowed=limits.clip_file_bytes)
    with path.open("rb") as file:
        head = file.read(32)
    _check_size(path, _canvas(head), limits)
    if head.startswith(_OTHER_MAGIC):
        return
    declared = mp4.declared(path)
    if declared.is_compressed:
        raise Unsupported(
            f"the index of {shown} is compressed, which is not supported", path=str(path)
        )
    if declared.entries > limits.clip_frames:
        message = f"{shown} declares {declared.entries} frames: the limit is {limits.clip_frames}"
        allowed = limits.clip_frames
        raise Unsupported(message, path=str(path), measured=declared.entries, allowed=allowed)


def _check_size(path: Path, size: tuple[int, int], limits: Limits) -> None:
    (width, height), shown = size, repr(str(path))
    allowed = ""
    if max(size) > limits.clip_side:
        allowed = f"the limit is {limits.clip_side} a side"
    elif width * height > limits.clip_pixels:
        allowed = f"the limit is {limits.clip_pixels / 1e6:g} megapixels"
    elif max(size) > _LONGEST * min(size) > 0:
        allowed = f"one side may be at most {_LONGEST} times as long as the other"
    if allowed:
        message = f"the pictures of {shown} have {width} × {height} pixels: {allowed}"
        raise Unsupported(message, path=str(path), measured=f"{width}x{height}")


def _canvas(head: bytes) -> tuple[int, int]:
    """Return the size that a GIF, PNG or WebP declares; (0, 0) for formats that demuxers read."""
    if head.startswith(b"GIF8"):
        return int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
    if head.startswith(b"\x89PNG"):
        return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])
    if head[8:16] == b"WEBPVP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    return 0, 0


def _media_error(path: Path, error: av.error.FFmpegError) -> MediaError:
    shown = str(path)
    if not path.exists():
        message = f"there is no video {shown!r}"
    elif path.is_file() and path.stat().st_size == 0:
        message = f"the video {shown!r} is empty"
    elif kind := _other_kind(path):
        return Unsupported(f"{shown!r} is {kind}: expected {ALLOWED}", path=shown)
    else:
        message = f"{shown!r} cannot be read as a video ({error.strerror}): expected {ALLOWED}"
    return MediaError(message, path=shown)


def _other_kind(path: Path) -> str | None:
    """Return the name of an unsupported format; None if the format is unknown."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(12)
    for begin, kind in _OTHER_KINDS.items():
        if head.startswith(begin) and (begin != b"RIFF" or head[8:11] == b"AVI"):
            return kind
    return None


def declared_end(path: Path) -> int:
    """Return the offset at which a file declares its end; 0 if it does not.

    If that is beyond its actual end, the file is truncated. MP4 and MOV then have fewer frames, and
    MKV and WebM end early without an error.
    """
    with path.open("rb") as file:
        boxes = mp4.outer_boxes(file, path.stat().st_size)
        return boxes[-1][1] if boxes else _matroska_end(file)


def _matroska_end(file: BinaryIO) -> int:
    """Return the end of the segment (RFC 8794 and 9559); 0 if unknown, or if this is not an MKV."""
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
    """Return EBML's variable-size number at `at`, 0 for "unknown", and the offset of its end."""
    width = 9 - data[at].bit_length() if at < len(data) else 1
    raw = data[at : at + width]
    value = int.from_bytes(raw) & ((1 << 7 * width) - 1)
    return (0 if value == (1 << 7 * width) - 1 else value), at + width
