"""Pictures are read as a person sees them, and broken ones are refused in one sentence."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageSequence
from skimage import data

from chunk_assets.errors import MediaError
from chunk_assets.media.images import (
    animation_webp,
    contact_sheet,
    cover,
    open_picture,
    pixel_digest,
    save_png,
    thumbnail_jpeg,
)


def pixels(path: Path) -> np.ndarray:
    """A picture as it is read, as numbers."""
    return np.asarray(open_picture(path)).astype(int)


def test_orientation_is_applied(tmp_path: Path):
    """A photograph taken sideways stands upright."""
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate 90° clockwise to see it
    image = Image.new("RGB", (40, 20), "red")
    image.paste("blue", (0, 0, 20, 20))
    image.save(tmp_path / "sideways.png", exif=exif)
    seen = open_picture(tmp_path / "sideways.png")
    assert seen.size == (20, 40)
    assert seen.getpixel((10, 5)) == (0, 0, 255)


def test_transparency_lies_over_white(tmp_path: Path):
    """Half-transparent black is grey, as on paper."""
    Image.new("RGBA", (8, 8), (0, 0, 0, 128)).save(tmp_path / "clear.png")
    assert pixels(tmp_path / "clear.png").mean() == pytest.approx(127, abs=1)


def test_a_palettes_transparent_colour_is_white(tmp_path: Path):
    """A GIF with a transparent colour shows the paper there."""
    image = Image.new("P", (8, 8), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.save(tmp_path / "p.png", transparency=0)
    assert (pixels(tmp_path / "p.png") == 255).all()


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path: Path):
    """A 16-bit ramp becomes the 8-bit ramp."""
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)
    Image.fromarray(np.tile(ramp, (4, 1))).save(tmp_path / "deep.png")
    assert np.abs(pixels(tmp_path / "deep.png")[0, :, 0] - np.arange(256)).max() <= 1


def test_floating_point_pictures_are_scaled(tmp_path: Path):
    """A TIFF of 0.0 to 1.0 is black to white."""
    Image.fromarray(np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)).save(tmp_path / "f.tif")
    seen = pixels(tmp_path / "f.tif")
    assert (seen.min(), seen.max()) == (0, 255)


def test_cmyk_is_seen_in_its_colours(tmp_path: Path):
    """Printers' cyan is not red."""
    Image.new("CMYK", (16, 16), (255, 0, 0, 0)).save(tmp_path / "cyan.jpg", quality=95)
    red, green, blue = pixels(tmp_path / "cyan.jpg").mean(axis=(0, 1))
    assert red < 60
    assert min(green, blue) > 130


def test_an_embedded_profile_is_converted(tmp_path: Path):
    """The same numbers in another profile are another colour."""
    image = Image.fromarray(data.chelsea()[:64, :64])
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.save(tmp_path / "srgb.png", icc_profile=lab)
    assert np.abs(pixels(tmp_path / "srgb.png") - np.asarray(image).astype(int)).max() <= 1
    image.save(tmp_path / "broken.png", icc_profile=b"not a profile")
    assert (pixels(tmp_path / "broken.png") == np.asarray(image)).all()


@pytest.mark.parametrize("name", ["coffee.png", "chelsea.png", "rocket.jpg", "retina.jpg"])
def test_real_photographs_are_read(name: str):
    """What scikit-image ships reads as 8-bit RGB."""
    path = Path(data.__file__).parent / name
    if not path.exists():
        path = next(Path(data.__file__).parent.rglob(name))
    image = open_picture(path)
    assert image.mode == "RGB"
    assert min(image.size) > 100


