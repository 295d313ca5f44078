"""The models of the fake Replicate: their inputs, and the lengths of their clips.

`model_schemas/` has one file a model, with the input schema that the model publishes and where
that was seen. The other fields say what the fake makes of it:

- `version`: how its version's id begins.
- `media`, `end_image`: the inputs of the first and the last picture.
- `clip`: `frames` or `seconds`, and `fps`: a number, or the name of the input that holds it; and
  `extra_frames` beyond the seconds.
- `by_reference` of an input: its enum stands apart in the schema and is referred to.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).parent / "model_schemas"


@dataclass(frozen=True)
class Model:
    """A model it serves.

    Attributes:
        inputs: Name → JSON schema of the value.
        clip: How long its clips are; see above.
        output: The schema of its output.
        media: The input that its clip is made from.
        end_image: The input of the picture that its clip ends with.
    """

    name: str
    version: str
    inputs: dict[str, dict[str, Any]]
    required: tuple[str, ...]
    clip: dict[str, Any]
    output: dict[str, Any]
    media: str = "image"
    end_image: str | None = None
    is_official: bool = True

    @property
    def has_list_output(self) -> bool:
        """Whether its output is a list."""
        return self.output["type"] == "array"

    def length(self, given: dict[str, Any]) -> tuple[int, int]:
        """Return how many frames its clip has, and at what rate; defaults are filled in."""

        def value(name: str) -> int:
            said = self.clip[name]
            return int(given[said] if isinstance(said, str) else said)

        fps = value("fps")
        if "frames" in self.clip:
            return value("frames"), fps
        return value("seconds") * fps + self.clip.get("extra_frames", 0), fps

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
        asked = {"title": "Input", "type": "object", "properties": properties}
        if self.required:
            asked["required"] = list(self.required)
        made = {"title": "Output", **self.output}
        schemas = {"Input": asked, "Output": made, **apart}
        info = {"title": "Cog", "version": "0.1.0"}
        return {"openapi": "3.0.2", "info": info, "components": {"schemas": schemas}}


def _read(path: Path) -> Model:
    document = json.loads(path.read_text(encoding="utf-8"))
    name, start = document["name"], document.pop("version")
    del document["source"]
    digest = hashlib.sha256(name.encode()).hexdigest()
    required = tuple(document.pop("required"))
    return Model(version=start + digest[len(start) :], required=required, **document)


MODELS = tuple(map(_read, sorted(SCHEMAS.glob("*.json"))))


_KINDS: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
}


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
