"""Why ComfyUI refuses a workflow, from its answer to POST /prompt, in one sentence."""

from collections.abc import Mapping
from typing import Any

from chunk_assets.generation.comfyui.connection import bounded

_MOST = 3


def reason(body: Mapping[str, Any]) -> str:
    """Return the reason of a refusal: that of its nodes if they have one, or else its own."""
    if nodes := node_reasons(body.get("node_errors")):
        listed = "; ".join(list(nodes.values())[:_MOST])
        more = f"; and {len(nodes) - _MOST} more nodes" if len(nodes) > _MOST else ""
        return f"{listed}{more}"
    error = body.get("error")
    if isinstance(error, dict):
        return _said(error) or bounded(error.get("type", "")) or "no reason given"
    return bounded(error) if isinstance(error, str) else "no reason given"


def node_reasons(errors: object) -> dict[str, str]:
    """Return the reasons of the nodes that the server refuses, by their ids."""
    found = {}
    for node, about in errors.items() if isinstance(errors, dict) else ():
        about = about if isinstance(about, dict) else {}
        listed = about.get("errors")
        said = [_said(one) for one in (listed if isinstance(listed, list) else [])]
        kind = bounded(about.get("class_type", "a node"), 60)
        why = "; ".join(filter(None, said[:_MOST])) or "refused"
        found[str(node)] = f"{kind} (node {bounded(node, 40)}): {why}"
    return found


def left_out(errors: object) -> set[str]:
    """Return the ids of the nodes that do not run though the prompt was accepted."""
    found: set[str] = set()
    for node, about in errors.items() if isinstance(errors, dict) else ():
        dependent = about.get("dependent_outputs") if isinstance(about, dict) else None
        found |= {str(node)}
        found |= {str(one) for one in (dependent if isinstance(dependent, list) else [])}
    return found


def _said(error: object) -> str:
    if not isinstance(error, dict):
        return ""
    parts = [bounded(error.get(name, ""), 200) for name in ("message", "details")]
    return ": ".join(part for part in parts if part)
