"""How everything this project encodes is encoded, and how its colours are converted."""

from fractions import Fraction
from typing import Any

from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.ffmpeg import Graph

ACCURATE = "accurate_rnd+full_chroma_int+full_chroma_inp+lanczos"
"""What swscale needs so as not to truncate, which costs one level at every conversion."""


ENCODING = "3"
"""Changes when what is encoded here comes out with other pictures or parameter sets."""


def container_options(fps: FrameRate) -> dict[str, str]:
    """Return the MP4 muxer's options: every frame takes 1000 ticks, and the index comes first."""
    return {
        "video_track_timescale": str(1000 * fps),
        "movie_timescale": str(1000 * fps),  # the default of 1000 cannot say 1/24 s
        "movflags": "+faststart",
    }


CRF_TO_SEE, CRF_TO_USE = 16, 13
"""x264's quality of what is only looked at (47 dB, SSIM 0.992 of drawings on grained paper), and of
what other pictures are made from (49 dB, for 60 % more bytes)."""


def encoder_options(
    fps: FrameRate, keyframes: tuple[int, ...] = (), crf: int = CRF_TO_SEE
) -> dict[str, Any]:
    """Return FFmpeg's output options for a clip with IDR frames at `keyframes`.

    Streams of one size and rate that are made with them, of whatever quality, have the same
    parameter sets, so that one can follow the other in a film as it is. There are no B-frames:
    each frame is decoded when it is shown, so that every keyframe is a clean cut and no edit list
    is needed to begin at 0, which some editing programs ignore.
    """
    forced = "+".join(f"eq(n,{frame})" for frame in keyframes)
    return {
        "format": "mp4",
        "an": None,
        "c:v": "libx264",
        # 2/3 of the time that "veryfast" takes for the same size and quality: the last clip of a
        # film is waited for.
        "preset": "superfast",
        "profile:v": "high",
        "crf": crf,
        "bf": 0,
        "g": 2 * fps,
        "threads": 4,  # fixed, since x264 writes other bytes for another number of threads
        "x264-params": "stitchable=1:scenecut=0:open-gop=0:chromaloc=1",  # 1: see `to_bt709`
        "forced-idr": 1,
        **({"force_key_frames": f"expr:{forced}"} if forced else {}),
        "fps_mode": "passthrough",
        "map_metadata": -1,
        **container_options(fps),
    }


def to_bt709(stream: Graph, *, crop: tuple[int, int] | None = None, **scale: str | int) -> Graph:
    """Return `stream` as yuv420p in bt709, tv range, with square pixels, tagged so.

    Args:
        stream: Any pictures.
        crop: The size to cut out of the middle once they are scaled.
        scale: Further options of the `scale` filter: a size, or the colour of what comes in.
    """
    colour = {"out_color_matrix": "bt709", "out_range": "tv", "flags": ACCURATE}
    # Chroma lies in the middle of its four pixels: what FFmpeg makes, and takes untagged video
    # for, so that most clips need no resampling. `encoder_options` tags it, since players take
    # what is not tagged to lie left.
    centre = {"out_h_chr_pos": 128, "out_v_chr_pos": 128}
    stream = stream.filter("scale", **scale, **colour, **centre)
    if crop is not None:
        stream = stream.filter("crop", *crop)
    return as_bt709(stream.filter("setsar", 1))


def from_bt601(stream: Graph) -> Graph:
    """Return `stream`, yuv420p in bt601 and tv range, in bt709.

    As most hosted models' clips come. `colorspace` rounds as well as `scale` does (1024×576: mean
    error 0.64 of 255 beside 0.49, at most 3 instead of 12) in a tenth of the time; nothing is made
    from a normalised clip but the film, so that no rounding adds up.
    """
    return stream.filter(
        "colorspace", iall="bt601-6-625", irange="tv", all="bt709", fast=1, format="yuv420p"
    )


def as_bt709(stream: Graph) -> Graph:
    """Return `stream`, whose numbers are bt709 in tv range already, as yuv420p tagged so."""
    tags = dict.fromkeys(("color_primaries", "color_trc", "colorspace"), "bt709")
    return stream.filter("format", "yuv420p").filter("setparams", range="tv", **tags)


def cover_size(size: tuple[int, int], frame: tuple[int, int]) -> tuple[int, int]:
    """Return `size` scaled, its proportions kept, so that it just covers `frame`."""
    scale = max(Fraction(frame[0], size[0]), Fraction(frame[1], size[1]))
    return max(frame[0], round(size[0] * scale)), max(frame[1], round(size[1] * scale))
