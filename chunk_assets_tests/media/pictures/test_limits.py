"""What is handed in is bounded in time and memory before it is decoded."""

import io
import resource
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chunk_assets.deployment import Deployment, configure
from chunk_assets.errors import MediaError
from chunk_assets.limits import Limits
from chunk_assets.media.images import open_picture
from chunk_assets_tests.media.pictures.files import chunk, grey_tiff, png, saved, tiff

pytestmark = pytest.mark.slow

LARGEST = 9_999


def refusal(tmp_path: Path, content: bytes, name: str = "picture") -> str:
    """The sentence by which a file is refused."""
    path = tmp_path / name
    path.write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    with pytest.raises(MediaError) as caught:
        open_picture(path)
    assert time.monotonic() - began < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
    sentence = str(caught.value)
    assert name in sentence
    assert "\n" not in sentence
    assert len(sentence) < 600
    return sentence


def webp_header(width: int, height: int) -> bytes:
    """The first bytes of a lossless WebP."""
    body = b"\x2f" + (width - 1 | height - 1 << 14).to_bytes(4, "little") + bytes(9)
    return b"RIFF" + struct.pack("<I", 26) + b"WEBPVP8L" + struct.pack("<I", 14) + body


def empty_png(width: int, height: int, depth: int = 8, kind: int = 2) -> bytes:
    """A PNG with no pixels behind its header."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (empty_png(1, 100_000_000, 1, 0), "1 × 100000000 pixels is too large: the limit is 30000 "),
        (empty_png(60_000, 1), "60000 × 1 pixels is too large: the limit is 30000 pixels a side"),
        (empty_png(11_000, 11_000), "is too large: the limit is 100 megapixels"),
        (
            webp_header(9999, 9999),
            "takes 1599 MB to decode as a WEBP of this kind; the limit is 500 MB",
        ),
        (b"GIF89a" + b"\xff" * 4 + bytes(3) + b"\x2c" + bytes(4) + b"\1\0\1\0\0\2\0;", "too large"),
        (b"P6 20000 20000 255\n", "is too large: the limit is 100 megapixels"),
        (b"P3 5000 5000 255\n", "the limit is 4 megapixels in this form of PPM"),
        (b"P6 5000 5000 1023\n", "the limit is 4 megapixels in this form of PPM"),
        (tiff(grey_tiff(60_000, 1), b""), "it is truncated"),
    ],
)
def test_a_header_that_declares_too_much_is_refused(tmp_path: Path, content: bytes, sentence: str):
    """Sides, pixels and the decoder's memory are read from the header."""
    assert sentence in refusal(tmp_path, content)


def test_a_progressive_jpeg_is_refused_by_its_coefficients_and_its_scans(tmp_path: Path):
    """All coefficients of all scans stay in memory, and each scan goes over the whole picture."""
    image = Image.new("L", (400, 300), 77)
    content = saved(image, "JPEG", progressive=True)
    scan = content[content.rindex(b"\xff\xda") : -2]
    assert "has 5006 scans; the limit is 50" in refusal(tmp_path, content[:-2] + scan * 5000)
    colour = saved(Image.new("RGB", (400, 300)), "JPEG", progressive=True, subsampling=0)
    frame = colour.index(b"\xff\xc2")
    large = colour[: frame + 5] + struct.pack(">HH", 15_000, 6_600) + colour[frame + 9 :]
    assert "takes 990 MB to decode as a JPEG of this kind; the limit is 500 MB" in refusal(
        tmp_path, large
    )


def test_a_tiffs_tags_and_tiles_are_bounded(tmp_path: Path):
    """Tags that all point at the same bytes, huge tiles and long lists of strips cost nothing."""
    entries, pixels = grey_tiff(30, 20), bytes(600)
    assert "5009 tags; the limit is 4096" in refusal(
        tmp_path, tiff([*entries, *((50_000 + k, 7, 90_000, 0) for k in range(5_000))], pixels)
    )
    tags = [(50_000 + k, 7, 500_000, 0) for k in range(4_000)]
    path = tmp_path / "tags.tif"
    path.write_bytes(tiff([*entries, *tags], pixels + bytes(500_000)))
    assert open_picture(path).size == (30, 20)
    tile = [entry for entry in entries if entry[0] not in (273, 278, 279, 259)]
    tile += [(259, 3, 1, 8), (322, 4, 1, 1 << 20), (323, 4, 1, 1 << 20)]
    tile += [(324, 4, 1, 8), (325, 4, 1, 8)]
    assert "MB to decode" in refusal(tmp_path, tiff(tile, pixels))
    strips = [entry for entry in entries if entry[0] != 273] + [(273, 4, 50_000_000, 0)]
    assert "tag 273 has 50000000 values" in refusal(tmp_path, tiff(strips, pixels))


