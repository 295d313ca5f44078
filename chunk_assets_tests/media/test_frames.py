"""Videos are measured, not believed, and their last frame is the one a person saw last."""

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chunk_assets.errors import MediaError, SpecError
from chunk_assets.media.ffmpeg import executable
from chunk_assets.media.frames import extract_last_frame, probe, read_frames
from chunk_assets_tests.media.media import (
    assert_looks_like,
    foreign_clip,
    number_of,
    take,
    write_clip,
)

SIZE = (160, 96)
H264 = {"c:v": "libx264", "preset": "veryfast", "crf": 8, "pix_fmt": "yuv420p"}


def last_number(path: Path, until: Fraction | None = None) -> int:
    picture = extract_last_frame(str(path), until=until, output_path=str(path) + ".png")
    with Image.open(picture) as image:
        return number_of(np.asarray(image))


def copy(source: Path, target: Path, *before: str, after: tuple[str, ...] = ()) -> Path:
    """A stream copy with options of the input (`before`) and of the output (`after`)."""
    command = [executable(), "-v", "error", "-y", *before, "-i", source, "-c", "copy", *after]
    subprocess.run([*command, target], check=True)
    return target


@pytest.mark.parametrize("count", [1, 2, 47, 49, 60])
@pytest.mark.parametrize(
    "options", [{}, {"bf": 3, "g": 250}, {"x264-params": "open-gop=1:keyint=9"}]
)
def test_the_last_frame_is_not_frame_47(
    tmp_path: Path, count: int, options: dict[str, object]
) -> None:
    """However many frames a clip came with, B-frames and open GOPs among them, it is the last."""
    clip = foreign_clip(tmp_path / "a.mp4", take("coffee", count, SIZE), 24, (), **H264, **options)
    assert last_number(clip) == count - 1


@pytest.mark.parametrize("used", [1, 2, 12, 36, 47, 48, 60, 75])
def test_the_used_part_ends_before_its_end(tmp_path: Path, used: int) -> None:
    """`until` is exclusive: of the first 48 frames the last is number 47; beyond the end, 59."""
    clip = foreign_clip(tmp_path / "a.mp4", take("coffee", 60, SIZE), 24, (), **H264, bf=2)
    assert last_number(clip, until=Fraction(used, 24)) == min(used, 60) - 1


def test_rounded_times_do_not_add_a_frame(tmp_path: Path) -> None:
    """MKV rounds to milliseconds, so that frame 5 of 24 fps begins before 5/24 s."""
    clip = foreign_clip(tmp_path / "a.mkv", take("coffee", 12, SIZE), 24, (), **H264)
    for used in range(1, 13):
        assert last_number(clip, until=Fraction(used, 24)) == used - 1


def test_times_count_from_the_first_frame_shown(tmp_path: Path) -> None:
    """What lies before 0 or before an edit list's start is not shown, and does not count."""
    whole = foreign_clip(tmp_path / "a.mp4", take("coffee", 48, SIZE), 24, (), **H264, g=48, bf=2)
    late = copy(whole, tmp_path / "late.mp4", after=("-output_ts_offset", "5"))
    before = copy(
        whole,
        tmp_path / "before.mov",
        after=("-output_ts_offset", "-0.25", "-avoid_negative_ts", "disabled"),
    )
    hidden = copy(whole, tmp_path / "hidden.mp4", "-ss", "0.75")
    for clip, first in ((late, 0), (before, 6), (hidden, 18)):
        count = 48 - first
        assert last_number(clip) == 47, clip.name
        assert last_number(clip, until=Fraction(12, 24)) == first + 11, clip.name
        assert probe(clip).frames == count, clip.name
        assert len(list(read_frames(clip))) == count, clip.name


def test_a_changing_rate_has_a_last_frame(tmp_path: Path) -> None:
    """With variable frame rate, the frame that is still on screen at the end is taken."""
    pick = [("select", {"expr": "lt(n,12)+not(mod(n,8))"})]
    frames = take("coffee", 48, SIZE)
    clip = foreign_clip(tmp_path / "a.mp4", frames, 24, pick, **H264, fps_mode="vfr")
    info = probe(clip)
    assert (info.frames, info.has_constant_rate) == (16, False)
    assert last_number(clip) == 40
    assert last_number(clip, until=Fraction(39, 24)) == 32
    assert last_number(clip, until=Fraction(1, 24)) == 0


def test_a_damaged_frame_is_passed_over(tmp_path: Path) -> None:
    """One bad packet costs one frame; a clip that ends in rubbish has no last frame."""
    clip = foreign_clip(
        tmp_path / "a.mov", take("coffee", 24, SIZE), 24, (), **{"c:v": "mjpeg", "q:v": 2}
    )
    data = bytearray(clip.read_bytes())
    starts = [n for n in range(len(data) - 2) if data[n : n + 3] == b"\xff\xd8\xff"]
    data[starts[10] : starts[11]] = bytes(starts[11] - starts[10])
    clip.write_bytes(data)
    assert last_number(clip) == 23
    assert len(list(read_frames(clip))) >= 22
    for start, end in zip(starts[12:], [*starts[13:], data.rindex(b"moov") - 4], strict=True):
        data[start:end] = bytes(end - start)
    clip.write_bytes(data)
    with pytest.raises(MediaError, match="cannot be decoded up to its last frame"):
        extract_last_frame(str(clip))


