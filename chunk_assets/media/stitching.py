"""Stitch clips into a film: seams are encoded, everything else is copied."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import av
import av.error
import numpy as np
from av.packet import Packet

from chunk_assets.errors import MediaError
from chunk_assets.files.atomic import atomic_write
from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.clips import NICENESS, ClipFormat, ClipWriter, check
from chunk_assets.media.containers import open_video
from chunk_assets.media.encoding import ENCODING, container_options
from chunk_assets.media.ffmpeg import file_url, run, run_all
from chunk_assets.media.frames import VideoInfo, probe
from chunk_assets.media.seams import (
    Body,
    Piece,
    Seam,
    Segment,
    film_pieces,
    piece_graph,
    seam_between,
)
from chunk_assets.media.stream_signature import StreamSignature
from chunk_assets.planning.joins import Join

__all__ = ["ENCODING", "PreparedSeam", "Segment", "make_seam", "stitch"]

_AT_ONCE = min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class PreparedSeam:
    """A seam that was encoded earlier, and its signature."""

    path: Path
    signature: StreamSignature


def stitch(
    segments: Sequence[Segment],
    joins: Sequence[Join],
    target: Path,
    *,
    fps: FrameRate,
    size: tuple[int, int],
    workdir: Path,
    seams: Mapping[int, PreparedSeam] | None = None,
    on_seam: Callable[[int, PreparedSeam], None] | None = None,
) -> VideoInfo:
    """Stitch clips into a film whose length is the sum of their slots.

    A slot is copied without encoding if the clip has our encoding and a keyframe at the slot's
    start; otherwise it is encoded again. Neither memory nor the number of open files grows with the
    film's length.

    Args:
        segments: The clips, in the film's format, in order.
        joins: The joins between them: one fewer than clips.
        target: The film to write, atomically.
        fps: Frames per second.
        size: Width and height.
        workdir: An existing directory for temporary files.
        seams: Results of `make_seam`, by the number of the second clip. Those whose signature is
            not our encoding's are encoded again.
        on_seam: Called with each seam that was encoded here, while its file exists.

    Returns:
        The film's properties.

    Raises:
        SpecError: Clips, lead-ins and joins do not fit together.
        MediaError: A clip cannot be read, or does not match its segment.
        FFmpegError: Encoding failed.
    """
    pieces = film_pieces(segments, joins)
    film = ClipFormat(sum(segment.slot for segment in segments), fps, size)
    with _scratch_directory(workdir) as scratch, atomic_write(target, MediaError) as part:
        found = _found(pieces, film, seams or {}, scratch)
        sources = [
            source or _Source(scratch / f"piece_{number:05}.mp4", 0, len(piece))
            for number, (piece, source) in enumerate(zip(pieces, found, strict=True))
        ]
        jobs = [
            (piece, source.path)
            for piece, source in zip(pieces, sources, strict=True)
            if source.path.parent == scratch
        ]
        run_all(((piece_graph(piece, path, fps), target) for piece, path in jobs), _AT_ONCE)
        for piece, path in jobs:
            if on_seam is not None and isinstance(piece, Seam):
                on_seam(piece.number, PreparedSeam(path, StreamSignature.of(probe(path))))
        _concatenate(sources, part, fps)
        return check(part, film, target)


def make_seam(
    before: Segment, after: Segment, join: Join, target: Path, *, fps: FrameRate
) -> StreamSignature:
    """Encode the seam between two clips ahead of time, for `stitch`.

    Args:
        before: The first clip.
        after: The second clip.
        join: Their join, of at least one frame.
        target: The seam to write, atomically.
        fps: Frames per second.

    Returns:
        The seam's signature.

    Raises:
        SpecError: The join is longer than the clips allow.
        MediaError: A clip cannot be read.
        FFmpegError: Encoding failed.
    """
    seam = seam_between(before, after, join)
    with atomic_write(target, MediaError) as part:
        run(piece_graph(seam, part, fps), target, niceness=NICENESS)
        return StreamSignature.of(probe(part))


@contextmanager
def _scratch_directory(parent: Path) -> Iterator[Path]:
    """Yield a temporary directory in `parent`.

    Raises:
        MediaError: It cannot be created.
    """
    try:
        directory = TemporaryDirectory(prefix="stitch-", dir=parent)
    except OSError as error:
        message = f"{str(parent)!r} cannot hold temporary files: {error.strerror}"
        raise MediaError(message, path=str(parent)) from error
    with directory as name:
        yield Path(name)


class _Source(NamedTuple):
    """Frames `start` to `stop` (exclusive) of a file, to copy into the film."""

    path: Path
    start: int
    stop: int


def _found(
    pieces: Sequence[Piece], film: ClipFormat, seams: Mapping[int, PreparedSeam], scratch: Path
) -> list[_Source | None]:
    """Return the source of each piece that can be copied; None for those to encode.

    Raises:
        MediaError: A clip does not match its segment.
    """
    recorded = _recorded_header(pieces, seams)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="stitching") as pool:
        if recorded is not None:
            found = list(pool.map(_Ready(film, recorded, seams).source, pieces))
            if None not in found:
                return found
        # Pieces encoded here must match the copied ones: measure our encoding.
        return list(pool.map(_Ready(film, _our_header(scratch, film), seams).source, pieces))


def _recorded_header(pieces: Sequence[Piece], seams: Mapping[int, PreparedSeam]) -> str | None:
    """Return the header that is recorded for all pieces; None if they differ."""
    headers = set()
    for piece in pieces:
        prepared = piece.segment if isinstance(piece, Body) else seams.get(piece.number)
        signature = prepared.signature if prepared is not None else None
        headers.add(signature.header if signature is not None else None)
    return headers.pop() if len(headers) == 1 else None


def _our_header(scratch: Path, film: ClipFormat) -> str:
    """Return the header of our encoding, from a clip of one frame."""
    path = scratch / "one_frame.mp4"
    with ClipWriter(path, ClipFormat(1, film.fps, film.size)) as writer:
        writer.write(np.zeros((film.size[1], film.size[0], 3), np.uint8))
    return StreamSignature.of(probe(path)).header


class _Ready:
    """Find pieces that need no encoding; thread-safe.

    Equal headers mean equal size, rate, colour and order of frames.
    """

    def __init__(self, film: ClipFormat, ours: str, seams: Mapping[int, PreparedSeam]):
        self._film, self._ours, self._seams = film, ours, seams

    def source(self, piece: Piece) -> _Source | None:
        """Return the piece's source; None if it must be encoded.

        Raises:
            MediaError: A clip does not match its segment.
        """
        if isinstance(piece, Body):
            return self._body(piece)
        seam = self._seams.get(piece.number)
        if seam is None or not self._is_ours(seam.signature, len(piece)):
            return None
        return _Source(seam.path, 0, len(piece))

    def _body(self, piece: Body) -> _Source | None:
        """Return the clip, if it can be cut at its slot's start.

        The end can be cut anywhere: no frame depends on a later one.
        """
        segment = piece.segment
        signature = segment.signature
        if signature is None:
            shall_be = ClipFormat(segment.num_frames, self._film.fps, self._film.size)
            signature = StreamSignature.of(check(segment.path, shall_be))
        is_ready = segment.lead_in in signature.keyframes and self._is_ours(
            signature, segment.num_frames
        )
        return _Source(segment.path, piece.start, piece.stop) if is_ready else None

    def _is_ours(self, signature: StreamSignature, frames: int) -> bool:
        shall_be = (frames, self._film.fps, self._film.size, self._ours)
        return (signature.frames, signature.fps, signature.size, signature.header) == shall_be


def _concatenate(sources: Sequence[_Source], target: Path, fps: FrameRate) -> None:
    """Copy packets from one file after another, numbering frames through the film."""
    ticks = 1000  # per frame, in the time base of `container_options`
    try:
        with av.open(file_url(target), "w", "mp4", options=container_options(fps)) as film:
            with open_video(sources[0].path) as video:
                stream = film.add_stream_from_template(video.stream)
            for frame, packet in enumerate(chain.from_iterable(_read_ahead(sources))):
                packet.stream = stream
                packet.time_base = 1 / (ticks * fps)
                packet.pts = packet.dts = frame * ticks
                packet.duration = ticks
                film.mux_one(packet)
    except av.error.FFmpegError as error:
        raise MediaError(f"the film cannot be written: {error.strerror}") from error


def _read_ahead(sources: Sequence[_Source]) -> Iterator[list[Packet]]:
    """Yield the packets of each file, reading ahead of the writer.

    Opening a file takes longer than copying it, so a few are opened at a time.
    """
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="reading") as pool:
        ahead: deque[Future[list[Packet]]] = deque()
        for source in sources:
            ahead.append(pool.submit(_packets, source))
            if len(ahead) > _AT_ONCE:
                yield ahead.popleft().result()
        for read in ahead:
            yield read.result()


def _packets(source: _Source) -> list[Packet]:
    with open_video(source.path) as video:
        packets = (packet for packet in video.packets() if packet.size)
        return list(islice(packets, source.start, source.stop))
