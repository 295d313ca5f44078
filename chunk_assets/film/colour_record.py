"""The colour shift of a new clip and the drift of its beat, for the clip's record."""

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
    """Return the colour fields of a clip's record.

    Args:
        spec: The chunk.
        conditioning: The picture the clip was conditioned on.
        last: The clip's last frame.
        temporal: The share of the previous last frame in `conditioning`.
        before: The previous chunk's record, if there is one.

    Returns:
        The fields `beat`, `colour_shift` and `colour_drift` of a `ClipRecord`. The drift adds up
        from the beat's first chunk, as in `media.metrics.accumulated`; it is left out if the beat's
        previous chunk has none.
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
    """Return the ΔE (CIE 1976) of a recorded shift or drift."""
    return float(np.linalg.norm([float(part) for part in text.split()]))


def _text(shift: np.ndarray) -> str:
    return " ".join(f"{part:.3f}" for part in shift)
