import subprocess
import sys
from typing import Any

import pytest

from chunk_assets.errors import SpecError
from chunk_assets.generation.replicate.published_schema import check_inputs, unusable_output

DATA_URI = "data:image/png;base64,iVBORw0KGgo="

RESOLUTION = {"enum": ["480p", "720p"], "type": "string", "title": "resolution"}
BEHIND = {"$ref": "#/components/schemas/resolution"}
INPUTS: dict[str, Any] = {
    "prompt": {"type": "string", "x-order": 0},
    "image": {"type": "string", "format": "uri", "nullable": True},
    "num_frames": {"type": "integer", "minimum": 81, "maximum": 121, "default": 81},
    "scale": {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 4},
    "shift": {"type": "number", "exclusiveMaximum": 5},
    "fast": {"type": "boolean", "default": True},
    "inline": RESOLUTION,
    "all_of": {"allOf": [BEHIND], "default": "480p"},
    "ref": BEHIND,
    "any_of": {"anyOf": [BEHIND, {"type": "null"}]},
    "optional": {"anyOf": [{"type": "integer", "minimum": 3}, {"type": "null"}]},
    "length": {"enum": [97, 129], "type": "integer"},
    "words": {"type": "array", "items": {"type": "string"}},
    "short": {"type": "string", "maxLength": 3},
}


def document(properties: Any = INPUTS, **schemas: Any) -> dict[str, Any]:
    """An OpenAPI document as Replicate returns it."""
    schema = {"type": "object", "title": "Input", "required": ["prompt", "image"]}
    schemas = {"resolution": RESOLUTION, **schemas}
    return {
        "openapi": "3.0.2",
        "info": {"title": "Cog", "version": "0.1.0"},
        "paths": {"/": {}},
        "components": {"schemas": {"Input": {**schema, "properties": properties}, **schemas}},
    }


def check(**inputs: Any) -> bool:
    return check_inputs({"prompt": "a cup", "image": DATA_URI, **inputs}, document(), "o/m")


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"num_frames": 81, "scale": 0.01, "shift": 4.9, "fast": False},
        {"num_frames": 121, "scale": 4, "length": 129, "words": ["a"]},
        {"inline": "480p", "all_of": "480p", "ref": "720p", "any_of": "720p", "optional": 3},
        {"any_of": None, "optional": None},
    ],
)
def test_inputs_that_the_model_has_pass(inputs):
    """Every form of an enum, and each end of a range."""
    assert check(**inputs) is True


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({"num_frames": 200}, "'num_frames' of o/m is 200: expected at least 81 and at most 121"),
        ({"num_frames": 80}, "'num_frames' of o/m is 80: expected at least 81 and at most 121"),
        ({"num_frames": "81"}, "'num_frames' of o/m is '81': expected the type integer"),
        ({"num_frames": 81.5}, "'num_frames' of o/m is 81.5: expected the type integer"),
        ({"num_frames": True}, "'num_frames' of o/m is True: expected the type integer"),
        ({"fast": 1}, "'fast' of o/m is 1: expected the type boolean"),
        ({"scale": 0}, "'scale' of o/m is 0: expected more than 0 and at most 4"),
        ({"shift": 5}, "'shift' of o/m is 5: expected less than 5"),
        ({"length": 98}, "'length' of o/m is 98: expected 97, 129"),
        ({"inline": "1080p"}, "'inline' of o/m is '1080p': expected '480p', '720p'"),
        ({"all_of": "1080p"}, "'all_of' of o/m is '1080p': expected '480p', '720p'"),
        ({"ref": "1080p"}, "'ref' of o/m is '1080p': expected '480p', '720p'"),
        ({"any_of": "1080p"}, "'any_of' of o/m is '1080p': expected '480p', '720p'"),
        ({"optional": 2}, "'optional' of o/m is 2: expected at least 3"),
        ({"words": ["a", 3]}, "'words.1' of o/m is 3: expected the type string"),
        ({"short": "abcd"}, "'short' of o/m is 'abcd': expected maxLength 3"),
        ({"image": None}, "'image' of o/m is None: expected the type string"),
    ],
)
def test_an_invalid_value_is_refused(inputs, sentence):
    """The error names the input, its value and what is allowed."""
    with pytest.raises(SpecError) as error:
        check(**inputs)
    assert str(error.value) == f"the input {sentence}"


def test_an_unknown_input_is_refused():
    """The error names it and the inputs of the model."""
    with pytest.raises(SpecError, match=r"^o/m has no input 'foo', which .*: it takes all_of, any"):
        check(foo=1, num_frames=3)


def test_a_missing_input_is_refused():
    """The error names it."""
    with pytest.raises(SpecError, match=r"^o/m needs the input 'image', which is missing$"):
        check_inputs({"prompt": "a cup"}, document(), "o/m")


@pytest.mark.parametrize("value", [DATA_URI, "https://example.com/f?token=abc", [DATA_URI]])
def test_errors_show_no_picture(value):
    """An error shows neither a data URI nor a URL."""
    with pytest.raises(SpecError) as error:
        check(num_frames=value)
    assert "iVBOR" not in str(error.value)
    assert "example" not in str(error.value)


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {},
        [],
        {"components": None},
        {"components": {"schemas": {"Input": {}}}},
        document({}),
        document(3),
        document({**INPUTS, "prompt": {"$ref": "#/nowhere"}}),
        document({**INPUTS, "prompt": {"$ref": "http://127.0.0.1:9/schema.json"}}),
        document({**INPUTS, "prompt": {"type": "foo"}}),
        document({**INPUTS, "prompt": {"pattern": "("}}),
        document(
            {**INPUTS, "prompt": {"$ref": "#/components/schemas/Me"}},
            Me={"$ref": "#/components/schemas/Me"},
        ),
    ],
)
def test_an_unreadable_schema_checks_nothing(schema):
    """A missing, empty or broken schema stops no film and causes no request."""
    assert check_inputs({"prompt": "a cup", "image": DATA_URI}, schema, "o/m") is False


def test_an_output_that_is_an_object_needs_its_field_in_the_catalog():
    """Without it, or if the schema has another, the output cannot be used."""
    made = {
        "type": "object",
        "properties": {"video": {"type": "string"}, "log": {"type": "object"}},
    }
    schema = {"components": {"schemas": {"Output": made}}}
    assert unusable_output(schema) == "an object with 'log', 'video'"
    assert unusable_output(schema, "video") is None
    assert unusable_output(schema, "clip") == "an object with 'log', 'video'"
    assert unusable_output(schema, "log") == "the type object"


def test_the_catalog_does_not_need_the_validator():
    """Listing models imports no JSON Schema, NumPy or video library."""
    code = (
        "import sys, chunk_assets.generation.catalog, chunk_assets.cli.models;"
        "print([name for name in ('jsonschema', 'numpy', 'av', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
