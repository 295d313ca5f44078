"""What tells one rendering from another: fingerprints of what it was made from, and its seed."""

import hashlib
import json
from dataclasses import asdict, dataclass

from chunk_assets.media.compositing import ANIMATIC_WEIGHT, STYLE_WEIGHT, TEMPORAL_WEIGHT
from chunk_assets.schemas import ChunkSpec

COMPOSITING = "1"
"""Changes when `create_reference_composite` gives other pixels for the same input."""

_SEEDS = 2**31
"""Seeds are 31-bit: the smallest range that the hosted models share."""


@dataclass(frozen=True)
class Weights:
    """The shares of the composite's pictures, each in [0, 1]."""

    animatic: float = ANIMATIC_WEIGHT
    style: float = STYLE_WEIGHT
    temporal: float = TEMPORAL_WEIGHT

    def __str__(self) -> str:
        """The three numbers, as they are recorded beside a composite."""
        return f"{self.animatic} {self.style} {self.temporal}"


def digest(material: object) -> str:
    """The sha256 (hex) of a JSON value, the same however its names are ordered."""
    text = json.dumps(material, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def composite_fingerprint(spec: ChunkSpec, previous_version: str | None, weights: Weights) -> str:
    """What a composite is made from: its pictures' versions, their weights, its size."""
    return digest(
        {
            "compositing": COMPOSITING,
            "animatic": spec.animatic_frame_version or spec.animatic_frame_url,
            "style": None if previous_version else spec.style_guide_version or spec.style_guide_url,
            "previous": previous_version,
            "weights": asdict(weights),
            "size": list(spec.size),
        }
    )


def clip_fingerprint(spec: ChunkSpec, composite_version: str, generator: str, model: str) -> str:
    """What a clip is made from: what the generator is asked, less the seed.

    Where the film is cut does not count: the same clip serves when only a transition changes.
    """
    return digest(
        {
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
    )


def chunk_seed(spec: ChunkSpec, take: int) -> int:
    """The seed of one take of one chunk, 0 to 2³¹ − 1.

    Derived from film, chunk and take, so that neighbours differ (the same seed makes a chained film
    loop) and a take can be had again; a seed chosen for the film takes the take's place.
    """
    chosen = f"take {take}" if spec.seed is None else f"seed {spec.seed}"
    material = f"{spec.video_id} {spec.chunk_num} {chosen}"
    return int.from_bytes(hashlib.sha256(material.encode()).digest()[:8]) % _SEEDS
