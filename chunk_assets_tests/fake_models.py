"""The models of the fake Replicate: their inputs, and the lengths of their clips."""

import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def _number(kind: str, default: Any, low: Any = None, high: Any = None) -> dict[str, Any]:
    limits = {"minimum": low, "maximum": high}
    return {"type": kind, "default": default, **{k: v for k, v in limits.items() if v is not None}}


_int = functools.partial(_number, "integer")
_float = functools.partial(_number, "number")
_bool = functools.partial(_number, "boolean")
_text: dict[str, Any] = {"type": "string"}
_uri: dict[str, Any] = {"type": "string", "format": "uri"}
_seed: dict[str, Any] = {"type": "integer", "nullable": True}


def _one_of(*choices: Any, default: Any = None, by_reference: bool = False) -> dict[str, Any]:
    kind = "integer" if isinstance(choices[0], int) else "string"
    chosen = choices[0] if default is None else default
    return {"type": kind, "enum": list(choices), "default": chosen, "by_reference": by_reference}


_ratio = _one_of("16:9", "9:16")
_p480 = functools.partial(_one_of, "480p", "720p", "1080p")


@dataclass(frozen=True)
class Model:
    """A model it serves.

    Attributes:
        inputs: Name → JSON schema of the value.
        length: From the inputs, defaults filled in, to how many frames and at what rate.
        media: The input that its clip is made from.
    """

    name: str
    version: str
    inputs: dict[str, dict[str, Any]]
    required: tuple[str, ...]
    length: Callable[[dict[str, Any]], tuple[int, int]]
    media: str = "image"
    is_official: bool = True
    has_list_output: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """Its OpenAPI schema; enums stand inline, or apart and referred to, as seen in the wild."""
        apart = {}
        properties = {}
        for order, (name, given) in enumerate(self.inputs.items()):
            prop = {k: v for k, v in given.items() if k != "by_reference"}
            if given.get("by_reference"):
                apart[name] = {"title": name, "type": prop.pop("type"), "enum": prop.pop("enum")}
                apart[name]["description"] = "An enumeration."
                prop["allOf"] = [{"$ref": f"#/components/schemas/{name}"}]
            else:
                prop["title"] = name.replace("_", " ").title()
            properties[name] = {**prop, "x-order": order, "description": f"The {name}."}
        output: dict[str, Any] = dict(_uri)
        if self.has_list_output:
            output = {"type": "array", "items": _uri}
        asked = {"title": "Input", "type": "object", "properties": properties}
        if self.required:
            asked["required"] = list(self.required)
        made = {"title": "Output", **output}
        schemas = {"Input": asked, "Output": made, **apart}
        info = {"title": "Cog", "version": "0.1.0"}
        return {"openapi": "3.0.2", "info": info, "components": {"schemas": schemas}}


def _version(start: str, name: str) -> str:
    return start + hashlib.sha256(name.encode()).hexdigest()[len(start) :]


def _seconds(fps: int, extra: int = 1) -> Callable[[dict[str, Any]], tuple[int, int]]:
    return lambda given: (int(given["duration"]) * fps + extra, fps)


def _model(name: str, start: str, length: Any, required: str = "", **more: Any) -> Model:
    return Model(
        name, _version(start, name), required=tuple(required.split()), length=length, **more
    )


