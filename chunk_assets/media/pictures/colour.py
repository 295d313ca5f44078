"""Convert a picture to 8-bit sRGB over white."""

import io
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageCms
from PIL.ImageFile import ImageFile

from chunk_assets.media.pictures.header import Header
from chunk_assets.media.pictures.transfer import rolled_off, to_srgb

Converter = Callable[[Image.Image], Image.Image]

_DEEP = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
_CLEAR = ("RGBA", "LA", "PA", "RGBa", "La")
_GREYS = ("1", "L")
_ROWS = 256


def raw_mode(image: ImageFile) -> str:
    """Return the file's pixel format, such as `RGB;16B`; Pillow forgets it when it loads."""
    args = image.tile[0].args if image.tile else ""
    args = args[0] if isinstance(args, tuple) and args else args
    return args if isinstance(args, str) else ""


def as_seen(image: Image.Image, header: Header, rawmode: str) -> Converter:
    """Return the converter of parts of this loaded picture to RGB for display."""
    profile = image.info.get("icc_profile") if header.profile is None else header.profile
    coding = to_srgb(header.coding)
    colours = coding or _by_profile(image.mode, profile) or (lambda part: part.convert("RGB"))
    levels = _levels(image, header, rawmode) if image.mode in _DEEP else None
    clear = image.info.get("transparency")
    if header.format == "PNG" and rawmode.endswith(";16B") and isinstance(clear, tuple):
        clear = tuple(value >> 8 for value in clear)  # as the pixels were

    def seen(part: Image.Image) -> Image.Image:
        alpha = None
        if levels is not None:
            numbers = np.asarray(part)
            if isinstance(clear, int):
                alpha = Image.fromarray(np.where(numbers == clear, 0, 255).astype(np.uint8))
            part = Image.fromarray(levels(numbers))
        elif part.mode in _CLEAR or clear is not None:
            if clear is not None:
                part.info["transparency"] = clear
            part = part.convert("RGBA")
            alpha = part.getchannel("A")
            part = part.convert("RGB")
        if coding is not None:
            part = part.convert("RGB")
        part = colours(part)
        if alpha is None:
            return part
        return Image.composite(part, Image.new("RGB", part.size, "white"), alpha)

    return seen


def _by_profile(mode: str, profile: bytes | None) -> Converter | None:
    """Return the converter for an ICC profile; None if it is missing, damaged or unsuitable."""
    if mode == "LAB":
        lab = ImageCms.createProfile("LAB", 6500)
        return _transform(ImageCms.ImageCmsProfile(lab), "LAB")
    if not profile:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()  # type: ignore[attr-defined] - a CmsProfile
    except Exception:
        return None  # ignored, as in viewers
    if space == "RGB" and mode != "CMYK":
        return _transform(source, "RGB")
    if space == "GRAY" and (mode in (*_GREYS, *_DEEP) or mode in ("LA", "La")):
        return _transform(source, "L")
    if space == "CMYK" and mode == "CMYK":
        return _transform(source, "CMYK")
    return None


def _transform(source: ImageCms.ImageCmsProfile, mode: str) -> Converter | None:
    try:
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except Exception:
        return None

    def convert(part: Image.Image) -> Image.Image:
        part = part if part.mode == mode else part.convert(mode)
        part.info.pop("transparency", None)
        # This writes the target's profile into the picture, where nothing reads it.
        return ImageCms.applyTransform(part, transform) or part

    return convert


def _levels(image: Image.Image, header: Header, rawmode: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return the converter from deeper pixels to 8 bits."""
    if image.mode == "F":
        share = _float_share(image)
    elif image.mode == "I" and rawmode == "I;32N":  # which Pillow reads as signed numbers
        share = _scaled(float(0xFFFFFFFF), np.uint32)
    elif header.format == "TIFF" and image.mode != "I":
        share = _scaled(float((1 << header.sample_bits) - 1))
    elif header.format == "TIFF":
        share = _scaled(_top(max(float(part.max()) for part in _parts(image))))
    else:
        share = _scaled(65535.0)
    return lambda numbers: _eight_bits(share(numbers), header)


def _scaled(top: float, kind: type | None = None) -> Callable[[np.ndarray], np.ndarray]:
    return lambda numbers: (numbers.view(kind) if kind else numbers) / np.float32(top)


def _top(largest: float) -> float:
    return next((top for top in (255.0, 65535.0) if largest <= top), largest)


def _float_share(image: Image.Image) -> Callable[[np.ndarray], np.ndarray]:
    """Return the converter from floating point pixels to 0 to 1.

    Fractions up to 1 range from black to white. Whole numbers are levels up to 255 or 65535. Larger
    fractions are light: white is 1, or the 95th percentile if higher; brighter light is rolled off,
    not clipped.
    """
    largest, is_whole, sample = 0.0, True, []
    step = max(1, image.width * image.height // 200_000)
    for part in _parts(image):
        finite = part[np.isfinite(part)]
        largest = max(largest, float(finite.max(initial=0)))
        is_whole = is_whole and bool((finite == np.rint(finite)).all())
        sample.append(finite[::step].copy())  # a view would keep the whole array
    if largest <= 1:
        return lambda numbers: numbers
    if is_whole:
        return _scaled(_top(largest))
    white = max(1.0, float(np.percentile(np.concatenate(sample), 95)))
    peak = largest / white
    return lambda numbers: rolled_off(np.minimum(numbers / np.float32(white), peak), peak)


def _parts(image: Image.Image) -> Iterator[np.ndarray]:
    for top in range(0, image.height, _ROWS):
        yield np.asarray(image.crop((0, top, image.width, min(top + _ROWS, image.height))))


def _eight_bits(shares: np.ndarray, header: Header) -> np.ndarray:
    shares = np.clip(np.nan_to_num(shares, nan=0.0, posinf=1.0, neginf=0.0), 0, 1)
    if header.is_inverted:
        shares = 1 - shares
    return np.rint(shares * 255).astype(np.uint8)
