"""Nodes for a real ComfyUI in tests: a slow one like a sampler, and two that fail.

Copy this folder into the server's `custom_nodes`; the tests marked `comfyui` say how to start it.
"""

import time

import comfy.utils  # pyright: ignore  # ComfyUI's own, where this is loaded
import torch  # pyright: ignore


class OwnSlowFrames:
    """Fades from one picture to another, slowly, with progress."""

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "go"
    CATEGORY = "own"

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802 - ComfyUI wants this name
        whole = {"min": 1, "max": 1000}
        return {
            "required": {
                "start_image": ("IMAGE",),
                "positive": ("STRING", {"default": "", "multiline": True}),
                "negative": ("STRING", {"default": "", "multiline": True}),
                "length": ("INT", {"default": 81, "step": 4, **whole}),
                "steps": ("INT", {"default": 10, **whole}),
                "seconds_per_step": ("FLOAT", {"default": 0.3, "min": 0.0, "max": 60.0}),
                "seed": ("INT", {"default": 0, "min": 0, "max": 2**64 - 1}),
            },
            "optional": {"end_image": ("IMAGE",)},
        }

    def go(
        self,
        start_image,
        positive,
        negative,
        length,
        steps,
        seconds_per_step,
        seed,
        end_image=None,
    ):
        bar = comfy.utils.ProgressBar(steps)
        for step in range(steps):
            time.sleep(seconds_per_step)
            bar.update_absolute(step + 1, steps)
        last = start_image if end_image is None else end_image
        part = torch.linspace(0, 1, length).view(-1, 1, 1, 1)
        return (start_image[:1] * (1 - part) + last[:1] * part,)


class OwnFails(OwnSlowFrames):
    """Fails in a way that it always would."""

    FUNCTION = "fail"

    def fail(self, **_inputs):
        raise ValueError("it broke")


class OwnOOM(OwnSlowFrames):
    """Fails as a GPU without enough memory does."""

    FUNCTION = "fail"

    def fail(self, **_inputs):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")


NODE_CLASS_MAPPINGS = {one.__name__: one for one in (OwnSlowFrames, OwnFails, OwnOOM)}
