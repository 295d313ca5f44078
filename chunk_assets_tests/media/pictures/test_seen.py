"""Every picture that is expected seen as a person sees it, whatever is stated beside it."""

import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps
from skimage import data

from chunk_assets.errors import MediaError
from chunk_assets.media.images import cover, open_picture
from chunk_assets_tests.media.pictures.files import chunk, grey_tiff, png, saved, seen, tiff

COFFEE = Image.fromarray(data.coffee()).resize((120, 80))
PIXELS = np.asarray(COFFEE).astype(int)


def adobe_profile() -> bytes:
    """A profile of a wide gamut: sRGB's with other primaries."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = struct.unpack_from(">I", profile, 128)[0]
    primaries = {
        b"rXYZ": (0.60974, 0.31111, 0.01947),
        b"gXYZ": (0.20528, 0.62567, 0.06087),
        b"bXYZ": (0.14919, 0.06322, 0.74457),
    }
    for number in range(tags):
        name, offset, _ = struct.unpack_from(">4sII", profile, 132 + 12 * number)
        if name in primaries:
            struct.pack_into(
                ">3i", profile, offset + 8, *(round(v * 65536) for v in primaries[name])
            )
    return bytes(profile)


def difference(one: np.ndarray, two: np.ndarray) -> float:
    """The mean absolute difference of two pictures, in levels."""
    assert one.shape == two.shape
    return float(np.abs(one - two).mean())


@pytest.mark.parametrize(
    "exif",
    [
        b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0",
        b"MM\0*",
        b"",
        b"II*\0\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40,
        b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x63\0\0\0" + bytes(4),
        b"II*\0\x08\0\0\0\1\0\x12\1\2\0\1\0\0\0\6\0\0\0" + bytes(4),
    ],
)
def test_damaged_exif_is_ignored(tmp_path: Path, exif: bytes):
    """Truncated, pointing nowhere, impossible orientations: the picture is used as it is."""
    body = b"Exif\0\0" + exif
    jpeg = saved(COFFEE, "JPEG", quality=95)
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    assert difference(seen(tmp_path, jpeg[:2] + segment + jpeg[2:]), PIXELS) < 5
    assert difference(seen(tmp_path, png(PIXELS, [(b"eXIf", exif)])), PIXELS) == 0
    webp = saved(COFFEE, "WEBP", lossless=True, exif=body)
    assert difference(seen(tmp_path, webp), PIXELS) == 0


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_stands_upright(tmp_path: Path, form: str, orientation: int):
    """All eight orientations, in every format that has them, are as Pillow turns them."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if form == "WEBP" else {}
    content = saved(COFFEE, form, exif=exif, **options)
    turned = COFFEE.copy()
    turned.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(turned)).astype(int)
    assert difference(seen(tmp_path, content), expected) < 8
    (tmp_path / "p").write_bytes(content)
    small = np.asarray(open_picture(tmp_path / "p", (40, 40))).astype(int)
    other = np.asarray(cover(Image.fromarray(expected.astype(np.uint8)), (40, 40))).astype(int)
    assert difference(small, other) < 6


