"""Colours survive being filmed and read back, as often as a film has chunks."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.clips import ClipFormat, normalise
from chunk_assets.media.colour import reading
from chunk_assets.media.frames import extract_last_frame
from chunk_assets_tests.media.media import (
    PHOTOS,
    assert_looks_like,
    bias,
    foreign_clip,
    mean_error,
    photo,
    write_clip,
)

pytestmark = pytest.mark.slow

SIZE = (512, 288)  # small pictures have more detail a pixel, so that errors are larger here


def last_frame(clip: Path) -> np.ndarray:
    with Image.open(extract_last_frame(str(clip), output_path=f"{clip}.png")) as image:
        return np.asarray(image)


@pytest.mark.parametrize("name", PHOTOS[:2])
def test_fifteen_hops_do_not_drift(tmp_path: Path, name: str) -> None:
    """After fifteen chunks a picture has neither darkened nor blurred.

    Allowed are a bias of 0.6 and an error of 3 of 255; measured at 1024×576 are 0.17 and 1.8.
    """
    start = picture = photo(name, SIZE)
    for hop in range(15):
        count = 60 if hop else 48
        picture = last_frame(write_clip(tmp_path / "clip.mp4", [picture] * count))
    assert np.abs(bias(picture, start)).max() <= 0.3
    assert mean_error(picture, start) <= 2.6


def coded(matrix: str, range_: str, pix_fmt: str, tag: str) -> list[tuple[str, dict[str, str]]]:
    """Filters that turn RGB into another coding with zscale, which shares no code with swscale."""
    full = "full" if range_ == "pc" else "limited"
    return [
        ("zscale", {"matrix": matrix, "range": full, "chromal": "center"}),
        ("format", {"pix_fmts": pix_fmt}),
        ("setparams", {"colorspace": tag, "range": range_}),
    ]


AS_MOST_PROGRAMS_DO = [  # swscale's defaults: bt601, and no tags
    ("scale", {"out_color_matrix": "bt601"}),
    ("format", {"pix_fmts": "yuv420p"}),
    ("setparams", {"colorspace": "unknown"}),
]


@pytest.mark.parametrize(
    "filters",
    [coded("170m", "tv", "yuv420p", "smpte170m"), AS_MOST_PROGRAMS_DO],
    ids=["bt601", "untagged"],
)
def test_fifteen_hops_of_clips_as_they_came_do_not_drift(
    tmp_path: Path, filters: list[tuple[str, dict[str, str]]]
) -> None:
    """Frames taken from other encoders' clips, as the chain takes them, do not drift either."""
    start = picture = photo("coffee", SIZE)
    for _ in range(15):
        came = foreign_clip(
            tmp_path / "came.mp4",
            [picture] * 6,
            filters=filters,
            **{"c:v": "libx264", "crf": 4, "preset": "veryfast"},
        )
        picture = last_frame(came)
    assert np.abs(bias(picture, start)).max() <= 0.6
    assert mean_error(picture, start) <= 3.0


def test_fifteen_hops_through_normalising_do_not_drift(tmp_path: Path) -> None:
    """Normalising a foreign clip adds no colour drift."""
    start = picture = photo("coffee", SIZE)
    accurate = {"flags": "accurate_rnd+full_chroma_inp+lanczos", "out_color_matrix": "bt709"}
    for hop in range(15):
        came = foreign_clip(
            tmp_path / "came.mp4",
            [picture] * 6,
            fps=3,
            filters=[("scale", accurate), ("setparams", {"colorspace": "bt709"})],
            **{"c:v": "libx264", "crf": 4, "preset": "fast", "pix_fmt": "yuv420p"},
        )
        normalise(came, tmp_path / "clip.mp4", ClipFormat(60 if hop else 48, FrameRate(24), SIZE))
        picture = last_frame(tmp_path / "clip.mp4")
    assert np.abs(bias(picture, start)).max() <= 0.6
    assert mean_error(picture, start) <= 3.0


def test_the_usual_way_does_drift(tmp_path: Path) -> None:
    """PyAV's own conversion darkens by a level a hop, so that these tests can fail."""
    import av

    start = picture = photo("coffee", SIZE)
    for _ in range(5):
        clip = write_clip(tmp_path / "clip.mp4", [picture] * 4)
        with av.open(str(clip)) as container:
            picture = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)][-1]
    assert bias(picture, start).min() < -2.0


CODINGS = {
    "bt601": ("170m", "tv", "yuv420p", "smpte170m"),
    "bt709": ("709", "tv", "yuv420p", "bt709"),
    "full range": ("709", "pc", "yuv420p", "bt709"),
    "full range of bt601": ("170m", "pc", "yuv444p", "smpte170m"),
    "10 bit": ("709", "tv", "yuv420p10le", "bt709"),
    "10 bit 4:4:4 of bt2020": ("2020_ncl", "tv", "yuv444p10le", "bt2020nc"),
    "untagged SD": ("170m", "tv", "yuv420p", "unknown"),
}


@pytest.mark.parametrize("kind", CODINGS)
def test_every_colour_coding_is_read_as_what_it_is(tmp_path: Path, kind: str) -> None:
    """A photograph looks the same whatever matrix, range and depth it comes in, and normalised."""
    picture = photo("coffee", SIZE)
    clip = foreign_clip(
        tmp_path / "came.mp4",
        [picture] * 3,
        filters=coded(*CODINGS[kind]),
        **{"c:v": "libx264", "crf": 4, "preset": "ultrafast"},
    )
    assert_looks_like(last_frame(clip), picture, error=2.0, each_bias=0.2, what=kind)
    normalise(clip, tmp_path / "clip.mp4", ClipFormat(3, FrameRate(24), SIZE))
    assert_looks_like(
        last_frame(tmp_path / "clip.mp4"), picture, error=3.0, each_bias=0.3, what=f"{kind}, ours"
    )


@pytest.mark.parametrize(
    ("size", "matrix"),
    [
        ((1024, 576), "bt601"),
        ((576, 1024), "bt601"),
        ((1280, 720), "bt709"),
        ((720, 1280), "bt709"),
        ((768, 768), "bt709"),
    ],
)
def test_untagged_video_is_read_as_players_do(size: tuple[int, int], matrix: str) -> None:
    """Without tags, the size decides between bt601 and bt709, however the picture is turned."""
    assert reading("yuv420p", "unknown", "unknown", size) == {
        "in_color_matrix": matrix,
        "in_range": "tv",
    }


def test_rgb_needs_no_matrix() -> None:
    """Formats that are RGB already are read as they are."""
    assert reading("gbrp", "gbr", "pc", (640, 360)) == {}
    assert reading("yuvj420p", "bt470bg", "unknown", (640, 360))["in_range"] == "pc"