def test_what_is_no_picture_is_refused(tmp_path: Path):
    """Missing, empty, text, a directory, truncated: each is one sentence with the file's name."""
    whole = io.BytesIO()
    Image.fromarray(data.coffee()).save(whole, format="PNG")
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "cut.png").write_bytes(whole.getvalue()[:5000])
    (tmp_path / "vector.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n")
    (tmp_path / "folder.png").mkdir()
    names = ["absent.png", "empty.png", "text.png", "cut.png", "vector.eps", "folder.png"]
    for name in names:
        with pytest.raises(MediaError) as caught:
            open_picture(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_decompression_bomb_is_refused_before_it_unfolds(tmp_path: Path):
    """A PNG of 60,000 × 60,000 pixels in a few bytes is refused by its header."""

    def part(kind: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", zlib.compress(bytes(1000)))
    (tmp_path / "bomb.png").write_bytes(bomb + part(b"IEND", b""))
    with pytest.raises(MediaError, match="too large: the limit is 100 megapixels"):
        open_picture(tmp_path / "bomb.png")


def test_a_png_comes_back_to_the_pixel(tmp_path: Path):
    """Saving loses nothing, and the digest is of the pixels, not of the file."""
    image = Image.fromarray(data.coffee())
    path = save_png(image, tmp_path / "a.png")
    image.save(tmp_path / "b.png", compress_level=9)
    assert pixel_digest(open_picture(path)) == pixel_digest(open_picture(tmp_path / "b.png"))
    assert path.read_bytes() != (tmp_path / "b.png").read_bytes()
    image.putpixel((0, 0), (1, 2, 3))
    assert pixel_digest(image) != pixel_digest(open_picture(path))


def test_covering_keeps_the_middle():
    """A wide picture loses its sides, not its height."""
    image = Image.new("RGB", (300, 100), "white")
    image.paste("black", (100, 0, 200, 100))
    assert np.asarray(cover(image, (50, 50))).mean() < 5


@pytest.mark.parametrize("limit", [1000, 3000, 9000])
def test_a_thumbnail_keeps_to_its_limit(limit: int):
    """A detailed photograph and pure noise both fit."""
    noise = np.random.default_rng(1).integers(0, 256, (576, 1024, 3), dtype=np.uint8)
    for picture in (data.coffee(), noise):
        content = thumbnail_jpeg(Image.fromarray(picture), limit)
        assert len(content) <= limit
        with Image.open(io.BytesIO(content)) as image:
            image.load()


def test_a_contact_sheet_shows_all_in_order():
    """Fifteen pictures stand left to right, top to bottom."""
    shades = [Image.new("RGB", (160, 90), (n * 16, 0, 0)) for n in range(15)]
    sheet = contact_sheet(shades, width=500, gap=0)
    columns = 5
    height = sheet.height // 3
    reds = [
        sheet.getpixel((n % columns * 100 + 50, n // columns * height + height // 2))[0]  # type: ignore[index] - RGB
        for n in range(15)
    ]
    assert reds == [n * 16 for n in range(15)]


@pytest.mark.parametrize("room", [4_000, 9_000, 40_000])
def test_a_moving_preview_plays_all_pictures_within_its_room(room: int):
    """An animated WebP of a dozen noisy pictures loops for the asked time and fits its room."""
    noise = np.random.default_rng(1).integers(0, 255, (12, 144, 256, 3), dtype=np.uint8)
    content = animation_webp([Image.fromarray(frame) for frame in noise], room, seconds=2.4)
    assert len(content) <= room
    with Image.open(io.BytesIO(content)) as moving:
        assert (moving.format, moving.info["loop"]) == ("WEBP", 0)
        assert sum(1 for _ in ImageSequence.Iterator(moving)) == 12
        moving.load()
        assert moving.info["duration"] == 200


def test_a_moving_preview_is_as_large_as_fits():
    """What moves little needs little room: it is not made smaller for what it might have taken."""
    still = Image.fromarray(
        np.random.default_rng(1).integers(0, 255, (18, 32, 3), dtype=np.uint8)
    ).resize((256, 144), Image.Resampling.BICUBIC)
    content = animation_webp([still] * 12, 12_000, seconds=2.4)
    with Image.open(io.BytesIO(content)) as moving:
        assert moving.size == (256, 144)
    noise = np.random.default_rng(1).integers(0, 255, (12, 144, 256, 3), dtype=np.uint8)
    content = animation_webp([Image.fromarray(frame) for frame in noise], 40_000, seconds=2.4)
    assert len(content) > 40_000 / 3, "the room is made use of"
