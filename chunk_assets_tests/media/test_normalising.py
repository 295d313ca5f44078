"""Any model's clip becomes one of the film's format: rate, size, length, colours, no sound."""

import math
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chunk_assets.errors import MediaError, SpecError
from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.clips import ClipFormat, check, normalise, normaliser_graph
from chunk_assets.media.encoding import cover_size
from chunk_assets.media.ffmpeg import arguments, executable
from chunk_assets.media.frames import probe
from chunk_assets_tests.media.media import (
    assert_looks_like,
    film_of,
    foreign_clip,
    mean_error,
    numbers_in,
    photo,
    take,
    write_clip,
)

SIZE = (160, 96)
H264 = {"c:v": "libx264", "preset": "veryfast", "crf": 8, "pix_fmt": "yuv420p"}


def came(tmp_path: Path, count: int, fps: int | str = 24, **options: object) -> Path:
    frames = take("coffee", count, SIZE)
    return foreign_clip(tmp_path / "came.mp4", frames, fps, **{**H264, **options})


def test_the_whole_argument_list(tmp_path: Path) -> None:
    """What is asked of FFmpeg for an untagged HD clip that is scaled, cropped and trimmed."""
    source = foreign_clip(tmp_path / "came.mp4", [photo("coffee", (1280, 720))], **H264)
    clip = ClipFormat(60, FrameRate(24), (1024, 576), (12,))
    graph = normaliser_graph(source, Path("o.mp4"), probe(source), clip, Fraction(2))
    accurate = "flags=accurate_rnd+full_chroma_int+full_chroma_inp+lanczos"
    assert arguments(graph, "ffmpeg")[6:14] == [
        *["-format_whitelist", "mov,mp4,matroska,webm,gif", "-i", f"file:{source}"],
        "-filter_complex",
        "[0:0]setpts=PTS-STARTPTS[s0];[s0]trim=end=1.999000[s1];"
        "[s1]fps=48:eof_action=pass:round=down[s2];[s2]tpad=stop=-1:stop_mode=clone[s3];"
        "[s3]fps=24:round=up[s4];[s4]trim=end_frame=60[s5];"
        f"[s5]scale={accurate}:h=576:in_color_matrix=bt709:in_range=tv:out_color_matrix=bt709:"
        "out_h_chr_pos=128:out_range=tv:out_v_chr_pos=128:w=1024[s6];[s6]crop=1024:576[s7];"
        "[s7]setsar=1[s8];[s8]format=yuv420p[s9];[s9]setparams="
        "color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv[s10]",
        *["-map", "[s10]"],
    ]


def test_a_clip_in_bt601_is_converted_by_the_fast_filter(tmp_path: Path) -> None:
    """What most models give is brought to bt709 without a way through RGB."""
    source = foreign_clip(tmp_path / "came.mp4", [photo("coffee", (1024, 576))], **H264)
    graph = normaliser_graph(
        source, Path("o.mp4"), probe(source), ClipFormat(1, FrameRate(24), (1024, 576)), None
    )
    [filters] = [each for each in arguments(graph, "ffmpeg") if each.startswith("[0:0]")]
    accurate = "flags=accurate_rnd+full_chroma_int+full_chroma_inp+lanczos"
    assert (
        "colorspace=all=bt709:fast=1:format=yuv420p:iall=bt601-6-625:irange=tv[s5];"
        f"[s5]scale={accurate}:h=576:in_color_matrix=bt709:in_range=tv:out_color_matrix=bt709:"
    ) in filters


def test_a_long_clip_loses_its_end(tmp_path: Path) -> None:
    """The first frames of the asked number stay, each as it was."""
    source = came(tmp_path, 72)
    result = normalise(source, tmp_path / "a.mp4", ClipFormat(60, FrameRate(24), SIZE, (12, 48)))
    assert (result.held_frames, result.source.frames, result.info.frames) == (0, 72, 60)
    assert numbers_in(tmp_path / "a.mp4") == list(range(60))
    check(tmp_path / "a.mp4", ClipFormat(60, FrameRate(24), SIZE, (12, 48)))


@pytest.mark.parametrize("count", [1, 47, 59])
def test_a_short_clip_holds_its_last_picture(tmp_path: Path, count: int) -> None:
    """A clip that came too short was paid for all the same."""
    result = normalise(
        came(tmp_path, count), tmp_path / "a.mp4", ClipFormat(60, FrameRate(24), SIZE)
    )
    assert result.held_frames == 60 - count
    assert numbers_in(tmp_path / "a.mp4") == [min(n, count - 1) for n in range(60)]


