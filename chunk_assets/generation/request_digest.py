"""The digest of a request, by which the ledger knows it again."""

import hashlib
import json
from pathlib import Path

from chunk_assets.generation.base import GenerationRequest
from chunk_assets.media.images import open_picture, pixel_digest


def request_digest(model: str, request: GenerationRequest) -> str:
    """Return the SHA-256 (hex) of a request to a model, the same in every process.

    Pictures count by their pixels: the same composite may have different bytes on S3.

    Raises:
        MediaError: A picture cannot be read.
    """
    material = {
        "model": model,
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "camera_movement": request.camera_movement,
        "image": _pixels(request.conditioning_image),
        "end_image": _pixels(request.end_image) if request.end_image else None,
        "references": [_pixels(path) for path in request.references],
        "num_frames": request.num_frames,
        "fps": int(request.fps),
        "size": list(request.size),
        "seed": request.seed,
    }
    text = json.dumps(material, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _pixels(path: Path) -> str:
    return pixel_digest(open_picture(path))
