"""What goes wrong with files and values, as strategies of hypothesis."""

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

NUMBERS: list[Any] = [
    *(0, -0.0, 1, -1, 0.1, 0.5, 23.976, 1e-9, 2**31 - 1, 2**31, 2**53 + 1, 2**63, 2**64, 10**30),
    *(10**299, 10**301, 1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf"), 120, 121),
    *(3600, 3601, 4096, 4098, 65_535, 65_536, True, False),
]

TEXTS = [
    *("", " ", ".", "..", "/", "../x.png", "a\0b", "\n", "\x1b[31m", "\u202e", "\u202f", "\ufeff"),
    *("\ud800", "é", "e\u0301", "{", "}", "{{", "{oops}", "{product_name}", "{0}", "{a.b}", "%s"),
    *("1024x576", "1x1", "x", "nan", "inf", "1e999", "-1", "0", "true", "null", "cut", "scene"),
    *("A" * 5000, "\U0001f468\u200d\U0001f469", "٣", "²", "\uffff", "None", "zeroscope-v2-xl"),
]

texts = st.sampled_from(TEXTS) | st.text(max_size=40)
scalars = st.none() | st.sampled_from(NUMBERS) | st.floats() | st.integers() | texts
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(texts, inner, max_size=4)
        | st.builds(lambda value, depth: _nested(value, depth), inner, st.integers(1, 60))
    ),
    max_leaves=12,
)


def _nested(value: Any, depth: int) -> Any:
    for _ in range(depth):
        value = [value]
    return value


def _places(document: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    if isinstance(document, dict):
        for key, value in document.items():
            yield from _places(value, (*place, key))
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from _places(value, (*place, number))


@st.composite
def changed(draw: st.DrawFn, documents: Sequence[Any]) -> Any:
    """One of these JSON documents, with up to three values replaced, removed, added or doubled."""
    document = copy.deepcopy(draw(st.sampled_from(documents)))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(list(_places(document))))
        if not place:
            if draw(st.integers(0, 20)) == 0:
                return draw(values)
            continue
        holder = document
        for step in place[:-1]:
            holder = holder[step]
        last = place[-1]
        kind = draw(st.sampled_from(["replace", "replace", "remove", "add", "double"]))
        if kind == "replace":
            holder[last] = draw(values)
        elif kind == "remove":
            del holder[last]
        elif isinstance(holder, dict):
            holder[draw(texts)] = draw(values)
        elif kind == "double":
            holder.insert(last, copy.deepcopy(holder[last]))
        else:
            holder.insert(last, draw(values))
    return document


class Content(bytes):
    """Bytes that a failure does not print in full: the seed finds them again."""

    def __repr__(self) -> str:
        return super().__repr__() if len(self) < 500 else f"<{len(self)} bytes>"


@st.composite
def damaged(draw: st.DrawFn, contents: Sequence[bytes]) -> bytes:
    """One of these files with bytes flipped, overwritten, left out, put in, cut off or spliced."""
    content = bytearray(draw(st.sampled_from(contents)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(content)))
        kind = draw(st.sampled_from(["flip", "number", "cut", "leave", "put", "double", "splice"]))
        length = draw(st.integers(1, 32))
        if kind == "flip" and at < len(content):
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "number":  # counts, sizes and offsets
            word = draw(st.sampled_from([0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**32 - 1]))
            width = draw(st.sampled_from([1, 2, 4, 8]))
            order = draw(st.sampled_from(["big", "little"]))
            content[at : at + width] = (word % 256**width).to_bytes(width, order)
        elif kind == "cut" and draw(st.booleans()):
            del content[at:]
        elif kind == "leave":
            del content[at : at + length]
        elif kind == "put":
            content[at:at] = draw(st.binary(min_size=1, max_size=32))
        elif kind == "double":
            content[at:at] = content[at : at + length]
        elif kind == "splice":
            other = draw(st.sampled_from(contents))
            content[at:] = other[draw(st.integers(0, len(other))) :]
    return Content(content)


def written(document: Any) -> bytes:
    """A document as JSON, whatever is in it."""
    return json.dumps(document).encode()


@st.composite
def manifests(draw: st.DrawFn, documents: Sequence[Any]) -> bytes:
    """A manifest's file: changed in its values, its bytes, or its encoding."""
    kind = draw(st.sampled_from(["values", "values", "bytes", "encoding", "twice", "anything"]))
    if kind == "bytes":
        return draw(damaged([written(document) for document in documents]))
    if kind == "anything":
        return draw(st.binary(max_size=200)) if draw(st.booleans()) else written(draw(values))
    content = written(draw(changed(documents)))
    if kind == "encoding":
        encoding = draw(st.sampled_from(["utf-8-sig", "utf-16", "utf-32-be", "cp037", "utf-16-le"]))
        text = content.decode()
        return text.encode(encoding)
    if kind == "twice":
        return content[:-1] + b"," + content[1:] if content.startswith(b"{") else content * 2
    return content