@pytest.mark.parametrize("fps", [1, 8, 12, 16, 25, 30, "30000/1001", 48, 60, 120])
def test_another_rate_is_converted_by_time(tmp_path: Path, fps: int | str) -> None:
    """Each frame shows what the source showed at that time, half a frame more or less."""
    rate = Fraction(fps)
    source = came(tmp_path, math.ceil(rate), fps)
    result = normalise(source, tmp_path / "a.mp4", ClipFormat(24, FrameRate(24), SIZE))
    for frame, number in enumerate(numbers_in(tmp_path / "a.mp4")):
        shown = Fraction(number) / rate
        longest = max(1 / rate, Fraction(1, 24))
        assert abs(shown - Fraction(frame, 24)) <= longest, f"frame {frame} shows {number}"
    assert result.held_frames == 0


def test_a_changing_rate_is_converted_by_time(tmp_path: Path) -> None:
    """A clip with variable frame rate keeps its pace."""
    pick = [("select", {"expr": "lt(n,12)+not(mod(n,4))"})]
    frames = take("coffee", 48, SIZE)
    options = {**H264, "fps_mode": "vfr"}
    source = foreign_clip(tmp_path / "came.mp4", frames, filters=pick, **options)
    assert not probe(source).has_constant_rate
    normalise(source, tmp_path / "a.mp4", ClipFormat(44, FrameRate(24), SIZE))
    shown = numbers_in(tmp_path / "a.mp4")
    assert shown == [n if n < 12 else n - n % 4 for n in range(44)]


def test_only_the_used_part_is_used(tmp_path: Path) -> None:
    """What lies behind the used part is not shown; its last frame is held."""
    result = normalise(
        came(tmp_path, 48),
        tmp_path / "a.mp4",
        ClipFormat(24, FrameRate(24), SIZE),
        used=Fraction(1, 2),
    )
    assert result.held_frames == 12
    assert numbers_in(tmp_path / "a.mp4") == [min(n, 11) for n in range(24)]
    with pytest.raises(SpecError, match="0 seconds of the clip would be used"):
        normalise(
            tmp_path / "came.mp4",
            tmp_path / "a.mp4",
            ClipFormat(1, FrameRate(24), SIZE),
            Fraction(0),
        )


def test_a_start_that_is_not_zero_is_no_gap(tmp_path: Path) -> None:
    """Frames that begin late in their file, or with hidden ones before them, begin the clip."""
    late = came(tmp_path, 24, output_ts_offset=3.7)
    normalise(late, tmp_path / "a.mp4", ClipFormat(24, FrameRate(24), SIZE))
    assert numbers_in(tmp_path / "a.mp4") == list(range(24))
    source = came(tmp_path, 48, g=48, bf=3)
    cut = tmp_path / "cut.mp4"  # a stream copy from frame 18 on: an edit list hides the rest
    copy = ["-v", "error", "-ss", "0.75", "-i", source, "-c", "copy", cut]
    subprocess.run([executable(), *copy], check=True)
    normalise(cut, tmp_path / "b.mp4", ClipFormat(24, FrameRate(24), SIZE))
    assert numbers_in(tmp_path / "b.mp4") == list(range(18, 42))


@pytest.mark.parametrize(
    ("size", "frame", "expected"),
    [
        ((1280, 720), (1024, 576), (1024, 576)),
        ((1024, 1024), (1024, 576), (1024, 1024)),
        ((1080, 1920), (1024, 576), (1024, 1820)),
        ((1920, 800), (1024, 576), (1382, 576)),
        ((500, 500), (576, 1024), (1024, 1024)),
        ((333, 777), (100, 100), (100, 233)),
    ],
)
def test_pictures_cover_the_frame(
    size: tuple[int, int], frame: tuple[int, int], expected: tuple[int, int]
) -> None:
    """Scaled in proportion until nothing of the frame is empty."""
    assert cover_size(size, frame) == expected


