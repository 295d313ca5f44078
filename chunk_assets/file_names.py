"""Check the names of an animatic's files, and list names that mean the same file."""

import unicodedata

MAX_NAME_BYTES = 900
"""In UTF-8. With `animatics/{video}/` before the name, keys stay below S3's limit of 1024 bytes."""

MAX_PART_BYTES = 255
"""In UTF-8, between two slashes: the limit of file systems."""

_CONTROLS = {
    0x00: "NULL",
    0x07: "BELL",
    0x08: "BACKSPACE",
    0x09: "TAB",
    0x0A: "LINE FEED",
    0x0B: "VERTICAL TAB",
    0x0C: "FORM FEED",
    0x0D: "CARRIAGE RETURN",
    0x1B: "ESCAPE",
    0x7F: "DELETE",
    0x85: "NEXT LINE",
}
"""Unicode has no names for control characters."""

_BIDIRECTIONAL = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Embeddings, overrides and isolates, which make a name look like another one. The marks of Arabic
and Hebrew text (U+200E, U+200F, U+061C) are allowed."""


def check_file_name(name: str) -> None:
    """Check that a name leads to a file inside its directory and is not misleading.

    Spaces and joiners of every kind, emoji and right-to-left letters are allowed.

    Raises:
        ValueError: It does not; the error names the character or the part.
    """
    reason = _fault(name)
    if reason:
        raise ValueError(f"the file name {_shown(name)} cannot be used: {reason}")


def _fault(name: str) -> str:
    for character in name:
        if fault := _character_fault(character):
            return fault
    if "\\" in name:
        return "folders are separated by '/', not by a backslash"
    if name.startswith("/") or ".." in name.split("/"):
        return "it must name a file inside the animatic's directory, without '..' and not absolute"
    if not name.strip("/.") or name.endswith("/"):
        return "it does not name a file"
    if (size := len(name.encode())) > MAX_NAME_BYTES:
        return f"it has {size} bytes; the limit is {MAX_NAME_BYTES}"
    longest = max(len(part.encode()) for part in name.split("/"))
    if longest > MAX_PART_BYTES:
        return f"a part of it has {longest} bytes; the limit is {MAX_PART_BYTES}"
    return ""


def _character_fault(character: str) -> str:
    code, kind = ord(character), unicodedata.category(character)
    if kind == "Cc":
        named = f" ({_CONTROLS[code]})" if code in _CONTROLS else ""
        return f"it has the control character U+{code:04X}{named}"
    if kind in ("Zl", "Zp") or character in _BIDIRECTIONAL:
        return f"it has the control character U+{code:04X} ({unicodedata.name(character)})"
    if kind == "Cs":
        return f"it has the lone surrogate U+{code:04X}, which is half a character"
    if code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF:
        return f"it has U+{code:04X}, which is not a character"
    return ""


def same_names(name: str) -> list[str]:
    """Return the name and its other Unicode normal forms: macOS stores `é` as two characters."""
    forms = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    return list(dict.fromkeys((name, *forms)))


def _shown(name: str) -> str:
    text = repr(name)
    return text if len(text) <= 120 else f"{text[:100]}…"
