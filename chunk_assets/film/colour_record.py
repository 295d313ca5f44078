"""How the colours of a chunk and of its beat have moved, measured as the clip comes."""

from typing import Any

import numpy as np
from PIL import Image

from chunk_assets.film.fingerprints import digest
from chunk_assets.film.records import ClipRecord
from chunk_assets.media.metrics import colour_shift, reduced
from chunk_assets.schemas import ChunkSpec


def colour_record(
    spec: ChunkSpec,
    conditioning: Image.Image,
    last: Image.Image,
    temporal: float,
    before: ClipRecord | None,
) -> dict[str, Any]:
    """What a clip's record says of its colours.

    Args:
        spec: The chunk.
        conditioning: The picture the clip was conditioned on.
        last: The clip's last frame.
        temporal: The share of the last frame before in `conditioning`.
        before: The record of the chunk before; None where there is none.

    Returns:
        The fields `beat`, `colour_shift` and `colour_drift` of a `ClipRecord`. The drift is summed
        as `video.judging.accumulated` has it, from the beat's first chunk on; it is left out
        where it is not known of the beat's chunk before.
    """
    beat = digest(spec.beat.get("name"))[:12]
    shift = colour_shift(reduced(np.asarray(conditioning)), reduced(np.asarray(last))).mean
    record = {"beat": beat, "colour_shift": _text(shift)}
    if before is None or before.beat != beat:
        return {**record, "colour_drift": _text(shift)}
    if not before.colour_drift:
        return record
    carried = temporal * np.array([float(part) for part in before.colour_drift.split()])
    return {**record, "colour_drift": _text(carried + shift)}


def distance(text: str) -> float:
    """ΔE (CIE 1976) of a recorded shift or drift."""
    return float(np.linalg.norm([float(part) for part in text.split()]))


def _text(shift: np.ndarray) -> str:
    return " ".join(f"{part:.3f}" for part in shift)
