"""Check inputs against the schema that a model publishes, before anything is paid.

Replicate silently drops inputs that a model does not have, and bills the clip.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry

from chunk_assets.errors import SpecError

_INPUT = "#/components/schemas/Input"
_DEEPEST = 16  # nested references that are followed in an output's schema


def check_inputs(
    inputs: Mapping[str, Any], openapi_schema: Mapping[str, Any] | None, model_name: str
) -> bool:
    """Refuse inputs that the model would drop or reject.

    Args:
        inputs: The inputs to send.
        openapi_schema: The OpenAPI document of the model's version. Enums may be in the input's
            own schema or behind a `$ref`, alone, in `allOf` or in `anyOf`.
        model_name: The model's name in errors.

    Returns:
        Whether they were checked; False if the schema is missing or unreadable.

    Raises:
        SpecError: An input is unknown, missing, of the wrong type, out of its range or not one of
            its values. The message says what is allowed, and shows no URL or data URI.
    """
    try:
        document = _of_today(dict(openapi_schema or {}))
        known = dict(document["components"]["schemas"]["Input"]["properties"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return False
    if not known:
        return False
    if unknown := sorted(set(inputs) - set(known)):
        takes = ", ".join(sorted(known)) or "none"
        raise SpecError(
            f"{model_name} has no input {unknown[0]!r}, which Replicate would silently drop: "
            f"it takes {takes}",
            model=model_name,
            input=unknown[0],
        )
    try:
        faults = list(_faults(document, inputs))
    except Exception:  # a broken schema may raise anything in the validator
        return False
    if faults:
        raise _refused(min(faults, key=_place), model_name)
    return True


def unusable_output(
    openapi_schema: Mapping[str, Any] | None, field: str | None = None
) -> str | None:
    """Return the form of a model's output, in words, if it cannot be used.

    A URL, a list of URLs, and null beside either of them can be used; and, if the catalog names a
    `field`, an object that has one of these in it. If the schema is missing or has an unknown form,
    the form is known only from the output.
    """
    document: Any = openapi_schema
    try:
        return _unusable(document["components"]["schemas"]["Output"], document, _DEEPEST, field)
    except (KeyError, TypeError, IndexError, AttributeError):
        return None


def _unusable(schema: Any, document: Any, depth: int, field: str | None = None) -> str | None:
    if depth == 0:
        return None
    if "$ref" in schema:
        target = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return _unusable(target, document, depth - 1, field)
    if whole := schema.get("allOf"):
        forms = [_unusable(part, document, depth - 1, field) for part in whole]
        return next((form for form in forms if form), None)
    if ways := schema.get("anyOf") or schema.get("oneOf"):
        real = [way for way in ways if way != {"type": "null"}]
        forms = [_unusable(way, document, depth - 1, field) for way in real]
        return None if None in forms else " or ".join(dict.fromkeys(filter(None, forms))) or None
    if field is not None and field in (schema.get("properties") or {}):
        return _unusable(schema["properties"][field], document, depth - 1)
    kind = schema.get("type")
    kinds = set(kind) - {"null"} if isinstance(kind, list) else {kind}
    if "array" in kinds and len(kinds) == 1:
        inner = schema.get("items") or {}
        is_nested = inner.get("type") == "array"
        form = "a list" if is_nested else _unusable(inner, document, depth - 1, field)
        return f"a list, each of it {form}" if form else None
    if not kinds & {"string", "array", None} or "properties" in schema:
        names = ", ".join(map(repr, sorted(schema.get("properties") or {})[:5]))
        words = " or ".join(f"the type {kind}" for kind in sorted(map(str, kinds - {None})))
        return f"an object with {names}" if names else words or None
    return None


def _faults(document: dict[str, Any], inputs: Mapping[str, Any]) -> Iterator[ValidationError]:
    schema = document["components"]["schemas"]["Input"]
    Draft202012Validator.check_schema(schema)
    # An empty registry: the default one would fetch a foreign `$ref` from the network.
    validator = Draft202012Validator({**document, "$ref": _INPUT}, registry=Registry())
    return validator.iter_errors(dict(inputs))


def _of_today(schema: Any) -> Any:
    """Convert the exclusive limits of OpenAPI 3.0, which are flags, to those of JSON Schema."""
    if isinstance(schema, list):
        return [_of_today(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    today = {name: _of_today(part) for name, part in schema.items()}
    for limit, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(flag := today.get(exclusive), bool):
            del today[exclusive]
            if flag and limit in today:
                today[exclusive] = today.pop(limit)
    return today


def _place(fault: ValidationError) -> str:
    return ".".join(str(part) for part in fault.absolute_path)


def _refused(fault: ValidationError, model_name: str) -> SpecError:
    if fault.validator == "required" and not fault.absolute_path:
        required: Any = fault.validator_value
        missing = next(name for name in required if name not in fault.instance)
        message = f"{model_name} needs the input {missing!r}, which is missing"
        return SpecError(message, model=model_name, input=missing)
    place, allowed = _place(fault), _allowed(fault)
    message = f"the input {place!r} of {model_name} is {_shown(fault.instance)}: {allowed}"
    return SpecError(message, model=model_name, input=place)


def _allowed(fault: ValidationError) -> str:
    """Return what the schema allows at the fault, in words."""
    if fault.validator in ("anyOf", "oneOf") and fault.context:
        ways = [way for way in fault.context if way.schema != {"type": "null"}]
        return " or ".join(dict.fromkeys(_allowed(way) for way in ways or fault.context))
    schema = fault.schema if isinstance(fault.schema, dict) else {}
    value: Any = fault.validator_value
    if fault.validator in ("enum", "const"):
        values = value if fault.validator == "enum" else [value]
        return f"expected {', '.join(map(_shown, values))}"
    if fault.validator in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        words = {
            "minimum": "at least",
            "exclusiveMinimum": "more than",
            "maximum": "at most",
            "exclusiveMaximum": "less than",
        }
        limits = [f"{word} {schema[name]!r}" for name, word in words.items() if name in schema]
        return f"expected {' and '.join(limits)}"
    if fault.validator == "type":
        types = [value] if isinstance(value, str) else value
        return f"expected the type {' or '.join(types)}"
    return f"expected {fault.validator} {_shown(value)}"


def _shown(value: object) -> str:
    # Conditioning images and their URLs belong in no error and no log.
    text = repr(value)
    if "data:" in text:
        return "a data URI"
    if "://" in text:
        return "a URL"
    return text if len(text) <= 80 else text[:77] + "…"
