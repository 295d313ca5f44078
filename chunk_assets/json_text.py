"""Read untrusted JSON: decode it, parse it, and check that its values are safe to use."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from chunk_assets.errors import SpecError

MAX_DEPTH = 50
"""Levels of nesting. A manifest has four; beyond Python's own limit is a `RecursionError`."""

MAX_DIGITS = 300
"""Digits of a whole number: every accepted number fits a float."""

_LARGEST = 10**MAX_DIGITS

_UTF8_BOM = b"\xef\xbb\xbf"
_OTHER_BOMS = {
    b"\xff\xfe\x00\x00": "UTF-32 (little-endian)",
    b"\x00\x00\xfe\xff": "UTF-32 (big-endian)",
    b"\xff\xfe": "UTF-16 (little-endian)",
    b"\xfe\xff": "UTF-16 (big-endian)",
}
"""Longer marks first: UTF-32's begins with UTF-16's."""

_ZEROS: dict[tuple[bool, ...], str] = {
    (True, True, True, False): "UTF-32 (big-endian)",
    (False, True, True, True): "UTF-32 (little-endian)",
    (True, False, True, False): "UTF-16 (big-endian)",
    (False, True, False, True): "UTF-16 (little-endian)",
}
"""Which of the first four bytes are zero, by encoding (RFC 4627, section 3)."""


class Unusable(ValueError):
    """A value that cannot be used; `place` is the path to it."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.place: list[str] = []

    def __str__(self) -> str:
        place = ".".join(self.place)
        return f"{shortened(place)} {self.args[0]}" if place else f"this {self.args[0]}"


def shown(value: object, length: int = 80) -> str:
    """Return a value as errors show it."""
    return shortened(repr(value), length)


def shortened(text: str, length: int = 80) -> str:
    """Return the first `length` characters of a text."""
    return text if len(text) <= length else text[: length - 3] + "…"


def decoded(content: bytes, where: str) -> str:
    """Decode the content of a text file: UTF-8, with or without a byte order mark.

    Raises:
        SpecError: It has another encoding; the error names it.
    """
    if encoding := _other_encoding(content):
        raise SpecError(f"{where}: this is {encoding} text: save it as UTF-8", where=where)
    try:
        return content.removeprefix(_UTF8_BOM).decode()
    except UnicodeDecodeError as error:
        raise SpecError(f"{where}: {_not_utf8(error)}", where=where) from None


def _other_encoding(content: bytes) -> str | None:
    for mark, encoding in _OTHER_BOMS.items():
        if content.startswith(mark):
            return encoding
    return _ZEROS.get(tuple(byte == 0 for byte in content[:4]))


def _not_utf8(error: UnicodeDecodeError) -> str:
    content, byte = error.object, error.object[error.start]
    if 0 in content:
        return "this is not UTF-8, and no other encoding could be identified: save it as UTF-8"
    line = content.count(b"\n", 0, error.start) + 1
    character = bytes([byte]).decode("cp1252", errors="replace")
    meant = f", {character!r} in Latin-1 and Windows-1252" if character.isprintable() else ""
    return f"this is not UTF-8: line {line} has the byte 0x{byte:02X}{meant}; save it as UTF-8"


def read_object(document: str | bytes, where: str) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        SpecError: The text is not UTF-8, not JSON or not an object, an object has the same key
            twice, or a whole number has over `MAX_DIGITS` digits.
    """
    text = decoded(document, where) if isinstance(document, bytes) else document
    try:
        value = json.loads(
            text.removeprefix("\ufeff"), object_pairs_hook=_unique, parse_int=_whole_number
        )
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at line {error.lineno} column {error.colno}"
        raise SpecError(f"{where}: this is not JSON ({reason})", where=where) from None
    except RecursionError:
        raise SpecError(f"{where}: this {_NESTS}", where=where) from None
    except Unusable as error:
        raise SpecError(f"{where}: {error}", where=where) from None
    if not isinstance(value, dict):
        kind = _KINDS.get(type(value), "a number")
        raise SpecError(f"{where}: this is {kind}, it must be an object: {{…}}", where=where)
    return value


_KINDS: dict[type, str] = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}

_LISTS = (list, tuple)  # `list | tuple` would be evaluated again for every value

_NESTS = f"nests values over {MAX_DEPTH} levels deep: at most {MAX_DEPTH} are allowed"


def check_values(value: object, depth: int = 1) -> None:
    """Check that every value can be stored and computed with, at any depth.

    Args:
        value: A value of the document.
        depth: Its level of nesting.

    Raises:
        Unusable: A value is nested over `MAX_DEPTH` levels, is an infinite or too large number, or
            is text with a NULL or half a character (a lone surrogate).
    """
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise Unusable(f"is {value}: it must be a finite number")
    elif isinstance(value, int):
        if not -_LARGEST < value < _LARGEST:
            raise Unusable(f"is a number of over {MAX_DIGITS} digits")
    elif isinstance(value, _LISTS):
        _check_items(enumerate(value), depth)
    elif isinstance(value, Mapping):
        for key in value:
            check_values(key, depth)
        _check_items(value.items(), depth)


def _check_items(items: Iterable[tuple[object, object]], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise Unusable(_NESTS)
    for key, item in items:
        try:
            check_values(item, depth + 1)
        except Unusable as error:
            error.place.insert(0, ascii(key)[1:-1] if isinstance(key, str) else str(key))
            raise


def _check_text(text: str) -> None:
    if "\0" in text:
        raise Unusable("has the character U+0000 (NULL), which databases cannot store")
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        lone = f"U+{ord(text[error.start]):04X}"
        raise Unusable(f"has the lone surrogate {lone}, which is half a character") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise Unusable(f"has the key {shown(twice)} twice in one object: keep one of them")
    return document


def _whole_number(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise Unusable(f"has a number of {len(digits)} digits: at most {MAX_DIGITS} are allowed")
    return int(digits)
