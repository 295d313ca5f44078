"""Encoder options and colour conversion, the same for every video that this project encodes."""

from fractions import Fraction
from typing import Any

from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.ffmpeg import Graph

ACCURATE = "accurate_rnd+full_chroma_int+full_chroma_inp+lanczos"
"""Flags that keep swscale from truncating, which costs one level per conversion."""


ENCODING = "3"
"""Version of the encoding: increased when pictures or parameter sets change."""


def container_options(fps: FrameRate) -> dict[str, str]:
    """Return the MP4 muxer's options: 1000 ticks per frame, and the index at the start."""
    return {
        "video_track_timescale": str(1000 * fps),
        "movie_timescale": str(1000 * fps),  # the default of 1000 cannot express 1/24 s
        "movflags": "+faststart",
    }


CRF_TO_SEE, CRF_TO_USE = 16, 13
"""x264's quality for viewing (47 dB, SSIM 0.992 for drawings on grained paper), and for clips that
other pictures are made from (49 dB, for 60 % more bytes)."""


def encoder_options(
    fps: FrameRate, keyframes: tuple[int, ...] = (), crf: int = CRF_TO_SEE
) -> dict[str, Any]:
    """Return FFmpeg's output options for a clip with IDR frames at `keyframes`.

    Streams of the same size and rate have the same parameter sets at any quality, so that they can
    be concatenated without encoding. Without B-frames, every keyframe is a clean cut, and no edit
    list, which some editing programs ignore, is needed to start at 0.
    """
    forced = "+".join(f"eq(n,{frame})" for frame in keyframes)
    return {
        "format": "mp4",
        "an": None,
        "c:v": "libx264",
        # Takes 2/3 of the time of "veryfast" at the same size and quality. A film waits for its
        # last clip.
        "preset": "superfast",
        "profile:v": "high",
        "crf": crf,
        "bf": 0,
        "g": 2 * fps,
        "threads": 4,  # fixed: x264's output depends on the number of threads
        "x264-params": "stitchable=1:scenecut=0:open-gop=0:chromaloc=1",  # 1: see `to_bt709`
        "forced-idr": 1,
        **({"force_key_frames": f"expr:{forced}"} if forced else {}),
        "fps_mode": "passthrough",
        "map_metadata": -1,
        **container_options(fps),
    }


def to_bt709(stream: Graph, *, crop: tuple[int, int] | None = None, **scale: str | int) -> Graph:
    """Convert `stream` to yuv420p in bt709, tv range, with square pixels and the matching tags.

    Args:
        stream: Any video.
        crop: The size to crop to, centred, after scaling.
        scale: Further options of the `scale` filter: a size, or the input's colour.
    """
    colour = {"out_color_matrix": "bt709", "out_range": "tv", "flags": ACCURATE}
    # Chroma is centred between its four pixels. That is FFmpeg's default and what it assumes for
    # untagged video, so most clips need no resampling. `encoder_options` tags it, since players
    # assume the left position otherwise.
    centre = {"out_h_chr_pos": 128, "out_v_chr_pos": 128}
    stream = stream.filter("scale", **scale, **colour, **centre)
    if crop is not None:
        stream = stream.filter("crop", *crop)
    return as_bt709(stream.filter("setsar", 1))


def from_bt601(stream: Graph) -> Graph:
    """Convert `stream` from yuv420p in bt601 and tv range, as most hosted models use, to bt709.

    `colorspace` rounds about as well as `scale` (1024×576: mean error 0.64 of 255 instead of 0.49,
    at most 3 instead of 12) in a tenth of the time. Only the film is made from a normalised clip,
    so rounding errors do not accumulate.
    """
    return stream.filter(
        "colorspace", iall="bt601-6-625", irange="tv", all="bt709", fast=1, format="yuv420p"
    )


def as_bt709(stream: Graph) -> Graph:
    """Tag `stream`, which is already bt709 in tv range, and convert it to yuv420p."""
    tags = dict.fromkeys(("color_primaries", "color_trc", "colorspace"), "bt709")
    return stream.filter("format", "yuv420p").filter("setparams", range="tv", **tags)


def cover_size(size: tuple[int, int], frame: tuple[int, int]) -> tuple[int, int]:
    """Return the smallest size with the proportions of `size` that covers `frame`."""
    scale = max(Fraction(frame[0], size[0]), Fraction(frame[1], size[1]))
    return max(frame[0], round(size[0] * scale)), max(frame[1], round(size[1] * scale))
