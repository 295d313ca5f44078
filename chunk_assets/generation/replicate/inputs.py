"""The inputs of one prediction, and their fingerprint."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chunk_assets.errors import SpecError
from chunk_assets.generation.base import GenerationRequest
from chunk_assets.generation.hosted import HostedModel
from chunk_assets.generation.model_inputs import SoundSwitch

MAX_SEED = 2**31 - 1
"""The largest seed that every model accepts."""


@dataclass(frozen=True)
class MediaUrls:
    """URLs or data URIs of the files that `conditioning_files` wrote.

    Attributes:
        conditioning: The conditioning image, or the clip that holds it.
        end_image: The picture to end with, if there is one.
        references: The reference pictures.
    """

    conditioning: str
    end_image: str | None = None
    references: tuple[str, ...] = ()


def build_inputs(model: HostedModel, request: GenerationRequest, urls: MediaUrls) -> dict[str, Any]:
    """Return the inputs of a clip's prediction: exactly those that the catalog names.

    A model whose sound can be turned off is asked for a silent clip.

    Raises:
        SpecError: The model makes no clip of that length or proportions, cannot end on a picture,
            takes fewer reference pictures, or the seed is out of range.
    """
    if not 0 <= request.seed <= MAX_SEED:
        raise SpecError(f"the seed is {request.seed!r}: expected 0 to {MAX_SEED}")
    check_pictures(model, request)
    length = model.clip_length(request.num_frames, request.fps)
    size = model.frame_size(length, request.size)
    media = model.media
    inputs: dict[str, Any] = {
        media.parameter: [urls.conditioning] if media.is_list else urls.conditioning,
        **length.inputs,
        **size.inputs,
        **model.inputs,
        model.prompt: shortened_prompt(model, request.prompt),
    }
    if model.negative_prompt and request.negative_prompt:
        inputs[model.negative_prompt] = request.negative_prompt
    if model.seed:
        inputs[model.seed] = request.seed
    if model.end_image and urls.end_image:
        inputs[model.end_image] = urls.end_image
    if model.references and urls.references:
        inputs[model.references.parameter] = list(urls.references)
    if isinstance(model.sound, SoundSwitch):
        inputs[model.sound.parameter] = False
    camera = model.camera.value(request.camera_movement) if model.camera else None
    if model.camera and camera is not None:
        inputs[model.camera.parameter] = camera
    return inputs


def check_pictures(model: HostedModel, request: GenerationRequest) -> None:
    """Check that the model takes the end picture and the reference pictures of a request.

    Raises:
        SpecError: It does not.
    """
    able = model.abilities
    if request.end_image is not None and not able.end_image:
        raise SpecError(
            f"{model.name} cannot end a clip on a given picture: choose a model that can "
            "('chunk-assets models' lists them)",
            model=model.name,
        )
    if len(request.references) > able.references:
        most = able.references
        takes = f"at most {most} reference pictures" if most else "no reference pictures"
        why = " beside a first picture" if model.references and not most else ""
        raise SpecError(
            f"{model.name} takes {takes}{why}, and {len(request.references)} were given: choose "
            "another model, or leave them out",
            model=model.name,
        )


def shortened_prompt(model: HostedModel, prompt: str) -> str:
    """Return the prompt, cut after a whole word if it is longer than the model accepts."""
    most = model.prompt_characters
    if most is None or len(prompt) <= most:
        return prompt
    cut = prompt[:most]
    whole = cut if prompt[most].isspace() else cut.rpartition(" ")[0]
    return (whole or cut).rstrip(" ,;:–-")


def without_media(model: HostedModel, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs that may be recorded and logged: all but the pictures."""
    pictures = {model.media.parameter, model.end_image}
    if model.references:
        pictures.add(model.references.parameter)
    return {name: value for name, value in inputs.items() if name not in pictures}


def request_fingerprint(
    model: HostedModel,
    version: str | None,
    inputs_without_media: Mapping[str, Any],
    media_sha256: str,
    *,
    end_image_sha256: str | None = None,
    reference_sha256s: Sequence[str] = (),
) -> str:
    """Return the SHA-256 (hex) of a request, the same in every process and on any machine.

    Args:
        model: The model.
        version: The version's id; None for an official model, which is requested by name.
        inputs_without_media: All inputs; pictures, whose URLs differ with every upload, are
            ignored.
        media_sha256: SHA-256 of the composite's pixels, even if the model is sent a clip of it:
            another FFmpeg writes other bytes for the same picture.
        end_image_sha256: The same of the picture to end with; None if there is none.
        reference_sha256s: The same of the reference pictures.
    """
    material = {
        "model": model.replicate,
        "version": version,
        "inputs": without_media(model, inputs_without_media),
        "media": media_sha256,
    }
    # Left out if there are none: earlier versions had none, and their predictions must be found.
    if end_image_sha256 is not None:
        material["end_image"] = end_image_sha256
    if reference_sha256s:
        material["references"] = list(reference_sha256s)
    text = json.dumps(material, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
