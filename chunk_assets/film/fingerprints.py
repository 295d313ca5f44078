"""Fingerprints of what pictures and clips are made from, and the seeds of takes."""

import hashlib
import json
from dataclasses import asdict, dataclass

from chunk_assets.media.compositing import ANIMATIC_WEIGHT, STYLE_WEIGHT, TEMPORAL_WEIGHT
from chunk_assets.schemas import ChunkSpec

COMPOSITING = "1"
"""Increase this when `create_reference_composite` returns different pixels for the same input."""

_SEEDS = 2**31
"""Seeds have 31 bits: the smallest range of any hosted model."""


@dataclass(frozen=True)
class Weights:
    """The shares of a composite's pictures, each in [0, 1]."""

    animatic: float = ANIMATIC_WEIGHT
    style: float = STYLE_WEIGHT
    temporal: float = TEMPORAL_WEIGHT

    def __str__(self) -> str:
        """Return the three numbers as they are stored in a composite's record."""
        return f"{self.animatic} {self.style} {self.temporal}"


def used_weights(spec: ChunkSpec, weights: Weights) -> Weights:
    """Return the shares of a chunk's composite: an unblended one is a single picture."""
    if not spec.is_unblended:
        return weights
    return Weights(animatic=1.0, style=0.0, temporal=0.0 if spec.has_key_picture else 1.0)


def digest(material: object) -> str:
    """Return the SHA-256 (hex) of a JSON value; the order of its names does not matter."""
    text = json.dumps(material, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def composite_fingerprint(spec: ChunkSpec, previous_version: str | None, weights: Weights) -> str:
    """Return the fingerprint of a composite: its pictures' versions, weights and size."""
    is_key, style = spec.has_key_picture, spec.style_guide_version or spec.style_guide_url
    return digest(
        {
            "compositing": COMPOSITING,
            "animatic": spec.animatic_frame_version or spec.animatic_frame_url,
            "style": None if previous_version or is_key else style,
            "previous": previous_version,
            "weights": None if spec.is_unblended else asdict(weights),
            "size": list(spec.size),
        }
    )


def clip_fingerprint(spec: ChunkSpec, composite_version: str, generator: str, model: str) -> str:
    """Return the fingerprint of a clip: everything in the generator's request except the seed.

    Keyframes are left out, so a clip is kept when only a transition changes.
    """
    material: dict[str, object] = {
        "composite": composite_version,
        "prompt": spec.prompt,
        "negative_prompt": spec.negative_prompt,
        "camera_movement": spec.camera_movement,
        "num_frames": spec.num_frames,
        "fps": int(spec.fps),
        "size": list(spec.size),
        "generator": generator,
        "model": model,
    }
    if spec.end_frame_url is not None:  # left out otherwise: the clips of other films are kept
        material["end"] = spec.end_frame_version or spec.end_frame_url
    if spec.reference_urls:
        material["references"] = list(spec.reference_versions or spec.reference_urls)
    return digest(material)


def chunk_seed(spec: ChunkSpec, take: int) -> int:
    """Return the seed of one take of one chunk, 0 to 2³¹ − 1.

    It is derived from film, chunk and take, or from the film's seed if one was chosen, so that a
    take can be repeated. Neighbouring chunks have different seeds: with one seed, a film loops.
    """
    chosen = f"take {take}" if spec.seed is None else f"seed {spec.seed}"
    material = f"{spec.video_id} {spec.chunk_num} {chosen}"
    return int.from_bytes(hashlib.sha256(material.encode()).digest()[:8]) % _SEEDS
