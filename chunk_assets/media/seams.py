"""Divide a film into pieces: bodies, which are copied, and seams, which are blended.

::

    clip n−1   ├─ lead-in ─┼──────────── slot ───────┤
                                          ├── seam ──┤
    clip n                       ├────────┼─ lead-in ┼──────────── slot ──────┤
    film                  …── body n−1 ──┼── seam ──┼── body n ──…

A seam of F frames blends the last F frames of one clip's slot with the last F frames of the next
clip's lead-in, which play at the same time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chunk_assets.errors import SpecError
from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.encoding import as_bt709, encoder_options
from chunk_assets.media.ffmpeg import Graph, combine, read, write
from chunk_assets.media.stream_signature import StreamSignature
from chunk_assets.planning.joins import Join


@dataclass(frozen=True)
class Segment:
    """One clip's place in the film.

    Attributes:
        path: The clip.
        lead_in: The number of frames before its slot; 0 for the first clip.
        num_frames: The number of frames in total.
        signature: The clip's signature, if it was measured.
    """

    path: Path
    lead_in: int
    num_frames: int
    signature: StreamSignature | None = field(default=None, compare=False, repr=False)

    @property
    def slot(self) -> int:
        """The length of its slot in frames."""
        return self.num_frames - self.lead_in


@dataclass(frozen=True)
class Body:
    """Frames `start` to `stop` (exclusive) of a clip, unchanged."""

    segment: Segment
    start: int
    stop: int

    def __len__(self) -> int:
        """Return its length in frames."""
        return self.stop - self.start


@dataclass(frozen=True)
class Seam:
    """The end of one clip's slot blended with the end of the next one's lead-in.

    `number` is the number of the second clip.
    """

    before: Segment
    after: Segment
    join: Join
    number: int = 1

    def __len__(self) -> int:
        """Return its length in frames."""
        return self.join.frames


Piece = Body | Seam


def film_pieces(segments: Sequence[Segment], joins: Sequence[Join]) -> list[Piece]:
    """Return a film's pieces in order. None is empty, and together they fill all slots.

    Args:
        segments: The clips, at least one.
        joins: One join between each two clips.

    Raises:
        SpecError: Clips and joins do not fit together.
    """
    if not segments or len(joins) != len(segments) - 1:
        counts = f"{len(segments)} clips and {len(joins)} joins"
        raise SpecError(f"a film has {counts}: expected one join between each two clips")
    for number, segment in enumerate(segments):
        if segment.slot < 1 or segment.lead_in < 0 or (number == 0 and segment.lead_in):
            has = f"{segment.num_frames} frames, {segment.lead_in} of them lead-in"
            allowed = "no lead-in in the first clip, and 1 frame or more after it in each"
            raise SpecError(f"clip {number} has {has}: expected {allowed}")
    pieces: list[Piece] = []
    for number, segment in enumerate(segments):
        if number > 0 and joins[number - 1].frames:
            pieces.append(seam_between(segments[number - 1], segment, joins[number - 1], number))
        following = joins[number].frames if number < len(joins) else 0
        if following < segment.slot:
            pieces.append(Body(segment, segment.lead_in, segment.num_frames - following))
    return pieces


def seam_between(before: Segment, after: Segment, join: Join, number: int = 1) -> Seam:
    """Return the seam between two clips; the second one is clip `number` of the film.

    Raises:
        SpecError: The join is longer than the clips allow.
    """
    longest = min(after.lead_in, before.slot)
    if join.frames > longest:
        what = f"the {join.kind} into clip {number} takes {join.frames} frames"
        allowed = f"{longest}, its lead-in or all of clip {number - 1}'s slot"
        raise SpecError(f"{what}: expected {allowed}")
    return Seam(before, after, join, number)


def piece_graph(piece: Piece, target: Path, fps: FrameRate) -> Graph:
    """Return the graph that encodes `piece` to `target`."""
    if isinstance(piece, Body):
        frames = _frames(piece.segment.path, piece.start, len(piece), fps)
    elif piece.join.kind == "crossfade":
        frames = _crossfaded(piece, fps)
    else:
        frames = _dipped_to_black(piece, fps)
    return write(as_bt709(frames), target, **encoder_options(fps))


def _crossfaded(seam: Seam, fps: FrameRate) -> Graph:
    """Blend linearly, from all of one clip to all of the other in the frame after the last."""
    count = len(seam)
    return combine(
        _frames(seam.before.path, seam.before.num_frames - count, count, fps),
        _frames(seam.after.path, seam.after.lead_in - count, count, fps),
        "xfade",
        transition="fade",
        duration=f"{float(fps.seconds(count)):.6f}",  # xfade fails below one frame
        offset=0,
    )


def _dipped_to_black(seam: Seam, fps: FrameRate) -> Graph:
    """Fade one clip out over the first half, and the other in over the second half.

    xfade's `fadeblack` is asymmetric: it is black after a quarter of the time.
    """
    out, in_ = len(seam) // 2, len(seam) - len(seam) // 2
    begin = seam.after.lead_in - in_
    light = _frames(seam.after.path, begin, in_, fps).filter("fade", "in", 0, in_)
    if out == 0:
        return light
    dark = _frames(seam.before.path, seam.before.num_frames - len(seam), out, fps)
    return combine(dark.filter("fade", "out", 0, out), light, "concat")


def _frames(path: Path, start: int, count: int, fps: FrameRate) -> Graph:
    """Return `count` frames of a clip at a constant rate, numbered from 0."""
    # Rounded down to FFmpeg's microsecond, so that the frame is not skipped. If it is a keyframe,
    # decoding starts there and not at the previous one.
    microseconds = start * 1_000_000 // fps
    seek = {"ss": f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06}"} if start else {}
    return (
        read(path, **seek)
        .filter("setpts", f"N/{fps}/TB")
        .filter("fps", fps)  # xfade needs a constant rate and equal time bases
        .filter("trim", end_frame=count)
    )
