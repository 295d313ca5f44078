"""Conversion of a clip's frame rate to the film's, by time.

Film frame k shows what the clip shows halfway through that frame, at `(k + 1/2) / fps` seconds.
With equal rates that is clip frame k, also where a container rounds its times. After its end, a
clip shows its last picture.
"""

from fractions import Fraction
from math import ceil

from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.ffmpeg import Graph

_HALF = Fraction(1, 2)


def retime(stream: Graph, num_frames: int, fps: FrameRate) -> Graph:
    """Return `num_frames` frames at `fps` of `stream`, which starts at 0.

    The first filter counts in half frames: exact for the time halfway through a frame, and rounding
    down, it keeps the clip's last picture however briefly that is shown.
    """
    halves = stream.filter("fps", 2 * fps, round="down", eof_action="pass")
    held = halves.filter("tpad", stop=-1, stop_mode="clone")
    return held.filter("fps", fps, round="up").filter("trim", end_frame=num_frames)


def end_of_use(num_frames: int, fps: FrameRate) -> Fraction:
    """When the last of `num_frames` film frames looks at the clip, in seconds from its start.

    The last clip frame that begins before this moment is the one that the film frame shows.
    """
    return (num_frames - _HALF) / fps


def frames_filled(seconds: Fraction, fps: FrameRate) -> int:
    """How many film frames a clip of `seconds` fills before its last picture is held."""
    return max(1, ceil(seconds * fps - _HALF))
