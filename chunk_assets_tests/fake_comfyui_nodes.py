"""The nodes of the fake ComfyUI: what `/object_info` tells of them, and the clips they make."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import av

from chunk_assets_tests.fake_predictions import film, picture

NONE_OR_ALL = {"min": 0, "max": 2**64 - 1}


def _int(lowest: int, highest: int, step: int = 1) -> list[Any]:
    return ["INT", {"min": lowest, "max": highest, "step": step}]


_IMAGE, _VIDEO, _ANY, _TEXT = ["IMAGE"], ["VIDEO"], ["*"], ["STRING", {"multiline": True}]
_FLOAT, _SIDE, _CLIP = ["FLOAT", {"min": 0.01, "max": 120.0, "step": 1.0}], 16384, ["CLIP"]

CLASSES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "LoadImage": ({"image": [[], {"image_upload": True}]}, {}),
    "ImageScale": (
        {"image": _IMAGE, "width": _int(0, _SIDE), "height": _int(0, _SIDE)},
        {},
    ),
    "RepeatImageBatch": ({"image": _IMAGE, "amount": _int(1, 4096)}, {}),
    "ImageBatch": ({"image1": _IMAGE, "image2": _IMAGE}, {}),
    "ImageBlend": ({"image1": _IMAGE, "image2": _IMAGE}, {}),
    "PrimitiveInt": ({"value": _int(-(2**63), 2**63 - 1)}, {}),
    "PrimitiveFloat": ({"value": ["FLOAT", {}]}, {}),
    "PrimitiveStringMultiline": ({"value": _TEXT}, {}),
    "PreviewAny": ({"source": _ANY}, {}),
    "CreateVideo": ({"images": _IMAGE, "fps": _FLOAT}, {}),
    "SaveVideo": ({"video": _VIDEO, "filename_prefix": _TEXT}, {}),
    "OwnSlowFrames": (
        {
            "start_image": _IMAGE,
            "length": _int(1, 1000, 4),
            "steps": _int(1, 1000),
            "seed": ["INT", NONE_OR_ALL],
        },
        {"end_image": _IMAGE},
    ),
    "UNETLoader": ({"unet_name": [["wan2.2.safetensors"]]}, {}),
    "CLIPTextEncode": ({"text": _TEXT, "clip": _CLIP}, {}),
    "WanImageToVideo": (
        {
            "width": _int(16, _SIDE, 16),
            "height": _int(16, _SIDE, 16),
            "length": _int(1, _SIDE, 4),
        },
        {"start_image": _IMAGE},
    ),
    "KSamplerAdvanced": ({"latent_image": ["LATENT"], "noise_seed": ["INT", NONE_OR_ALL]}, {}),
    "VAEDecode": ({"samples": ["LATENT"]}, {}),
}
"""The required and the optional inputs of each class."""

OUTPUTS = ("SaveVideo", "PreviewAny")


def about(name: str) -> dict[str, Any]:
    """Return what `/object_info/{name}` answers."""
    if name not in CLASSES:
        return {}
    required, optional = CLASSES[name]
    return {name: {"input": {"required": required, "optional": optional}, "name": name}}


@dataclass(frozen=True)
class Frames:
    """What flows between the nodes: a picture, how often it comes, how fast and how large."""

    media: bytes
    count: int = 1
    fps: int = 24
    size: tuple[int, int] | None = None
    end: bytes | None = None

    def encoded(self, metadata: Mapping[str, str]) -> bytes:
        """Return the clip as SaveVideo saves it: with the graph in it."""
        height, width = picture(self.media).shape[:2]
        made = film(self.media, self.count, self.fps, self.size or (width, height))
        return tagged(made, metadata)


def tagged(clip: bytes, metadata: Mapping[str, str]) -> bytes:
    """Return a clip with metadata, as ComfyUI writes it into an MP4."""
    target = io.BytesIO()
    options = {"movflags": "use_metadata_tags"}
    with (
        av.open(io.BytesIO(clip), "r") as source,
        av.open(target, "w", format="mp4", options=options) as container,
    ):
        container.metadata.update(metadata)
        stream = container.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    return target.getvalue()


def evaluate(graph: Mapping[str, Any], node: str, load: Callable[[str], bytes]) -> Frames:
    """Return what a node's output shows.

    Args:
        graph: All nodes.
        node: The node's id.
        load: Returns an uploaded picture by its name.
    """
    kind, inputs = graph[node]["class_type"], graph[node]["inputs"]

    def value(name: str) -> Any:
        given = inputs[name]
        if not isinstance(given, list):
            return given
        other = graph[given[0]]
        if other["class_type"].startswith("Primitive"):
            return other["inputs"]["value"]
        return evaluate(graph, given[0], load)

    if kind == "LoadImage":
        return Frames(load(inputs["image"]))
    if kind == "ImageScale":
        return replace(value("image"), size=(value("width"), value("height")))
    if kind == "RepeatImageBatch":
        frames = value("image")
        return replace(frames, count=frames.count * value("amount"))
    if kind == "ImageBatch":
        first, second = value("image1"), value("image2")
        return replace(first, count=first.count + second.count)
    if kind == "ImageBlend":
        return value("image1")
    if kind == "OwnSlowFrames":
        end = value("end_image").media if "end_image" in inputs else None
        return replace(value("start_image"), count=value("length"), end=end)
    if kind == "WanImageToVideo":
        size = value("width"), value("height")
        return replace(value("start_image"), count=value("length"), size=size)
    if kind == "KSamplerAdvanced":
        return value("latent_image")
    if kind == "VAEDecode":
        return value("samples")
    if kind == "CreateVideo":
        return replace(value("images"), fps=round(value("fps")))
    if kind == "SaveVideo":
        return value("video")
    raise ValueError(f"the fake cannot run {kind}")
