"""Convert a PNG's colour space to sRGB, in linear light."""

from collections.abc import Callable

import numpy as np
from PIL import Image

from chunk_assets.media.pictures.header import PngCoding

Numbers = np.ndarray

_D65 = (0.3127, 0.3290)
_SRGB = (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_BT2020 = (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)
_P3 = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
_PRIMARIES = {
    1: _SRGB,
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    8: (0.310, 0.316, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: _BT2020,
    11: (0.314, 0.351, *_P3),
    12: (*_D65, *_P3),
}
"""White, red, green and blue (x, y) by ITU-T H.273, table 2."""

WHITE_NITS = 203.0
"""Diffuse white of HDR (ITU-R BT.2408)."""

_PEAK = 1000.0 / WHITE_NITS
"""Peak brightness for which HDR pictures are graded, as a multiple of diffuse white."""

_KNEE = 0.75

_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def rolled_off(linear: Numbers, peak: float) -> Numbers:
    """Map 0 to `peak` onto 0 to 1: unchanged up to 0.75, then increasingly compressed."""
    room = 1 - _KNEE
    beyond = np.maximum(linear - _KNEE, 0) / room
    most = max((peak - _KNEE) / room, 1e-6)
    rolled = _KNEE + room * beyond * (1 + beyond / most**2) / (1 + beyond)
    return np.where(linear > _KNEE, rolled, linear)


def to_srgb(coding: PngCoding) -> Callable[[Image.Image], Image.Image] | None:
    """Return the converter from this colour space to sRGB; None if it needs no conversion."""
    if coding.cicp is not None:
        return _by_cicp(*coding.cicp)
    return _by_gamma(coding)


def _by_cicp(
    primaries: int, transfer: int, matrix: int, full_range: int
) -> Callable[[Image.Image], Image.Image] | None:
    decode = _TRANSFERS.get(transfer)
    if decode is None or primaries not in _PRIMARIES or matrix != 0:
        return None  # unknown, or not RGB: not converted, as in browsers
    if primaries == 1 and decode is _srgb_decoded and full_range:
        return None
    levels = np.arange(256) / 255
    if not full_range:
        levels = (np.arange(256) - 16) / 219
    table = decode(np.clip(levels, 0, 1)).astype(np.float32)
    mix = _matrix(_PRIMARIES[primaries])

    def light(numbers: Numbers) -> Numbers:
        linear = table[numbers]
        if transfer == 18:  # HLG: display light depends on the pixel's brightness
            luma = linear @ np.array([0.2627, 0.6780, 0.0593], np.float32)
            linear = linear * (np.maximum(luma, 1e-6) ** 0.2)[..., None] * np.float32(_PEAK)
        if transfer in (16, 18):
            most = np.maximum(linear.max(axis=-1, keepdims=True), 1e-6)
            linear = linear * (rolled_off(np.minimum(most, _PEAK), _PEAK) / most)
        return linear @ mix.T

    return _applied(light)


def _by_gamma(coding: PngCoding) -> Callable[[Image.Image], Image.Image] | None:
    gamma, stated = coding.gamma, coding.chromaticities
    usual = gamma is None or not 0.05 <= gamma <= 5 or 0.44 <= gamma <= 0.47
    mix = _matrix(stated) if stated is not None and _differs(stated) else None
    if usual and mix is None:
        return None
    levels = np.arange(256) / 255
    table = _srgb_decoded(levels) if usual or gamma is None else levels ** (1 / gamma)
    table = table.astype(np.float32)
    return _applied(lambda numbers: table[numbers] if mix is None else table[numbers] @ mix.T)


def _differs(stated: tuple[float, ...]) -> bool:
    """Whether chromaticities are plausible and differ from sRGB's."""
    if max(abs(one - two) for one, two in zip(stated, _SRGB, strict=True)) < 0.01:
        return False
    area = np.linalg.det(np.array([[*stated[at : at + 2], 1.0] for at in (2, 4, 6)]))
    return abs(area) > 0.01 and stated[1] > 0.05 and all(0 <= value <= 1.2 for value in stated)


def _matrix(stated: tuple[float, ...]) -> Numbers:
    """Return the matrix from linear light of these chromaticities to linear sRGB, keeping white."""
    return (np.linalg.inv(_to_xyz(_SRGB)) @ _to_xyz(stated)).astype(np.float32)


def _to_xyz(stated: tuple[float, ...]) -> Numbers:
    """Return the matrix from linear light to XYZ under D65 (Bradford)."""
    white, *colours = (_xyz(*stated[at : at + 2]) for at in (0, 2, 4, 6))
    columns = np.array(colours).T
    matrix = columns * np.linalg.solve(columns, white)
    cones = (_BRADFORD @ _xyz(*_D65)) / (_BRADFORD @ white)
    return np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD @ matrix


def _xyz(x: float, y: float) -> Numbers:
    y = max(y, 1e-4)
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _applied(light: Callable[[Numbers], Numbers]) -> Callable[[Image.Image], Image.Image]:
    levels = np.rint(_srgb_encoded(np.linspace(0, 1, 4096)) * 255).astype(np.uint8)

    def convert(image: Image.Image) -> Image.Image:
        linear = np.clip(light(np.asarray(image)), 0, 1)
        if linear.min(initial=1) < 0.02:  # near black, a step of the table exceeds a level
            return Image.fromarray(np.rint(_srgb_encoded(linear) * 255).astype(np.uint8))
        return Image.fromarray(levels[np.rint(linear * 4095).astype(np.uint16)])

    return convert


def _srgb_decoded(levels: Numbers) -> Numbers:
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)


def _srgb_encoded(linear: Numbers) -> Numbers:
    curve = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, linear * 12.92, curve)


def pq_decoded(levels: Numbers) -> Numbers:
    """Decode SMPTE ST 2084, to multiples of diffuse white."""
    root = levels ** (1 / 78.84375)
    part = np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)
    return 10_000 / WHITE_NITS * part ** (1 / 0.1593017578125)


def hlg_decoded(levels: Numbers) -> Numbers:
    """Decode ARIB STD-B67, to scene light of 0 to 1."""
    high = (np.exp((levels - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return np.where(levels <= 0.5, levels**2 / 3, high)


_TRANSFERS: dict[int, Callable[[Numbers], Numbers]] = {
    # Browsers treat BT.709's curves, which describe cameras, as sRGB.
    **dict.fromkeys((1, 6, 13, 14, 15), _srgb_decoded),
    4: lambda levels: levels**2.2,
    5: lambda levels: levels**2.8,
    8: lambda levels: levels,
    16: pq_decoded,
    17: lambda levels: levels**2.6 * (52.37 / 48.0),
    18: hlg_decoded,
}
