"""Take a few pictures of a video, for previews."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av.error
from PIL import Image

from chunk_assets.errors import MediaError
from chunk_assets.media.containers import open_video
from chunk_assets.media.rgb import RgbConverter


def sample_frames(path: Path | str, of: int, count: int, width: int) -> list[Image.Image]:
    """Return evenly spaced frames of a clip, in order.

    Args:
        path: The clip.
        of: How many frames it has; if it has fewer, fewer pictures are returned.
        count: The number of pictures, at least 1.
        width: The largest width in pixels.

    Raises:
        MediaError: The file cannot be read, or none of these frames can be decoded.
    """
    wanted = {(2 * number + 1) * of // (2 * count) for number in range(count)}
    pictures = []
    with open_video(path) as video:
        # Not time-critical: threads would cost 50 % more CPU time.
        video.stream.thread_type = "NONE"
        convert = RgbConverter(width)
        for number, frame in enumerate(video.frames()):
            if number in wanted:
                pictures.append(Image.fromarray(convert(frame, video.presentation(frame))))
    if not pictures:
        raise MediaError(f"no frame of {str(path)!r} can be decoded", path=str(path))
    return pictures


def frames_at(
    path: Path | str, seconds: Sequence[Fraction], width: int, *, are_keyframes: bool = False
) -> list[Image.Image]:
    """Return, for each time, the first frame shown at or after it, or else the last frame.

    Args:
        path: A film of this project, whose keyframes are at most two seconds apart.
        seconds: The times.
        width: The largest width in pixels.
        are_keyframes: Return the keyframe at or before each time instead: only it is decoded.

    Raises:
        MediaError: The file cannot be read, sought or decoded.
    """
    pictures = []
    with open_video(path) as video:
        stream = video.stream
        stream.thread_type = "NONE"  # frame threads read ahead before they return the first frame
        convert = RgbConverter(width)
        for moment in seconds:
            try:
                video.container.seek(int(moment / video.time_base), stream=stream)
            except av.error.FFmpegError as error:
                message = f"{str(path)!r} cannot be sought at {float(moment):g} s"
                raise MediaError(message, path=str(path)) from error
            frame = None
            for decoded in video.frames():
                frame = decoded
                if are_keyframes or (frame.pts or 0) * video.time_base >= moment:
                    break
            if frame is None:
                raise MediaError(f"{str(path)!r} has no picture at {float(moment):g} s")
            pictures.append(Image.fromarray(convert(frame, video.presentation(frame))))
    return pictures