def test_a_profile_is_honoured_in_every_mode(tmp_path: Path):
    """Palette, alpha, grey, JPEG, WebP, TIFF: the same picture as truecolour gives."""
    profile = {"icc_profile": adobe_profile()}
    truth = seen(tmp_path, saved(COFFEE, "PNG", **profile))
    assert difference(truth, PIXELS) > 4
    for form, options, limit in (
        ("TIFF", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("JPEG", {"quality": 98, "subsampling": 0}, 2),
    ):
        assert difference(seen(tmp_path, saved(COFFEE, form, **profile, **options)), truth) <= limit
    indexed = COFFEE.quantize(64)
    flat = seen(tmp_path, saved(indexed.convert("RGB"), "PNG", **profile))
    assert difference(seen(tmp_path, saved(indexed, "PNG", **profile)), flat) == 0
    grey = COFFEE.convert("L")
    flat = seen(tmp_path, saved(grey.convert("RGB"), "PNG", **profile))
    for mode in ("L", "LA"):
        assert difference(seen(tmp_path, saved(grey.convert(mode), "PNG", **profile)), flat) == 0
    clear = COFFEE.convert("RGBA")
    assert difference(seen(tmp_path, saved(clear, "PNG", **profile)), truth) == 0
    lab = ImageCms.profileToProfile(
        COFFEE, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    for options in ({}, {"compression": "tiff_lzw"}):
        assert difference(seen(tmp_path, saved(lab, "TIFF", **options)), PIXELS) < 1
    broken = saved(COFFEE, "JPEG", quality=98, icc_profile=b"nonsense" * 20)
    assert difference(seen(tmp_path, broken), PIXELS) < 4
    cmyk = saved(COFFEE.convert("CMYK"), "JPEG", quality=98, **profile)  # of another space
    assert difference(seen(tmp_path, cmyk), PIXELS) < 4


def test_a_profile_that_is_cut_or_unfolds_without_end_says_nothing(tmp_path: Path):
    """The numbers are shown as they are."""
    for body in (b"k\0\0\x78", b"k", b"", b"k\0\0" + zlib.compress(bytes(30_000_000))):
        assert difference(seen(tmp_path, png(PIXELS, [(b"iCCP", body)])), PIXELS) == 0


def test_cicp_display_p3_and_bt2020_are_wider(tmp_path: Path):
    """Neutral colours stay, others gain saturation; sRGB's own code changes nothing."""
    grey = np.repeat(np.arange(256).reshape(16, 16, 1), 3, axis=2)
    by = {}
    for name, code in {"srgb": (1, 13), "709": (1, 1), "p3": (12, 13), "2020": (9, 13)}.items():
        body = [(b"cICP", bytes([*code, 0, 1]))]
        assert np.abs(seen(tmp_path, png(grey, body)) - grey).max() <= 1
        picture = seen(tmp_path, png(PIXELS, body))
        by[name] = float(np.ptp(picture, axis=2).mean())
    assert by["srgb"] == by["709"] < by["p3"] < by["2020"]
    for body in (b"", b"\1", bytes([99, 200, 7, 9]), bytes([1, 2, 3, 4, 5])):
        assert difference(seen(tmp_path, png(PIXELS, [(b"cICP", body)])), PIXELS) == 0
    narrow = png(np.rint(PIXELS * 219 / 255 + 16).astype(int), [(b"cICP", bytes([1, 13, 0, 0]))])
    assert difference(seen(tmp_path, narrow), PIXELS) < 1


def test_hdr_by_pq_and_hlg_is_seen_as_its_sdr(tmp_path: Path):
    """A photograph whose white is diffuse white (203 nits) comes back, and stays distinct above."""
    linear = ((PIXELS / 255 + 0.055) / 1.055) ** 2.4
    mix = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.088, 0.8956]])
    wide = linear @ mix.T
    part = (wide * 203 / 10_000) ** 0.1593017578125
    pq = ((0.8359375 + 18.8515625 * part) / (1 + 18.6875 * part)) ** 78.84375
    scene = wide * 203 / 1000
    luma = scene @ np.array([0.2627, 0.678, 0.0593])
    light = scene * (np.maximum(luma, 1e-6) ** (1 / 1.2 - 1))[..., None]
    above = 0.17883277 * np.log(np.maximum(12 * light - 0.28466892, 1e-9)) + 0.55991073
    hlg = np.where(light <= 1 / 12, np.sqrt(3 * light), above)
    for transfer, levels in ((16, pq), (18, hlg)):
        content = png(np.rint(levels * 65535), [(b"cICP", bytes([9, transfer, 0, 1]))], depth=16)
        assert difference(seen(tmp_path, content), PIXELS) < 6
    ramp = np.repeat(np.linspace(140, 190, 50).reshape(1, 50, 1), 3, axis=2).astype(int)
    bright = seen(tmp_path, png(ramp, [(b"cICP", bytes([9, 16, 0, 1]))]))[0, :, 0]
    assert (np.diff(bright) >= 0).all()
    assert bright[-1] > bright[0]


def test_gamma_and_chromaticities_are_honoured(tmp_path: Path):
    """Linear numbers are not dark, P3's primaries are P3's; what says sRGB or nonsense is as is."""
    linear = np.rint(((PIXELS / 255 + 0.055) / 1.055) ** 2.4 * 65535)
    content = png(linear, [(b"gAMA", struct.pack(">I", 100_000))], depth=16)
    assert difference(seen(tmp_path, content), PIXELS) < 5
    p3 = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
    by_code = seen(tmp_path, png(PIXELS, [(b"cICP", bytes([12, 13, 0, 1]))]))
    by_points = [(b"gAMA", struct.pack(">I", 45455)), (b"cHRM", p3)]
    assert difference(seen(tmp_path, png(PIXELS, by_points)), by_code) < 1
    for chunks in (
        [(b"gAMA", struct.pack(">I", 45455))],
        [(b"gAMA", bytes(4))],
        [(b"gAMA", b"ab")],
        [(b"cHRM", bytes(32))],
        [(b"cHRM", b"\xff" * 32)],
        [(b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 100_000)), (b"cHRM", p3)],
    ):
        assert difference(seen(tmp_path, png(PIXELS, chunks)), PIXELS) == 0


