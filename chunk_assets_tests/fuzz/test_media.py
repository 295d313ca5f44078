"""Pictures and clips: read, or refused in one sentence."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.clips import ClipFormat, normalise
from chunk_assets.media.frames import extract_last_frame, probe
from chunk_assets.media.images import open_picture
from chunk_assets_tests.fuzz.fuzzing import fuzz, fuzzing, sentence_of
from chunk_assets_tests.fuzz.inputs import damaged
from chunk_assets_tests.manifests import picture
from chunk_assets_tests.media.media import foreign_clip, take, write_clip

pytestmark = pytest.mark.slow

SIZE = (64, 48)


def pictures() -> list[bytes]:
    """A small picture in each format and mode."""
    image = picture(1, SIZE)
    grey16 = Image.fromarray(np.asarray(image.convert("L"), dtype=np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 6
    made: list[tuple[Image.Image, str, dict[str, object]]] = [
        (image, "PNG", {}),
        (image.quantize(8), "PNG", {}),
        (image.convert("RGBA"), "PNG", {"exif": exif}),
        (grey16, "PNG", {}),
        (image, "JPEG", {"exif": exif}),
        (image, "JPEG", {"progressive": True}),
        (image.convert("CMYK"), "JPEG", {}),
        (image, "WEBP", {"exif": exif}),
        (image, "WEBP", {"lossless": True, "save_all": True, "append_images": [image.copy()]}),
        (image, "TIFF", {"compression": "tiff_lzw"}),
        (image.convert("F"), "TIFF", {}),
        (image, "BMP", {}),
        (image.quantize(8), "GIF", {"save_all": True, "append_images": [image.quantize(4)]}),
        (image, "PPM", {}),
    ]
    contents = []
    for each, kind, options in made:
        buffer = io.BytesIO()
        each.save(buffer, format=kind, **options)
        contents.append(buffer.getvalue())
    return contents


def clips(directory: Path) -> list[bytes]:
    """A short clip in each container that models deliver."""
    frames = take("coffee", 8, SIZE)
    h264 = {"c:v": "libx264", "pix_fmt": "yuv420p", "preset": "ultrafast"}
    paths = [
        write_clip(directory / "own.mp4", frames),
        foreign_clip(
            directory / "fragmented.mp4", frames, 24, (), **h264, movflags="frag_keyframe"
        ),
        foreign_clip(directory / "b.mov", frames, 24, (), **{"c:v": "mjpeg"}),
        foreign_clip(directory / "c.mkv", frames, 24, (), **h264),
        foreign_clip(
            directory / "d.webm", frames, 24, (), **{"c:v": "libvpx-vp9", "cpu-used": "8"}
        ),
        foreign_clip(directory / "e.gif", frames),
        foreign_clip(directory / "f.avi", frames, 24, (), **{"c:v": "mpeg4"}),
    ]
    return [path.read_bytes() for path in paths]


@fuzzing(8)
def test_pictures(seconds: float, tmp_path: Path):
    """Whatever bytes an agency hands in as a drawing."""
    path = tmp_path / "picture"

    def check(content: bytes) -> None:
        path.write_bytes(content)
        said = sentence_of(lambda: open_picture(path))
        assert not said or str(path) in said

    fuzz(damaged(pictures()), check, seconds)


@fuzzing(10)
def test_clips(seconds: float, tmp_path: Path):
    """Whatever bytes a model delivers as a clip are measured, and their last frame is taken."""
    path = tmp_path / "clip"

    def check(content: bytes) -> None:
        path.write_bytes(content)
        sentence_of(lambda: probe(path))
        sentence_of(lambda: extract_last_frame(str(path), output_path=str(tmp_path / "last.png")))

    fuzz(damaged(clips(tmp_path)), check, seconds, each=20)


@fuzzing(6)
def test_clips_that_are_normalised(seconds: float, tmp_path: Path):
    """The same by FFmpeg's own process; what succeeds is a clip of the film's format."""
    path, target = tmp_path / "clip", tmp_path / "normalised.mp4"
    form = ClipFormat(8, FrameRate(24), SIZE)

    def check(content: bytes) -> None:
        path.write_bytes(content)
        target.unlink(missing_ok=True)
        if not sentence_of(lambda: normalise(path, target, form)):
            assert probe(target).frames == 8

    fuzz(damaged(clips(tmp_path)), check, seconds, each=20)