# fmt: off - a table
MODELS = (
    _model(
        "anotherjesse/zeroscope-v2-xl",
        "9f747673",
        lambda i: (i["num_frames"], i["fps"]),
        media="init_video",
        is_official=False,
        has_list_output=True,
        inputs={
            "prompt": {**_text, "default": "An astronaut riding a horse"},
            "negative_prompt": _text,
            "init_video": _uri,
            "init_weight": _float(0.5),
            "num_frames": _int(24),
            "num_inference_steps": _int(50, 1, 500),
            "width": _int(576, 256),
            "height": _int(320, 256),
            "fps": _int(8),
            "guidance_scale": _float(7.5, 1, 100),
            "batch_size": _int(1, 1),
            "remove_watermark": _bool(False),
            "seed": _seed,
            "model": _one_of("xl", "576w", "potat1", "animov-512x", by_reference=True),
        },
    ),
    _model(
        "wan-video/wan-2.2-i2v-fast",
        "4eaf2b01",
        lambda i: (i["num_frames"], i["frames_per_second"]),
        "image prompt",
        inputs={
            "image": _uri,
            "last_image": _uri,
            "prompt": _text,
            "num_frames": _int(81, 81, 121),
            "frames_per_second": _int(16, 5, 30),
            "resolution": _one_of("480p", "720p"),
            "go_fast": _bool(True),
            "interpolate_output": _bool(False),
            "seed": _seed,
            "sample_shift": _float(12, 1, 20),
            "disable_safety_checker": _bool(False),
        },
    ),
    _model(
        "wavespeedai/wan-2.1-i2v-480p",
        "e2870aa4",
        lambda i: (81, 16),
        "image prompt",
        inputs={
            "image": _uri,
            "prompt": _text,
            "negative_prompt": _text,
            "aspect_ratio": _ratio,
            "fast_mode": _one_of("Balanced", "Off", "Fast", by_reference=True),
            "seed": _seed,
            "sample_steps": _int(30, 1, 40),
            "sample_guide_scale": _float(5, 1, 10),
            "sample_shift": _float(3, 0, 10),
            "lora_weights": _text,
            "lora_scale": _float(1, 0, 4),
            "disable_safety_checker": _bool(False),
        },
    ),
    _model(
        "minimax/hailuo-2.3-fast",
        "c92f075d",
        _seconds(24),
        "first_frame_image prompt",
        media="first_frame_image",
        inputs={
            "first_frame_image": _uri,
            "prompt": _text,
            "duration": _one_of(6, 10),
            "resolution": _one_of("768p", "1080p"),
            "prompt_optimizer": _bool(True),
        },
    ),
    _model(
        "bytedance/seedance-1-pro-fast",
        "155d6d44",
        _seconds(24),
        "prompt",
        inputs={
            "image": _uri,
            "prompt": _text,
            "duration": _int(5, 2, 12),
            "seed": _seed,
            "resolution": _one_of("480p", "720p", "1080p", default="1080p"),
            "aspect_ratio": _ratio,
            "fps": _one_of(24),
            "camera_fixed": _bool(False),
        },
    ),
    _model(
        "kwaivgi/kling-v2.5-turbo-pro",
        "18f41bfc",
        _seconds(24),
        "prompt",
        media="start_image",
        inputs={
            "start_image": _uri,
            "end_image": _uri,
            "image": {**_uri, "deprecated": True},
            "prompt": _text,
            "negative_prompt": _text,
            "aspect_ratio": _ratio,
            "duration": _one_of(5, 10, by_reference=True),
        },
    ),
    _model(
        "lightricks/ltx-video",
        "8c47da66",
        lambda i: (i["length"], 24),
        is_official=False,
        has_list_output=True,
        inputs={
            "image": _uri,
            "prompt": _text,
            "negative_prompt": _text,
            "seed": _seed,
            "length": _one_of(97, 129, 161, 193, 225, 257, by_reference=True),
            "target_size": _one_of(*range(512, 1025, 64), default=640, by_reference=True),
            "steps": _int(30, 1, 50),
            "cfg": _float(3, 1, 20),
            "aspect_ratio": _ratio,
            "image_noise_scale": _float(0.15, 0, 1),
            "model": _one_of("0.9.1", "0.9"),
        },
    ),
)
# fmt: on


_KINDS: dict[str, Any] = {"string": str, "integer": int, "number": (int, float), "boolean": bool}


def invalid_inputs(model: Model, given: dict[str, Any]) -> list[dict[str, str]]:
    """Return the errors in known inputs, as Replicate words them."""
    found = [
        ("required", name, f"{name} is required") for name in model.required if name not in given
    ]
    for name, value in given.items():
        prop = model.inputs.get(name)
        if prop is None or (value is None and prop.get("nullable")):
            continue
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        is_bool_for_number = isinstance(value, bool) and prop["type"] != "boolean"
        if is_bool_for_number or not isinstance(value, _KINDS[prop["type"]]):
            found.append(("invalid_type", name, f"Invalid type. Expected: {prop['type']}"))
        elif "enum" in prop and value not in prop["enum"]:
            choices = ", ".join(json.dumps(choice) for choice in prop["enum"])
            found.append(("enum", name, f"{name} must be one of the following: {choices}"))
        elif is_number and value < prop.get("minimum", value):
            limit = f"Must be greater than or equal to {prop['minimum']}"
            found.append(("number_gte", name, limit))
        elif is_number and value > prop.get("maximum", value):
            limit = f"Must be less than or equal to {prop['maximum']}"
            found.append(("number_lte", name, limit))
        elif str(value).startswith("data:") and len(str(value)) > 256 << 10:
            found.append(("too_large", name, "Data URIs may have 256 KB"))
    keys = ("type", "field", "description")
    return [
        dict(zip(keys, (kind, f"input.{name}", text), strict=True)) for kind, name, text in found
    ]
