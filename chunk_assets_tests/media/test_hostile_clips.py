"""A clip that declares far more than it holds is refused or read in seconds and little memory."""

import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from chunk_assets.media.ffmpeg import executable
from chunk_assets_tests.media.media import foreign_clip, take

pytestmark = pytest.mark.slow

SIZE = (160, 96)
H264 = {"c:v": "libx264", "preset": "ultrafast", "pix_fmt": "yuv420p"}
MILLIONS = 20_000_000
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov"}

READ = """
import json, resource, sys, time
from pathlib import Path
from chunk_assets.errors import MediaError
from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.clips import ClipFormat, normalise
from chunk_assets.media.frames import extract_last_frame, probe
from chunk_assets.media.sampling import sample_frames
path, scratch = Path(sys.argv[1]), Path(sys.argv[2])
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
said, began = [], time.monotonic()
for act in (
    lambda: probe(path),
    lambda: extract_last_frame(str(path), output_path=str(scratch / "last.png")),
    lambda: normalise(path, scratch / "n.mp4", ClipFormat(24, FrameRate(24), (160, 96))),
    lambda: sample_frames(path, 24, 4, 160),
):
    try:
        act()
        said.append("")
    except MediaError as error:
        said.append(str(error))
whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
peak = max(resource.getrusage(who).ru_maxrss for who in whose)
print(json.dumps([said, time.monotonic() - began, (peak - base) / 1024]))
"""


def said_of(path: Path, *, seconds: float = 20, megabytes: float = 300) -> list[str]:
    """What each way of reading says of a clip, "" for no fault, within time and memory."""
    done = subprocess.run(
        [sys.executable, "-c", READ, path, path.parent],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    said, took, memory = json.loads(done.stdout)
    assert took < seconds, f"{path.name} takes {took:.1f} s: {said}"
    assert memory < megabytes, f"{path.name} takes {memory:.0f} MB: {said}"
    return said


def clip(path: Path, **options: Any) -> Path:
    return foreign_clip(path, take("coffee", 24, SIZE), 24, (), **{**H264, **options})


def box(name: bytes, *content: bytes) -> bytes:
    inside = b"".join(content)
    return struct.pack(">I4s", 8 + len(inside), name) + inside


def patched(path: Path, name: bytes, offset: int, *values: int) -> Path:
    """Write 32-bit numbers behind the first box of that name, counted from the name."""
    data = bytearray(path.read_bytes())
    at = data.index(name) + offset
    data[at : at + 4 * len(values)] = struct.pack(f">{len(values)}I", *values)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "offset", "values", "options"),
    [
        (b"stsz", 8, (1, MILLIONS), {}),
        (b"stsz", 12, (MILLIONS,), {}),
        (b"trun", 4, (0, MILLIONS), FRAGMENTED),
        (b"trun", 4, (0, 0x7FFFFFFF), FRAGMENTED),
        (b"elst", 8, (MILLIONS,), {"bf": 2}),
    ],
)
def test_declared_samples_are_refused(
    tmp_path: Path, name: bytes, offset: int, values: tuple[int, ...], options: dict[str, Any]
) -> None:
    """Millions of samples, or edits that each show all samples, are refused by their number."""
    path = patched(clip(tmp_path / "a.mp4", **options), name, offset, *values)
    for sentence in said_of(path):
        assert "declares" in sentence
        assert "the limit is 500000" in sentence


@pytest.mark.parametrize("name", [b"stts", b"ctts", b"stsc", b"stco", b"stss"])
@pytest.mark.parametrize("offset", [8, 12])
def test_tables_that_lie_are_harmless(tmp_path: Path, name: bytes, offset: int) -> None:
    """Other tables of millions of entries, and runs of millions of samples, take no memory."""
    said_of(patched(clip(tmp_path / "a.mp4", bf=2), name, offset, MILLIONS))


def test_an_index_in_an_odd_place_hides_nothing(tmp_path: Path) -> None:
    """A table is counted wherever a demuxer would take it, a `free` box among it."""
    data = patched(clip(tmp_path / "a.mp4"), b"stsz", 8, 1, MILLIONS).read_bytes()
    path = tmp_path / "b.mp4"
    path.write_bytes(data.replace(b"moov", b"free"))
    assert all("declares" in sentence for sentence in said_of(path))
    path.write_bytes(box(b"wide") + data)
    assert all("declares" in sentence for sentence in said_of(path))
    path.write_bytes(data.replace(b"ftyp", b"skip"))
    assert all("declares" in sentence for sentence in said_of(path))


def test_a_compressed_index_is_refused(tmp_path: Path) -> None:
    """Its size is known only once it is there."""
    path = clip(tmp_path / "a.mov")
    data = path.read_bytes()
    at = data.index(b"moov") - 4
    packed = zlib.compress(data[at:])
    size = struct.pack(">I", len(data) - at)
    cmov = box(b"cmov", box(b"dcom", b"zlib"), box(b"cmvd", size, packed))
    path.write_bytes(data[:at] + box(b"moov", cmov))
    assert all("is compressed" in sentence for sentence in said_of(path))


def test_fragment_indexes_of_many_tracks_are_refused(tmp_path: Path) -> None:
    """Each entry takes memory for every track."""
    path = clip(tmp_path / "a.mp4", **FRAGMENTED)
    entries = 65_535
    sidx = box(b"sidx", bytes(4), struct.pack(">5I", 1, 24, 0, 0, entries), bytes(12 * entries))
    tracks = box(b"moov", *[box(b"trak", box(b"tkhd", bytes(84)))] * 60)
    path.write_bytes(path.read_bytes() + tracks + sidx)
    assert all("declares" in sentence for sentence in said_of(path))