def test_the_picture_is_a_lossless_png(tmp_path: Path) -> None:
    """Every pixel of the file is the decoded frame's, and by default it is a temporary file."""
    clip = write_clip(tmp_path / "a.mp4", take("chelsea", 5, SIZE))
    path = Path(extract_last_frame(str(clip)))
    try:
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "RGB", SIZE)
            assert np.array_equal(np.asarray(image), list(read_frames(clip))[-1])
        assert path.parent != tmp_path
    finally:
        path.unlink()


def test_frames_are_read_as_they_were_written(tmp_path: Path) -> None:
    """All frames come back in order, but for what encoding costs."""
    frames = take("astronaut", 30, SIZE)
    clip = write_clip(tmp_path / "a.mp4", frames, 30)
    for is_, expected in zip(read_frames(clip), frames, strict=True):
        assert_looks_like(is_, expected, error=6, each_bias=1.0)


def unreadable(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / "a.mp4"
    if kind == "missing":
        return path
    if kind == "a directory":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "not a video":
        path.write_text("<html>Not found</html>" * 50)
    elif kind == "a picture in a PDF's clothes":
        path.write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 8)
    elif kind == "a playlist":
        path.write_text("#EXTM3U\n#EXTINF:2\nfile:///etc/hostname\n")
    elif kind == "sound only":
        sine = ["-f", "lavfi", "-i", "sine=duration=0.2", "-c:a", "aac", str(path)]
        subprocess.run([executable(), "-v", "error", *sine], check=True)
    elif kind == "no frames":
        black = ["-f", "lavfi", "-i", "color=s=64x48:d=1", "-frames:v", "0", str(path)]
        subprocess.run([executable(), "-v", "error", *black], check=True)
    else:
        whole = foreign_clip(tmp_path / "w.mp4", take("coffee", 24, SIZE), 24, (), **H264)
        if kind == "truncated, index first":
            whole = copy(whole, tmp_path / "f.mp4", after=("-movflags", "+faststart"))
        if kind == "truncated MKV":
            path = tmp_path / "a.mkv"
            whole = copy(whole, tmp_path / "w.mkv")
        path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    return path


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("missing", "there is no video {}"),
        ("a directory", "{} cannot be read as a video (Is a directory): expected a complete MP4"),
        ("empty", "the video {} is empty"),
        ("not a video", "{} cannot be read as a video (Invalid data"),
        ("a picture in a PDF's clothes", "{} cannot be read as a video ("),
        ("a playlist", "{} cannot be read as a video ("),
        ("sound only", "{} has no video stream"),
        ("no frames", "{} has no video stream"),
        ("truncated, index last", "{} cannot be read as a video ("),
        ("truncated, index first", "the video {} is truncated: "),
        ("truncated MKV", "the video {} is truncated: "),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, kind: str, says: str) -> None:
    """Every broken file is one sentence with its path and what is wrong."""
    path = unreadable(tmp_path, kind)
    with pytest.raises(MediaError) as caught:
        probe(path)
    assert str(caught.value).startswith(says.format(repr(str(path))))
    assert caught.value.data["path"] == str(path)


@pytest.mark.parametrize("kind", ["missing", "empty", "not a video", "truncated, index last"])
def test_no_frame_comes_of_a_broken_clip(tmp_path: Path, kind: str) -> None:
    """The same errors rise where frames are asked for."""
    path = unreadable(tmp_path, kind)
    with pytest.raises(MediaError):
        extract_last_frame(str(path))
    with pytest.raises(MediaError):
        next(read_frames(path))


def test_no_part_of_a_clip_has_no_last_frame(tmp_path: Path) -> None:
    """A used part of no length is a mistake in the plan."""
    with pytest.raises(SpecError, match="-1 seconds of the clip would be used: expected more"):
        extract_last_frame(str(tmp_path / "a.mp4"), until=Fraction(-1))


def test_a_foreign_clip_is_measured(tmp_path: Path) -> None:
    """Nothing is filled in where a file does not say."""
    clip = foreign_clip(
        tmp_path / "a.mp4", take("coffee", 10, SIZE), "30000/1001", (), **{**H264, "g": 4, "bf": 0}
    )
    info = probe(clip)
    assert (info.frames, info.fps, info.codec) == (10, Fraction(30000, 1001), "h264")
    assert (info.color_primaries, info.color_trc) == ("unknown", "unknown")
    assert info.duration == Fraction(10 * 1001, 30000)
    assert info.keyframes == (0, 4, 8)
    assert (info.has_constant_rate, info.is_faststart) == (True, False)
