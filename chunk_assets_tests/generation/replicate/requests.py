"""One chunk's request for hosted models."""

from pathlib import Path
from typing import Any

from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.base import GenerationRequest

SIZE = (1024, 576)


def request(**changes: Any) -> GenerationRequest:
    """The second chunk of a film as the task list has it: 60 frames at 24 fps, 1024×576."""
    fields: dict[str, Any] = {
        "video_id": "film",
        "chunk_num": 1,
        "prompt": "a cup on a table",
        "conditioning_image": Path("composite.png"),
        "num_frames": 60,
        "fps": FrameRate(24),
        "size": SIZE,
        "seed": 7,
        "camera_movement": "dolly in",
        "negative_prompt": "hands",
    }
    return GenerationRequest(**(fields | changes))
