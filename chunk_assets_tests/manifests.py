"""Manifests and pictures to test with."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def manifest(**changes: Any) -> dict[str, Any]:
    """A 30 s film of five beats, as the task list has it; `changes` replace top-level fields."""
    names = ("opening", "problem", "turn", "product", "end")
    beats = [
        {
            "name": name,
            "start": number * 6,
            "duration": 6,
            "shot_type": "wide shot",
            "action": f"Someone does the {name}.",
            "prompt_template": "A {style_aesthetic} view of {product_name} in the " + name,
            "camera_movement": "static",
        }
        for number, name in enumerate(names)
    ]
    return {
        "duration": 30,
        "fps": 24,
        "resolution": "1024x576",
        "product": {"name": "Lumen One", "category": "lamp"},
        "style": {
            "aesthetic": "watercolour",
            "color_palette": ["teal", "amber"],
            "mood": "calm",
            "lighting": "soft dawn light",
        },
        "beats": beats,
        "transitions": [{"type": "dissolve", "duration": 0.5}] * 4,
        "frames": [f"{name}.png" for name in names],
        "style_guide": "style.png",
        "product_reference": "product.png",
        **changes,
    }


def small_manifest(**changes: Any) -> dict[str, Any]:
    """A film of 6 s and two beats, three chunks, small enough to render in a moment."""
    beats = [
        {"name": "one", "duration": 4, "prompt_template": "{product_name} at rest"},
        {
            "name": "two",
            "duration": 2,
            "prompt_template": "{product_name} moves",
            "camera_movement": "pan left",
        },
    ]
    small = {
        "duration": 6,
        "fps": 8,
        "resolution": "128x72",
        "beats": beats,
        "transitions": [{"type": "dissolve", "duration": 0.5}],
        "frames": ["one.png", "two.png"],
    }
    return manifest(**{**small, **changes})


def picture(seed: int, size: tuple[int, int] = (128, 72)) -> Image.Image:
    """A soft random picture: gradients, as a drawing has them, not noise that no codec keeps."""
    coarse = np.random.default_rng(seed).integers(20, 235, (4, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def write_animatic(
    directory: Path, document: dict[str, Any], size: tuple[int, int] = (128, 72)
) -> Path:
    """A directory with the manifest and a picture for every file it names."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "animatic.json").write_text(json.dumps(document))
    names = [*document["frames"], document.get("style_guide"), document.get("product_reference")]
    for seed, name in enumerate(filter(None, names)):
        picture(seed, size).save(directory / name)
    return directory