@pytest.mark.parametrize("size", [(240, 96), (160, 160), (90, 162), (161, 97)])
def test_another_shape_is_cropped_in_the_middle(tmp_path: Path, size: tuple[int, int]) -> None:
    """A circle stays a circle, in the middle of the frame."""
    y, x = np.mgrid[: size[1], : size[0]]
    away = np.hypot(x - size[0] / 2 + 0.5, y - size[1] / 2 + 0.5)
    picture = np.repeat(np.where(away < 20, 230, 30).astype(np.uint8)[..., None], 3, axis=2)
    options = {**H264, "pix_fmt": "yuv444p"}
    source = foreign_clip(tmp_path / "came.mp4", [picture] * 2, **options)
    normalise(source, tmp_path / "a.mp4", ClipFormat(2, FrameRate(24), SIZE))
    is_bright = film_of(tmp_path / "a.mp4")[0].mean(axis=2) > 128
    rows, columns = np.flatnonzero(is_bright.any(axis=1)), np.flatnonzero(is_bright.any(axis=0))
    assert abs(len(rows) - len(columns)) <= 2, "the circle is distorted"
    assert abs(rows.mean() - 47.5) <= 1.5, "it is not in the middle"
    assert abs(columns.mean() - 79.5) <= 1.5, "it is not in the middle"


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_clip_stands_upright(tmp_path: Path, turn: int) -> None:
    """Rotation metadata (telephones) is applied, as players do."""
    source = came(tmp_path, 3)
    turned = tmp_path / "turned.mp4"
    copy = ["-v", "error", "-display_rotation", str(turn), "-i", source, "-c", "copy", turned]
    subprocess.run([executable(), *copy], check=True)
    size = SIZE if turn == 180 else (96, 160)
    normalise(turned, tmp_path / "a.mp4", ClipFormat(3, FrameRate(24), size))
    upright = np.rot90(take("coffee", 3, SIZE)[0], turn // 90)
    assert_looks_like(film_of(tmp_path / "a.mp4")[0], upright, error=6, what="turned, ours")
    assert_looks_like(film_of(turned)[0], upright, error=6, what="turned, as it came")


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    """An anamorphic clip is stretched to what a person sees, not left narrow."""
    narrow = foreign_clip(
        tmp_path / "came.mp4",
        [photo("coffee", (80, 96))] * 2,
        filters=[("setsar", {"sar": "2"})],
        **H264,
    )
    assert (probe(narrow).width, probe(narrow).height) == SIZE
    normalise(narrow, tmp_path / "a.mp4", ClipFormat(2, FrameRate(24), SIZE))
    wide = film_of(tmp_path / "a.mp4")[0]
    assert mean_error(wide, np.repeat(photo("coffee", (80, 96)), 2, axis=1)) < 8
    assert_looks_like(film_of(narrow)[0], wide, error=4, what="as it came")


def test_sound_is_dropped(tmp_path: Path) -> None:
    """Models that render sound too have it removed: a film's sound is made elsewhere."""
    silent = came(tmp_path, 24)
    talkie = tmp_path / "talkie.mp4"
    sound = ["-f", "lavfi", "-i", "sine=duration=3", "-c:v", "copy", "-c:a", "aac"]
    subprocess.run([executable(), "-v", "error", "-i", silent, *sound, talkie], check=True)
    normalise(talkie, tmp_path / "a.mp4", ClipFormat(24, FrameRate(24), SIZE))
    assert b"mp4a" in talkie.read_bytes()
    assert b"mp4a" not in (tmp_path / "a.mp4").read_bytes()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.webm", {"c:v": "libvpx-vp9", "deadline": "realtime", "cpu-used": 8, "crf": 10}),
        ("a.mkv", {**H264, "bf": 3}),
        ("a.mov", {"c:v": "prores_ks", "pix_fmt": "yuv422p10le"}),
        ("a.gif", {}),
    ],
)
def test_other_containers_are_taken(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    """WebM, MKV, MOV and GIF come in as well as MP4, rounded times and all."""
    source = foreign_clip(tmp_path / name, take("coffee", 25, SIZE), 25, **options)
    result = normalise(source, tmp_path / "n.mp4", ClipFormat(25, FrameRate(25), SIZE))
    assert result.held_frames == 0
    assert numbers_in(tmp_path / "n.mp4") == list(range(25))


def test_a_clip_in_the_format_stays_what_it_is(tmp_path: Path) -> None:
    """Normalising one's own clip changes nothing that can be seen."""
    frames = take("astronaut", 12, SIZE)
    source = write_clip(tmp_path / "a.mp4", frames)
    normalise(source, tmp_path / "b.mp4", ClipFormat(12, FrameRate(24), SIZE))
    for before, after in zip(film_of(source), film_of(tmp_path / "b.mp4"), strict=True):
        assert_looks_like(after, before, error=2, each_bias=0.4)


def test_a_broken_source_leaves_nothing(tmp_path: Path) -> None:
    """Only whole clips get their name."""
    source = tmp_path / "came.mp4"
    source.write_bytes(b"<html>404</html>")
    with pytest.raises(MediaError, match=r"came.mp4' cannot be read as a video"):
        normalise(source, tmp_path / "a.mp4", ClipFormat(12, FrameRate(24), SIZE))
    assert list(tmp_path.iterdir()) == [source]