def test_sixteen_bits_in_every_kind_of_png(tmp_path: Path):
    """RGB, RGBA, grey with alpha, and a transparent level are as their 8 bits."""
    deep = PIXELS * 257
    assert difference(seen(tmp_path, png(deep, depth=16)), PIXELS) == 0
    alpha = np.full((80, 120, 1), 32768)
    over = 127 + PIXELS / 2
    clear = png(np.concatenate([deep, alpha], axis=2), depth=16, kind=6)
    assert difference(seen(tmp_path, clear), over) < 1.5
    clear = png(np.concatenate([deep[..., :1], alpha], axis=2), depth=16, kind=4)
    assert difference(seen(tmp_path, clear)[..., 0], over[..., 0]) < 1.5
    level = int(deep[0, 0, 0])
    clear = png(deep[..., 0], [(b"tRNS", struct.pack(">H", level))], depth=16, kind=0)
    assert seen(tmp_path, clear)[0, 0].tolist() == [255] * 3
    levels = struct.pack(">3H", *(int(value) for value in deep[0, 0]))
    clear = png(deep, [(b"tRNS", levels)], depth=16)
    assert seen(tmp_path, clear)[0, 0].tolist() == [255] * 3


@pytest.mark.parametrize("times", [4.0, 50.0, 1000.3])
def test_floating_point_light_beyond_white_is_neither_black_nor_white(tmp_path: Path, times: float):
    """A photograph given as 0 to 4, 50 or 1000 is about that photograph, in the order it had."""
    grey = np.asarray(COFFEE.convert("L")).astype(np.float32)
    content = saved(Image.fromarray(grey / 255 * np.float32(times)), "TIFF")
    picture = seen(tmp_path, content)[..., 0]
    assert difference(picture, grey) < 30
    order = np.argsort(grey, axis=None)
    assert (np.diff(picture.ravel()[order]) >= 0).all()


def test_floating_point_with_a_few_lights_keeps_its_picture(tmp_path: Path):
    """Lamps of 40 times white in a picture of 0 to 1 leave the rest as it was."""
    grey = np.asarray(COFFEE.convert("L")).astype(np.float32) / 255 * np.float32(0.7)
    lit = grey.copy()
    lit[:3, :3] = 40
    picture = seen(tmp_path, saved(Image.fromarray(lit), "TIFF"))[..., 0]
    assert np.abs(picture - np.rint(grey * 255))[5:, 5:].max() <= 1
    assert picture[0, 0] == 255


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, -3.0])
def test_numbers_that_are_none_are_black_or_white(tmp_path: Path, odd: float):
    """NaN and negative numbers are black, infinity is white, and the rest stays."""
    grey = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    holed = grey.copy()
    holed[3, 3] = odd
    picture = seen(tmp_path, saved(Image.fromarray(holed), "TIFF"))[..., 0]
    assert picture[3, 3] == (255 if odd == np.inf else 0)
    assert picture[7, 7] == 255


def test_a_dark_picture_of_sixteen_bits_stays_dark(tmp_path: Path):
    """A PGM of 65,535 levels that uses the first 255 is nearly black."""
    content = b"P5 120 80 65535\n" + PIXELS[..., 0].astype(">u2").tobytes()
    assert seen(tmp_path, content).max() <= 1


def test_white_may_be_0(tmp_path: Path):
    """A TIFF whose 0 is white is turned round, with 8 bits and with 16."""
    for bits, samples in ((8, "u1"), (16, "<u2")):
        values = (PIXELS[:, :, 0] * (1 if bits == 8 else 257)).astype(int)
        top = (1 << bits) - 1
        entries = [
            {258: (258, 3, 1, bits), 262: (262, 3, 1, 0), 279: (279, 4, 1, 9600 * bits // 8)}.get(
                entry[0], entry
            )
            for entry in grey_tiff(120, 80)
        ]
        content = tiff(entries, (top - values).astype(samples).tobytes())
        assert difference(seen(tmp_path, content)[..., 0], PIXELS[..., 0]) < 1


def test_the_first_of_several_pictures_is_taken(tmp_path: Path):
    """GIF, WebP, PNG and TIFF with five pictures show the first."""
    shades = [Image.new("RGB", (40, 30), (50 * n, 0, 0)) for n in range(5)]
    for form in ("GIF", "WEBP", "PNG", "TIFF"):
        content = saved(shades[0], form, save_all=True, append_images=shades[1:])
        assert seen(tmp_path, content).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (1, 30_000), (30_000, 1), (1, 80), (3, 20_000)])
