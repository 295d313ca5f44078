"""Read model files (TOML, one table per model), and explain what is wrong with them."""

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from chunk_assets.errors import SpecError
from chunk_assets.json_text import shown

MAX_BYTES = 1 << 20

FORMATS = (1, 2)
"""The formats that can be read. A file without `format` is read as the newest: 2 only adds fields
to 1."""

_ALTERNATIVE = re.compile(r"SoundSwitch$|OutputField$|literal\[|constrained-|dict\[|list\[")
"""pydantic's names for the alternatives of a field, which are not in the file."""

_M = TypeVar("_M", bound=BaseModel)
_Tables = dict[str, Any]


def read_tables(path: Path) -> _Tables:
    """Read a TOML file in which every entry is a table, except an optional `format`.

    Raises:
        SpecError: It cannot be read, is not TOML, has another format than `FORMATS`, or has an
            entry that is not a table.
    """
    file = f"the models' file {str(path)!r}"
    try:
        if not path.is_file():
            reason = "it is not a file" if path.exists() else "it does not exist"
            raise SpecError(f"{file} cannot be read: {reason}", path=str(path))
        with path.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise SpecError(f"{file} is too large: the limit is {MAX_BYTES} bytes", path=str(path))
        tables = tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        message = f"{file} cannot be read: {error.strerror}"
        raise SpecError(message, path=str(path)) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        message = f"{file} is not TOML ({str(error).splitlines()[0]})"
        raise SpecError(message, path=str(path)) from None
    written = tables.get("format")
    if written is not None and not isinstance(written, dict):
        if isinstance(written, bool) or written not in FORMATS:
            known = " and ".join(map(str, FORMATS))
            message = f"{file} has the format {shown(written)}: this version reads {known}"
            raise SpecError(message, path=str(path))
        del tables["format"]
    for name, table in tables.items():
        if not isinstance(table, dict):
            message = f"{file}: {name} is {shown(table)}: every entry must be a model's table"
            raise SpecError(message, path=str(path), table=name)
    return tables


def merged(tables: _Tables, extra: _Tables, where: Path) -> _Tables:
    """Return the tables, overridden by those of a user's file."""
    result = dict(tables)
    for name, table in extra.items():
        base = dict(result.get(name, {}))
        price = table.get("price")
        if isinstance(price, dict) and "usd" in price:
            # The user's own figure: the old one's source and date do not apply.
            kept = {k: v for k, v in base.get("price", {}).items() if k in ("unit", "billed_fps")}
            if price.get("unit", kept.get("unit")) != kept.get("unit"):
                kept.pop("billed_fps", None)
            own = {"source": where.name, "date": datetime.now(UTC).date()}
            base["price"] = {**kept, **own}
        result[name] = _over(base, table)
    return result


def _over(base: _Tables, table: _Tables) -> _Tables:
    result = dict(base)
    for key, value in table.items():
        old = base.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            # A length or size of another kind has other fields: it replaces the old one.
            is_same_kind = value.get("kind", old.get("kind")) == old.get("kind")
            value = _over(old, value) if is_same_kind else value
        result[key] = value
    return result


def validated(kind: type[_M], name: str, table: _Tables, path: Path | None = None) -> _M:
    """Build a model from its table.

    Raises:
        SpecError: A field is missing, unknown or invalid.
    """
    shown = f"the models' file {str(path)!r}" if path else "the catalog"
    try:
        if "name" in table:
            raise SpecError(f"{shown}, table [{name}]: name is unknown: the table names the model")
        stray = sorted(set(table) - set(kind.model_fields))
        if stray and "replicate" not in table:
            raise SpecError(
                f"{shown}, table [{name}]: replicate is missing and {stray[0]} unknown "
                f"(a name with a dot in it is written in quotes, ['{name}.{stray[0]}'])",
                path=str(path),
                table=name,
            )
        return kind.model_validate({**table, "name": name})
    except ValidationError as error:
        message = f"{shown}, table [{name}]: {_first_fault(error)}"
        raise SpecError(message, path=str(path), table=name) from None


def _first_fault(error: ValidationError) -> str:
    faults = error.errors()
    first = faults[0]
    place = [str(part) for part in first["loc"]]
    if place[:1] in (["length"], ["size"]) and len(place) > 1:
        del place[1]  # pydantic's name for the kind, which is not in the file
    place = [part for part in place if not _ALTERNATIVE.match(part)]
    where, kind = ".".join(place), first["type"]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    message = first["msg"].removeprefix("Value error, ")
    if where == "name":
        return f"the name must be 1 to 64 letters, digits, '-', '_' or '.'{more}"
    if kind == "missing":
        return f"{where} is missing{more}"
    if kind in ("model_type", "dict_type"):
        return f"{where} is {shown(first['input'])}: expected a table{more}"
    if kind == "extra_forbidden":
        return f"{where} is unknown{more}"
    if kind == "union_tag_not_found":
        return f"{where}.kind is missing{more}"
    if kind == "union_tag_invalid":
        context = first.get("ctx", {})
        return f"{where}.kind is {context['tag']!r}: expected {context['expected_tags']}{more}"
    if not where or kind == "value_error":
        return f"{where}: {message}{more}" if where else message + more
    return f"{where} is {shown(first['input'])}: {message[:1].lower()}{message[1:]}{more}"
