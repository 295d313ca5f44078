"""The pieces of a film: which frames are copied, which are blended, and the graphs for the latter.

::

    clip n−1   ├─ lead-in ─┼──────────── slot ───────┤
                                          ├── seam ──┤
    clip n                       ├────────┼─ lead-in ┼──────────── slot ──────┤
    film                  …── body n−1 ──┼── seam ──┼── body n ──…

A seam of F frames blends the last F frames of one clip's slot with the last F of the next one's
lead-in, which play at the same time.
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
        lead_in: How many frames it has before its slot begins; the first clip has none.
        num_frames: How many it has in all.
        signature: The clip as it was measured; None leaves that to whoever needs it.
    """

    path: Path
    lead_in: int
    num_frames: int
    signature: StreamSignature | None = field(default=None, compare=False, repr=False)

    @property
    def slot(self) -> int:
        """How many frames of the film are its own."""
        return self.num_frames - self.lead_in


@dataclass(frozen=True)
class Body:
    """Frames `start` to `stop` (exclusive) of one clip, as they are."""

    segment: Segment
    start: int
    stop: int

    def __len__(self) -> int:
        """How many frames of the film it fills."""
        return self.stop - self.start


@dataclass(frozen=True)
class Seam:
    """The end of one clip's slot blended with the end of the next one's lead-in.

    `number` is that of the clip behind it.
    """

    before: Segment
    after: Segment
    join: Join
    number: int = 1

    def __len__(self) -> int:
        """How many frames of the film it fills."""
        return self.join.frames


Piece = Body | Seam


def film_pieces(segments: Sequence[Segment], joins: Sequence[Join]) -> list[Piece]:
    """Return a film's pieces in order; none is empty, and together they fill every slot.

    Args:
        segments: At least one.
        joins: One between each two of them.

    Raises:
        SpecError: They do not fit together.
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
    """Return the seam of two clips, the second of which is the film's clip `number`.

    Raises:
        SpecError: It takes more frames than they have for it.
    """
    longest = min(after.lead_in, before.slot)
    if join.frames > longest:
        what = f"the {join.kind} into clip {number} takes {join.frames} frames"
        allowed = f"{longest}, its lead-in or all of clip {number - 1}'s slot"
        raise SpecError(f"{what}: expected {allowed}")
    return Seam(before, after, join, number)


def piece_graph(piece: Piece, target: Path, fps: FrameRate) -> Graph:
    """Return the graph that encodes `piece` to a file of its own."""
    if isinstance(piece, Body):
        frames = _frames(piece.segment.path, piece.start, len(piece), fps)
    elif piece.join.kind == "crossfade":
        frames = _crossfaded(piece, fps)
    else:
        frames = _dipped_to_black(piece, fps)
    return write(as_bt709(frames), target, **encoder_options(fps))


def _crossfaded(seam: Seam, fps: FrameRate) -> Graph:
    """Blend linearly: the first frame is all of the one clip, the one after the last the other."""
    count = len(seam)
    return combine(
        _frames(seam.before.path, seam.before.num_frames - count, count, fps),
        _frames(seam.after.path, seam.after.lead_in - count, count, fps),
        "xfade",
        transition="fade",
        duration=f"{float(fps.seconds(count)):.6f}",  # never under a frame, where xfade goes wrong
        offset=0,
    )


def _dipped_to_black(seam: Seam, fps: FrameRate) -> Graph:
    """Fade one clip out over the first half, the other in from the black frame in the middle.

    xfade's `fadeblack` is lopsided: it is black after a quarter of the time.
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
    # Down to FFmpeg's microsecond: the frame that is meant is not skipped, and where it is a
    # keyframe decoding begins with it and not at the one before.
    microseconds = start * 1_000_000 // fps
    seek = {"ss": f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06}"} if start else {}
    return (
        read(path, **seek)
        .filter("setpts", f"N/{fps}/TB")
        .filter("fps", fps)  # xfade wants a constant rate, and one time base
        .filter("trim", end_frame=count)
    )
