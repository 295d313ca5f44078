"""Convert a clip's frame rate to the film's, by time.

Film frame k shows the clip at the middle of that frame, `(k + 1/2) / fps` seconds. At equal rates
that is clip frame k, even if the container rounds times. A clip that is too short holds its last
picture. A clip that must end on a picture is stretched instead: it plays slower or faster, so that
its last frame is the film's last frame, too.
"""

from fractions import Fraction
from math import ceil

from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.ffmpeg import Graph

_HALF = Fraction(1, 2)


def retime(
    stream: Graph, num_frames: int, fps: FrameRate, stretched: Fraction | None = None
) -> Graph:
    """Return `num_frames` frames at `fps` of `stream`, which starts at 0.

    The first filter works in half frames, which is exact for the middle of a frame. Rounding down
    keeps the clip's last picture, however short.

    Args:
        stream: The clip.
        num_frames: The number of frames.
        fps: Their rate.
        stretched: The length of `stream` in seconds, if it is to fill all frames.
    """
    if stretched is not None:
        factor = num_frames / (stretched * fps)
        stream = stream.filter("setpts", f"PTS*{factor.numerator}/{factor.denominator}")
    halves = stream.filter("fps", 2 * fps, round="down", eof_action="pass")
    held = halves.filter("tpad", stop=-1, stop_mode="clone")
    return held.filter("fps", fps, round="up").filter("trim", end_frame=num_frames)


def end_of_use(num_frames: int, fps: FrameRate, stretched: Fraction | None = None) -> Fraction:
    """Return the time in the clip, in seconds, that the last of `num_frames` film frames shows.

    The film frame shows the last clip frame that begins before this time. `stretched` is the length
    of the used part, in seconds, if it fills all frames.
    """
    if stretched is not None:
        return stretched * (num_frames - _HALF) / num_frames
    return (num_frames - _HALF) / fps


def frames_filled(seconds: Fraction, fps: FrameRate) -> int:
    """Return how many film frames a clip of `seconds` fills before its last picture is held."""
    return max(1, ceil(seconds * fps - _HALF))
