"""Convert HDR and wide gamuts to bt709 for an SDR screen."""

from functools import cache

import numpy as np

from chunk_assets.media.pictures.transfer import WHITE_NITS, hlg_decoded, pq_decoded

HDR_CURVES = {"smpte2084": "PQ", "arib-std-b67": "HLG"}
"""FFmpeg's names of HDR transfer curves, with their usual names."""

WIDE_PRIMARIES = ("bt2020", "smpte431", "smpte432")
"""Primaries that visibly exceed bt709's. Those of SD are not converted: they differ little, and
most programs tag smpte170m without converting to it."""

# Linear light from one set of primaries to bt709's (ITU-R BT.2087, SMPTE EG 432-1), white D65.
_TO_BT709 = {
    "bt2020": ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)),
    "smpte432": ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979)),
}
_TO_BT709["smpte431"] = _TO_BT709["smpte432"]

_GAMMA = 2.4  # of an SDR screen, ITU-R BT.1886
_HLG_PEAK = 1000.0  # cd/m² of the screen that HLG is shown on, ITU-R BT.2100
_KNEE = 0.75  # of white; brighter values are compressed, so that highlights keep detail

_ROWS = 64  # at a time, so that memory does not grow with the picture's height
_LUMA_BT2020 = np.array([0.2627, 0.6780, 0.0593], np.float32)


def to_bt709(rgb: np.ndarray, curve: str, primaries: str) -> np.ndarray:
    """Convert a picture to bt709.

    Args:
        rgb: Height × width × 3, uint16 in full range, coded by `curve`.
        curve: FFmpeg's name of the transfer curve; SDR curves are treated as a screen's gamma.
        primaries: FFmpeg's name of the primaries; unknown ones are treated as bt2020.

    Returns:
        Height × width × 3, uint8, for an SDR screen.
    """
    shown = np.empty(rgb.shape, np.uint8)
    is_hdr = curve in HDR_CURVES
    matrix = np.array(_TO_BT709.get(primaries, _TO_BT709["bt2020"]), np.float32).T
    if is_hdr and primaries == "bt709":
        matrix = np.eye(3, dtype=np.float32)
    table = _light_of_codes(curve)
    for row in range(0, len(rgb), _ROWS):
        light = table[rgb[row : row + _ROWS]]
        if curve == "arib-std-b67":  # from scene light to display light
            light *= (light @ _LUMA_BT2020)[..., None] ** np.float32(0.2)
            light *= np.float32(_HLG_PEAK / WHITE_NITS)
        light = light @ matrix
        if is_hdr:
            light *= _compression(light.max(axis=-1, keepdims=True))
        shown[row : row + _ROWS] = np.rint(255 * np.clip(light, 0, 1) ** np.float32(1 / _GAMMA))
    return shown


def _compression(brightest: np.ndarray) -> np.ndarray:
    """Return the factor for colours whose largest component is `brightest`.

    One factor for all three components keeps hues. Below the knee it is 1.
    """
    over = np.maximum(brightest - _KNEE, 0) / (1 - _KNEE)
    mapped = _KNEE + (1 - _KNEE) * over / (over + 1)
    return np.where(over > 0, mapped / np.maximum(brightest, _KNEE), 1).astype(np.float32)


@cache
def _light_of_codes(curve: str) -> np.ndarray:
    """Return the light of each of 65,536 codes, as a multiple of SDR white, or of HLG's peak."""
    code = np.linspace(0, 1, 1 << 16)
    if curve == "smpte2084":
        light = pq_decoded(code)
    elif curve == "arib-std-b67":
        light = hlg_decoded(code)
    else:
        light = code**_GAMMA
    return light.astype(np.float32)