def test_a_picture_of_one_pixels_width_fills_a_film(tmp_path: Path, size: tuple[int, int]):
    """Extreme shapes are read, alone and in a film's size."""
    Image.new("RGB", size, "teal").save(tmp_path / "thin.png")
    assert open_picture(tmp_path / "thin.png").size == size
    filled = open_picture(tmp_path / "thin.png", (1024, 576))
    assert filled.size == (1024, 576)
    assert np.abs(np.asarray(filled).astype(int) - (0, 128, 128)).max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF"])
def test_a_large_picture_in_strips_is_as_a_whole(tmp_path: Path, form: str):
    """What is scaled strip by strip shows no seam, and is what scaling the whole gives."""
    large = Image.fromarray(data.coffee()).resize((4000, 2667), Image.Resampling.BICUBIC)
    path = tmp_path / "large"
    path.write_bytes(saved(large, form))
    for size in ((1024, 576), (576, 1024), (200, 100)):
        strips = np.asarray(open_picture(path, size)).astype(int)
        whole = np.asarray(cover(large, size)).astype(int)
        assert difference(strips, whole) < 1.5
        assert np.abs(strips.mean(axis=1) - whole.mean(axis=1)).max() < 4
    assert difference(np.asarray(open_picture(path)).astype(int), np.asarray(large)) < 3
    assert open_picture(path, largest_side=400).size == (400, 267)


def test_a_name_that_lies_is_no_matter(tmp_path: Path):
    """A PNG called .jpg is a PNG, and a page of PostScript called .png starts no program."""
    assert difference(seen(tmp_path, png(PIXELS), "picture.jpg"), PIXELS) == 0
    with pytest.raises(MediaError, match="is not a picture"):
        seen(tmp_path, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "p.png")


@pytest.mark.parametrize("form", ["ICO", "ICNS", "PDF", "EPS", "AVIF", "JPEG2000", "TGA", "PCX"])
def test_other_formats_are_refused(tmp_path: Path, form: str):
    """What Pillow could read and we do not allow is named with what is allowed."""
    with pytest.raises(MediaError, match="is not a picture: supported formats are PNG, JPEG, W"):
        seen(tmp_path, saved(COFFEE.resize((64, 64)), form))


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("WEBP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "jpeg"}),
        ("BMP", {}),
        ("GIF", {}),
        ("PPM", {}),
    ],
)
def test_a_truncated_file_is_one_sentence(tmp_path: Path, form: str, options: dict):
    """Cut anywhere, a file of each format is refused by name, never by a traceback."""
    content = saved(COFFEE, form, **options)
    for count in (2, 3, 9, 15, 25, 40, 70, len(content) // 3, len(content) * 4 // 5):
        (tmp_path / "cut").write_bytes(content[:count])
        with pytest.raises(MediaError, match="cut") as caught:
            open_picture(tmp_path / "cut")
        assert "\n" not in str(caught.value)


def test_a_gif_without_pixels_is_refused(tmp_path: Path):
    """A first picture of no size is named; a screen of no size is not needed."""
    gif = saved(COFFEE.convert("P"), "GIF")
    start = gif.index(b"\x2c\0\0\0\0")
    with pytest.raises(MediaError, match="its first picture has 0 × 0 pixels"):
        seen(tmp_path, gif[: start + 5] + bytes(4) + gif[start + 9 :])
    assert seen(tmp_path, gif[:6] + bytes(4) + gif[10:]).shape == (80, 120, 3)


def test_pictures_are_read_side_by_side_without_a_warning(tmp_path: Path):
    """Warnings are off while any thread reads, and on again behind the last."""
    entries = [*grey_tiff(30, 20), (305, 2, 400, 0xFFFFFF00)]
    (tmp_path / "odd.tif").write_bytes(tiff(entries, bytes(600)))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: open_picture(tmp_path / "odd.tif"), range(200)))
    with pytest.warns(UserWarning, match="still on"):
        warnings.warn("still on", stacklevel=1)


def test_broken_chunks_beside_the_picture_are_no_matter(tmp_path: Path):
    """A wrong checksum in a chunk that is not needed is not looked at."""
    content = png(PIXELS)
    text = bytearray(chunk(b"tEXt", b"k\0v"))
    text[-1] ^= 1
    assert difference(seen(tmp_path, content[:33] + bytes(text) + content[33:]), PIXELS) == 0