def test_uncompressed_sound_is_no_bomb(tmp_path: Path) -> None:
    """Sound of a sample a tick has more samples than a film may have frames, and is taken."""
    sound = ["-f", "lavfi", "-i", "sine=sample_rate=96000:duration=12", "-c:a", "pcm_s16le"]
    path = tmp_path / "b.mov"
    command = [executable(), "-v", "error", "-i", clip(tmp_path / "a.mp4"), *sound]
    subprocess.run([*command, "-c:v", "copy", path], check=True)
    assert said_of(path) == [""] * 4


def gif(width: int, height: int) -> bytes:
    screen = struct.pack("<HH", width, height)
    frame = b"\x2c" + bytes(4) + screen + b"\x00\x02\x02\x4c\x01\x00"
    return b"GIF89a" + screen + b"\x80\x00\x00" + bytes(3) + b"\xff" * 3 + frame + b"\x3b"


def png_chunk(name: bytes, content: bytes) -> bytes:
    checked = name + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


def apng(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    control = struct.pack(">IIIIIHHBB", 0, width, height, 0, 0, 1, 24, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"acTL", struct.pack(">II", 2, 0))
        + png_chunk(b"fcTL", control)
        + png_chunk(b"IDAT", zlib.compress(bytes(100)))
        + png_chunk(b"IEND", b"")
    )


def webp(width: int, height: int) -> bytes:
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    header = b"VP8X" + struct.pack("<I", 10) + b"\x02\x00\x00\x00" + canvas
    control = b"ANIM" + struct.pack("<I", 6) + bytes(6)
    inside = b"WEBP" + header + control
    return b"RIFF" + struct.pack("<I", len(inside)) + inside


@pytest.mark.parametrize("make", [gif, apng, webp])
@pytest.mark.parametrize("size", [(16_000, 16_000), (5_000, 5_000), (8_000, 9)])
def test_a_few_bytes_of_huge_pictures_are_refused(
    tmp_path: Path, make: object, size: tuple[int, int]
) -> None:
    """What the header of a GIF, APNG or WebP says is compared with the limits."""
    path = tmp_path / "a.mp4"
    path.write_bytes(make(*size))  # type: ignore[operator]
    for sentence in said_of(path):
        assert f"have {size[0]} × {size[1]} pixels" in sentence


def test_a_coded_size_beyond_the_declared_one_is_refused(tmp_path: Path) -> None:
    """A container that says little of a stream that holds much does not help it."""
    black = np.zeros((64, 96, 3), np.uint8)
    big = [("scale", {"w": 8160, "h": 8160})]
    for name in ("a.mkv", "a.mp4", "a.mov"):
        codec = {"c:v": "mjpeg"} if name == "a.mov" else H264
        path = foreign_clip(tmp_path / name, [black] * 2, 24, big, **codec)
        data = path.read_bytes()
        number = struct.pack(">H", 8160)
        before, _, after = data.rpartition(number * 2)
        if before:
            path.write_bytes(before + struct.pack(">HH", 96, 64) + after)
        said = said_of(path, megabytes=400)
        assert all(sentence for sentence in said), said


def test_a_wide_pixel_makes_no_huge_picture(tmp_path: Path) -> None:
    """The limits hold for what a person would see: long pixels make no picture of miles."""
    wide = [("setsar", {"sar": "20"})]
    path = foreign_clip(tmp_path / "a.mp4", take("coffee", 3, SIZE), 24, wide, **H264)
    assert all("have 3200 × 96 pixels" in sentence for sentence in said_of(path)[:3])


def test_ten_hours_are_refused(tmp_path: Path) -> None:
    """A clip that would be shown for ten hours is refused by that, however few frames it has."""
    slow = foreign_clip(tmp_path / "a.mp4", take("coffee", 3, SIZE), "1/14400", (), **H264)
    assert "lasts 43200 s: the limit is 3600" in said_of(slow)[0]
    frames = clip(tmp_path / "b.mp4")
    duration = frames.read_bytes().index(b"mdhd")
    data = bytearray(frames.read_bytes())
    data[duration + 20 : duration + 24] = struct.pack(">I", 0x7FFFFFFF)
    frames.write_bytes(data)  # what only a header says is nothing that is shown
    assert said_of(frames) == [""] * 4


def test_thousands_of_streams_are_refused(tmp_path: Path) -> None:
    """Streams beyond the limit are not opened."""
    path = clip(tmp_path / "a.mp4")
    data = path.read_bytes()
    at = data.index(b"trak") - 4
    length = struct.unpack(">I", data[at : at + 4])[0]
    moov = data.index(b"moov") - 4
    track = data[at : at + length]
    end = moov + struct.unpack(">I", data[moov : moov + 4])[0]
    content = data[moov + 8 : end] + track * 3000
    path.write_bytes(data[:moov] + box(b"moov", content) + data[end:])
    assert all(sentence for sentence in said_of(path, megabytes=200))


def test_a_damaged_webp_is_one_sentence(tmp_path: Path) -> None:
    """Frames that are missing or spoilt are named as damage."""
    path = tmp_path / "a.webp"
    pictures = [Image.fromarray(frame) for frame in take("coffee", 6, SIZE)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=40)
    whole = path.read_bytes()
    for data in (whole[: len(whole) // 2], whole[:30]):
        path.write_bytes(data)
        assert all(sentence for sentence in said_of(path))
    pictures[0].save(path)
    assert said_of(path) == [f"{str(path)!r} is a still picture, not a video"] * 4


@pytest.mark.parametrize("container", ["mp4", "mov"])
def test_a_stream_of_an_unknown_codec(tmp_path: Path, container: str):
    """It is no film: nothing could decode it."""
    path = foreign_clip(tmp_path / f"clip.{container}", take("coffee", 4, SIZE), 24, (), **H264)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    assert all("has no video stream" in said for said in said_of(path))