def test_what_is_not_the_picture_is_not_read(tmp_path: Path):
    """Compressed text, profiles, EXIF and comments that unfold without end leave no trace."""
    pixels = np.full((20, 30, 3), 90)
    bomb = zlib.compress(bytes(50_000_000), 9)
    text = [(b"zTXt", b"k\0\0" + bomb), (b"iTXt", b"k\0\1\0\0\0" + bomb)] * 20
    path = tmp_path / "bombs.png"
    path.write_bytes(png(pixels, [(b"iCCP", b"k\0\0" + bomb), *text]))
    assert np.asarray(open_picture(path)).mean() == 90
    gif = saved(Image.new("P", (30, 20)), "GIF")
    start = gif.index(b"\x2c")
    comment = b"\x21\xfe" + (b"\xff" + b"c" * 255) * 40_000 + b"\0"
    path.write_bytes(gif[:start] + comment + gif[start:])
    assert open_picture(path).size == (30, 20)
    assert "first 65536 bytes" in refusal(tmp_path, b"P6 #" + b"x" * 3_000_000)
    jpeg = saved(Image.new("RGB", (30, 20)), "JPEG")
    tags = b"".join(struct.pack("<HHII", 40_000 + k, 7, 60_000, 100) for k in range(5_000))
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 5_000) + tags
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[20:])
    assert open_picture(path).size == (30, 20)


def test_limits_are_settings(tmp_path: Path):
    """A deployment can lower each limit, and the error states its value."""
    content = saved(Image.new("RGB", (400, 300)), "PNG")
    configure(Deployment(limits=Limits(picture_side=399)))
    assert "the limit is 399 pixels a side" in refusal(tmp_path, content)
    configure(Deployment(limits=Limits(picture_pixels=100_000)))
    assert "the limit is 0.1 megapixels" in refusal(tmp_path, content)
    configure(Deployment(limits=Limits(picture_file_bytes=99)))
    assert f"has {len(content)} bytes; the limit is 99" in refusal(tmp_path, content)


def largest(form: str) -> bytes:
    """A picture of one colour, about as large as is allowed."""
    rows = np.broadcast_to(np.uint16(40_000), (LARGEST, LARGEST))
    if form == "grey16.png":
        return png(rows, depth=16, kind=0)
    if form == "rgba16.png":
        return png(np.broadcast_to(np.uint16(40_000), (LARGEST, LARGEST, 4)), depth=16, kind=6)
    content = io.BytesIO()
    if form == "float.tif":
        Image.new("F", (LARGEST, LARGEST), 0.6).save(content, "TIFF", compression="tiff_deflate")
    else:
        Image.new("RGB", (LARGEST, LARGEST), "navy").save(content, "JPEG")
    return content.getvalue()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's peak memory")
def test_planning_with_the_largest_pictures_stays_under_a_gigabyte(tmp_path: Path):
    """An animatic of such pictures, looked at on two threads, takes less than 1 GB."""
    made = subprocess.run(
        [sys.executable, "-c", _MAKE, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    read = subprocess.run(
        [sys.executable, "-c", _READ, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert read.returncode == 0, read.stderr
    assert int(read.stdout) < 1_000_000


_MAKE = """
import json, sys
from pathlib import Path
from chunk_assets_tests.media.pictures.test_limits import largest
directory, names = Path(sys.argv[1]), ["grey16.png", "rgba16.png", "float.tif", "base.jpg"]
for name in names:
    (directory / name).write_bytes(largest(name))
beats = [{"name": n, "duration": 2, "prompt_template": "p"} for n in names]
(directory / "animatic.json").write_text(json.dumps(
    {"duration": 8, "beats": beats, "frames": names, "style_guide": "float.tif",
     "resolution": "4096x4096"}))
"""

_READ = """
import sys
from pathlib import Path
import chunk_assets.cli.rendering, dagster, boto3  # what a render has in memory anyway
from chunk_assets.film.submission import read_directory
read_directory(Path(sys.argv[1]))
print(*(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
