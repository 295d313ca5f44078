"""A clip's last frame and the stored clip show the same, as a person sees the clip as it came."""

import struct
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.clips import ClipFormat, normalise
from chunk_assets.media.ffmpeg import executable
from chunk_assets.media.frames import last_frame, probe
from chunk_assets_tests.media.media import assert_looks_like, foreign_clip, photo, take

SIZE = (160, 96)
H264 = {"c:v": "libx264", "preset": "ultrafast", "crf": 4, "pix_fmt": "yuv420p"}


def ffmpeg(*arguments: object) -> None:
    command = [executable(), "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True)


def assert_shows(
    clip: Path, expected: np.ndarray, *, error: float = 4.0, each_bias: float = 1.5
) -> None:
    """Both the last frame and the stored clip's look like `expected`, and like one another."""
    size = (expected.shape[1], expected.shape[0])
    last = np.asarray(ImageOps.fit(last_frame(str(clip)), size))
    assert_looks_like(last, expected, error=error, each_bias=each_bias, what=clip.name)
    stored = clip.with_suffix(".stored.mp4")
    normalise(clip, stored, ClipFormat(6, FrameRate(24), size))
    shown = np.asarray(last_frame(str(stored)))
    assert_looks_like(shown, last, error=3.0, each_bias=0.6, what=f"{clip.name}, stored")


def film(path: Path, **options: Any) -> Path:
    return foreign_clip(path, [photo("coffee", SIZE)] * 6, 24, (), **{**H264, **options})


def still(path: Path) -> Path:
    Image.fromarray(photo("astronaut", (128, 128))).save(path)
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("is_marked", [True, False])
def test_a_cover_is_never_the_film(
    tmp_path: Path, name: str, is_first: bool, is_marked: bool
) -> None:
    """A cover picture or thumbnail beside the film is passed over, first or last, marked or not."""
    clip, cover = film(tmp_path / "film.mp4"), still(tmp_path / "cover.jpg")
    maps = ["-map", "1", "-map", "0"] if is_first else ["-map", "0", "-map", "1"]
    marked = ["-disposition:v:0" if is_first else "-disposition:v:1", "attached_pic"]
    target = tmp_path / name
    ffmpeg("-i", clip, "-i", cover, *maps, "-c", "copy", *(marked if is_marked else []), target)
    assert probe(target).codec == "h264"
    assert_shows(target, photo("coffee", SIZE))


MATRICES = {
    "none": (1, 0, 0, 1),
    "flipped across": (-1, 0, 0, 1),
    "flipped down": (1, 0, 0, -1),
    "turned by 180": (-1, 0, 0, -1),
    "turned clockwise": (0, 1, -1, 0),
    "turned counterclockwise": (0, -1, 1, 0),
    "transposed": (0, 1, 1, 0),
    "transposed across": (0, -1, -1, 0),
}


@pytest.mark.parametrize("kind", MATRICES)
def test_every_display_matrix_is_followed(tmp_path: Path, kind: str) -> None:
    """What a track's matrix says: each coded pixel is shown where it sends it (ISO 14496-12)."""
    a, b, c, d = MATRICES[kind]
    clip = film(tmp_path / "a.mp4")
    data = bytearray(clip.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    numbers = (a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    data[matrix : matrix + 36] = struct.pack(">9i", *numbers)
    clip.write_bytes(data)
    coded = photo("coffee", SIZE)
    height, width = coded.shape[:2]
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    x, y = a * across + c * down, b * across + d * down
    x, y = x - x.min(), y - y.min()
    expected = np.empty((y.max() + 1, x.max() + 1, 3), np.uint8)
    expected[y, x] = coded
    assert_shows(clip, expected)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov"])
@pytest.mark.parametrize("of_codec", [None, "1/1", "2/1"])
def test_the_containers_pixel_aspect_counts_first(
    tmp_path: Path, name: str, of_codec: str | None
) -> None:
    """A container that says 3:4 is followed, whatever the codec says."""
    clip = film(tmp_path / "film.mp4")
    bits = [] if of_codec is None else ["-bsf:v", f"h264_metadata=sample_aspect_ratio={of_codec}"]
    target = tmp_path / name
    ffmpeg("-i", clip, "-c", "copy", *bits, tmp_path / "b.mp4")
    ffmpeg("-i", tmp_path / "b.mp4", "-c", "copy", "-aspect", Fraction(160 * 3, 96 * 4), target)
    assert (probe(target).width, probe(target).height) == (120, 96)
    expected = Image.fromarray(photo("coffee", SIZE)).resize((120, 96), Image.Resampling.LANCZOS)
    assert_shows(target, np.asarray(expected))


def test_a_size_that_changes_becomes_one(tmp_path: Path) -> None:
    """Clips whose pictures change their size or shape are scaled picture by picture."""
    for codec, suffix in (("libx264", "ts"), ("mjpeg", "avi")):
        parts = []
        for number, size in enumerate([(160, 96), (80, 48), (96, 96)]):
            part = tmp_path / f"{number}.{suffix}"
            options = {"c:v": codec, "crf": 4} if codec == "libx264" else {"c:v": codec, "q:v": 1}
            frames = take("coffee", 12, size, first=12 * number)
            parts.append(foreign_clip(part, frames, 24, (), pix_fmt="yuvj420p", **options))
        listed = tmp_path / "parts.txt"
        listed.write_text("".join(f"file '{part}'\n" for part in parts))
        whole = tmp_path / f"{codec}.mkv"
        ffmpeg("-f", "concat", "-safe", 0, "-i", listed, "-c", "copy", whole)
        normalise(whole, tmp_path / "n.mp4", ClipFormat(36, FrameRate(24), SIZE))
        last = np.asarray(ImageOps.fit(last_frame(str(whole)), SIZE))
        shown = np.asarray(last_frame(str(tmp_path / "n.mp4")))
        assert_looks_like(shown, last, error=5, each_bias=1.5, what=codec)


PQ = {"transfer": "smpte2084", "primaries": "2020", "matrix": "2020_ncl", "npl": "203"}
HLG = {**PQ, "transfer": "arib-std-b67"}
WIDE = {"transfer": "709", "primaries": "2020", "matrix": "2020_ncl"}
P3 = {"transfer": "709", "primaries": "smpte432", "matrix": "709"}


@pytest.mark.parametrize(
    ("colours", "hdr", "error"),
    [(PQ, "PQ", 10.0), (HLG, "HLG", 14.0), (WIDE, None, 4.0), (P3, None, 4.0)],
)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp4", {"c:v": "libx265", "x265-params": "log-level=none", "crf": 4}),
        ("a.webm", {"c:v": "libvpx-vp9", "deadline": "realtime", "cpu-used": 8, "crf": 4}),
        ("a.mkv", {"c:v": "libx264", "preset": "ultrafast", "crf": 4}),
    ],
)
def test_hdr_and_wide_gamuts_are_shown_in_bt709(
    tmp_path: Path,
    colours: dict[str, str],
    hdr: str | None,
    error: float,
    name: str,
    options: dict[str, Any],
) -> None:
    """A photograph brought to HDR or a wide gamut comes back near to what it was.

    zscale makes HLG channel by channel, where ITU-R BT.2100 has luminance: hence its bias.
    """
    picture = photo("coffee", SIZE)
    source = {"transferin": "709", "primariesin": "709", "matrixin": "709", "rangein": "limited"}
    to_yuv = [("scale", {"out_color_matrix": "bt709"}), ("format", {"pix_fmts": "yuv444p"})]
    filters = [*to_yuv, ("zscale", {**source, **colours}), ("format", {"pix_fmts": "yuv420p10le"})]
    clip = foreign_clip(tmp_path / name, [picture] * 6, 24, filters, **options)
    assert probe(clip).hdr == hdr
    assert_shows(clip, picture, error=error, each_bias=11.0 if hdr else 2.0)


def test_transparent_pixels_are_paper(tmp_path: Path) -> None:
    """What is transparent shows white, as in an animatic's pictures, in every kind of clip."""
    rgba = np.dstack([photo("coffee", SIZE), np.full((96, 160), 255, np.uint8)])
    rgba[:, :80, 3] = 0
    expected = rgba[..., :3].copy()
    expected[:, :80] = 255
    picture = Image.fromarray(rgba)
    more = [picture.copy() for _ in range(5)]
    for number, other in enumerate(more):  # or the encoder makes one long frame of all
        other.putpixel((100, 50), (number, 0, 0, 255))
    for name in ("a.webp", "a.png"):
        picture.save(
            tmp_path / name, save_all=True, append_images=more, duration=42, lossless=True
        )  # PNG always is
        assert_shows(tmp_path / name, expected)
    ffmpeg("-i", tmp_path / "a.png", "-c:v", "prores_ks", "-profile:v", 4, tmp_path / "a.mov")
    assert probe(tmp_path / "a.mov").pix_fmt.startswith("yuva")
    assert_shows(tmp_path / "a.mov", expected, error=5)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov"])
def test_tags_need_not_be_utf8(tmp_path: Path, name: str) -> None:
    """A title in another encoding is no obstacle: titles are never needed."""
    target = tmp_path / name
    title = ["-metadata", "title=CAFEX", "-metadata:s:v", "title=CAFEX"]
    ffmpeg("-i", film(tmp_path / "film.mp4"), "-c", "copy", *title, target)
    target.write_bytes(target.read_bytes().replace(b"CAFEX", b"CAF\xe9X"))
    assert_shows(target, photo("coffee", SIZE))
