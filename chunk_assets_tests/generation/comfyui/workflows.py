"""Workflows to test with."""

import json
from pathlib import Path
from typing import Any

from chunk_assets.generation.comfyui.workflow import Workflow, parse_workflow

EXAMPLES = Path(__file__).parents[3] / "examples" / "comfyui"


def node(kind: str, title: str = "", **inputs: Any) -> dict[str, Any]:
    """One node."""
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": title or kind}}


def still(**changes: Any) -> dict[str, Any]:
    """The example that needs no model; `changes` replace or add nodes, None removes one."""
    nodes = json.loads((EXAMPLES / "still.json").read_text()) | changes
    return {name: one for name, one in nodes.items() if one is not None}


def with_end(sampler: str = "OwnSlowFrames", steps: int = 4) -> dict[str, Any]:
    """A workflow with an end picture that it can do without, a seed and steps."""
    inputs = {"start_image": ["6", 0], "end_image": ["13", 0], "length": ["4", 0], "seed": 1}
    more = {"positive": ["8", 0], "negative": ["8", 0], "steps": steps, "seconds_per_step": 0.0}
    return still(
        **{
            "7": node(sampler, "seed", **inputs, **more),
            "12": node("LoadImage", "end image", image="end.png"),
            "13": node(
                "ImageScale",
                "scale end",
                image=["12", 0],
                upscale_method="lanczos",
                width=["2", 0],
                height=["3", 0],
                crop="center",
            ),
        }
    )


def parsed(nodes: dict[str, Any]) -> Workflow:
    """A workflow as it is read from a file."""
    return parse_workflow(json.dumps(nodes).encode(), "test", "the workflow 'test.json'")
