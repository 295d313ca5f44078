"""The inputs of one prediction, and their fingerprint."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from chunk_assets.errors import SpecError
from chunk_assets.generation.base import GenerationRequest
from chunk_assets.generation.hosted import HostedModel

MAX_SEED = 2**31 - 1
"""The largest seed that every model accepts."""


def build_inputs(model: HostedModel, request: GenerationRequest, media_url: str) -> dict[str, Any]:
    """Return the inputs of a clip's prediction: exactly those that the catalog names.

    Args:
        model: The model.
        request: The requested clip.
        media_url: URL or data URI of the file that `conditioning_media` wrote.

    Raises:
        SpecError: The model makes no clip of that length, or the seed is out of range.
    """
    if not 0 <= request.seed <= MAX_SEED:
        raise SpecError(f"the seed is {request.seed!r}: expected 0 to {MAX_SEED}")
    length = model.clip_length(request.num_frames, request.fps)
    size = model.frame_size(length, request.size)
    inputs: dict[str, Any] = {
        model.media.parameter: media_url,
        **length.inputs,
        **size.inputs,
        **model.inputs,
        model.prompt: request.prompt,
    }
    if model.negative_prompt and request.negative_prompt:
        inputs[model.negative_prompt] = request.negative_prompt
    if model.seed:
        inputs[model.seed] = request.seed
    return inputs


def without_media(model: HostedModel, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs that may be recorded and logged: all but the conditioning image."""
    return {name: value for name, value in inputs.items() if name != model.media.parameter}


def request_fingerprint(
    model: HostedModel,
    version: str | None,
    inputs_without_media: Mapping[str, Any],
    media_sha256: str,
) -> str:
    """Return the SHA-256 (hex) of a request, the same in every process and on any machine.

    Args:
        model: The model.
        version: The version's id; None for an official model, which is requested by name.
        inputs_without_media: All inputs; the conditioning image, whose URL differs with every
            upload, is ignored.
        media_sha256: SHA-256 of the composite's pixels, even if the model is sent a clip of it:
            another FFmpeg writes other bytes for the same picture.
    """
    material = {
        "model": model.replicate,
        "version": version,
        "inputs": without_media(model, inputs_without_media),
        "media": media_sha256,
    }
    text = json.dumps(material, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
