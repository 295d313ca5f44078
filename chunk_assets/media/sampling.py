"""A few of a video's pictures, for a person to judge it by at a glance."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av.error
from PIL import Image

from chunk_assets.errors import MediaError
from chunk_assets.media.containers import open_video
from chunk_assets.media.rgb import RgbConverter


def sample_frames(path: Path | str, of: int, count: int, width: int) -> list[Image.Image]:
    """Some of a clip's frames in their true colours, evenly apart, in order.

    Args:
        path: The clip.
        of: How many frames it has; when it has fewer, fewer pictures come.
        count: How many pictures are wanted, at least 1.
        width: How wide they may be, in pixels: wider ones are scaled down.

    Raises:
        MediaError: The file cannot be read, or none of the wanted frames can be decoded.
    """
    wanted = {(2 * number + 1) * of // (2 * count) for number in range(count)}
    pictures = []
    with open_video(path) as video:
        # Nobody waits for it: threads take half as much processor more.
        video.stream.thread_type = "NONE"
        convert = RgbConverter(width)
        for number, frame in enumerate(video.frames()):
            if number in wanted:
                pictures.append(Image.fromarray(convert(frame, video.presentation(frame))))
    if not pictures:
        raise MediaError(f"no frame of {str(path)!r} can be decoded", path=str(path))
    return pictures


def keyframes_at(path: Path | str, seconds: Sequence[Fraction], width: int) -> list[Image.Image]:
    """For each moment the keyframe at or before it: one frame is decoded for one picture.

    Args:
        path: A film of ours, whose keyframes are at most two seconds apart.
        seconds: The moments.
        width: How wide the pictures may be, in pixels.

    Raises:
        MediaError: The file cannot be read, sought or decoded.
    """
    return _at(path, seconds, width, is_exact=False)


def frames_at(path: Path | str, seconds: Sequence[Fraction], width: int) -> list[Image.Image]:
    """Return for each moment the first frame that is shown at it or later, or the film's last.

    Args:
        path: A film of ours.
        seconds: The moments.
        width: How wide the pictures may be, in pixels.

    Raises:
        MediaError: The file cannot be read, sought or decoded.
    """
    return _at(path, seconds, width, is_exact=True)


def _at(
    path: Path | str, seconds: Sequence[Fraction], width: int, *, is_exact: bool
) -> list[Image.Image]:
    """The pictures of `keyframes_at` or `frames_at`.

    Raises:
        MediaError: The file cannot be read, sought or decoded.
    """
    pictures = []
    with open_video(path) as video:
        stream = video.stream
        stream.thread_type = "NONE"  # threads of frames would read on before they give the first
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
                if not is_exact or (frame.pts or 0) * video.time_base >= moment:
                    break
            if frame is None:
                raise MediaError(f"{str(path)!r} has no picture at {float(moment):g} s")
            pictures.append(Image.fromarray(convert(frame, video.presentation(frame))))
    return pictures
