"""Manifests as editors save them: encodings, and JSON that no manifest needs."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from chunk_assets.errors import SpecError
from chunk_assets.generation.catalog import load_catalog
from chunk_assets.schemas import MAX_MANIFEST_BYTES, read_animatic
from chunk_assets_tests.manifests import manifest

TEXT = json.dumps(manifest(agency="Büro für Film"), ensure_ascii=False)


def refused(document: str | bytes | dict[str, Any]) -> str:
    """Why a manifest cannot be used: one line that a terminal can show."""
    began = time.process_time()
    with pytest.raises(SpecError) as caught:
        read_animatic(document, where="film.json")
    message = str(caught.value)
    assert time.process_time() - began < 5
    assert message.startswith("film.json: ")
    assert message.isprintable()
    assert len(message) < 400
    return message


def test_a_byte_order_mark_is_ignored():
    """RFC 8259, section 8.1, lets a reader do so; Windows editors write one."""
    plain = read_animatic(TEXT.encode())
    assert read_animatic(TEXT.encode("utf-8-sig")) == plain
    assert read_animatic("\ufeff" + TEXT) == plain


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-16", "UTF-16 (little-endian)"),
        ("utf-16-le", "UTF-16 (little-endian)"),
        ("utf-16-be", "UTF-16 (big-endian)"),
        ("utf-32", "UTF-32 (little-endian)"),
        ("utf-32-le", "UTF-32 (little-endian)"),
        ("utf-32-be", "UTF-32 (big-endian)"),
    ],
)
def test_another_unicode_encoding_is_named(encoding: str, named: str):
    """With or without a byte order mark, the sentence says which it is and what to do."""
    assert f"this is {named} text: save it as UTF-8" in refused(TEXT.encode(encoding))


@pytest.mark.parametrize("mark", [b"\xfe\xff", b"\x00\x00\xfe\xff"])
def test_a_big_endian_mark_is_known(mark: bytes):
    """The mark alone tells."""
    assert "(big-endian)" in refused(mark)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_one_byte_encodings_are_named_by_their_first_character(encoding: str):
    """The line, the byte and the character that it is there."""
    said = refused(("{\n" + TEXT[1:]).encode(encoding))
    assert "line 2 has the byte 0xFC, 'ü' in Latin-1 and Windows-1252; save it as UTF-8" in said


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\x1f\x8b\x08\0\0", b"\xff"]
)
def test_what_is_no_text_is_refused(content: bytes):
    """A picture or an archive by the manifest's name."""
    assert "UTF-8" in refused(content)


NESTED: dict[str, Any] = {}
NESTED["itself"] = NESTED

UNUSABLE: dict[str, tuple[str | dict[str, Any], str]] = {
    "a key twice": ('{"duration": 1, "duration": 2}', "the key 'duration' twice"),
    "a key twice, below": ('{"beats": [{"x": 1, "x": 1}]}', "the key 'x' twice"),
    "NaN": ('{"duration": NaN}', "duration is nan"),
    "infinity": ('{"max_cost_usd": -Infinity}', "max_cost_usd is -inf"),
    "a float beyond floats": ('{"duration": 1e999}', "duration is inf"),
    "a float of one's own": (manifest(mood={"x": [1e999]}), "mood.x.0 is inf"),
    "a whole number": ('{"duration": ' + "9" * 5000 + "}", "a number of 5000 digits"),
    "a whole number in a dict": (manifest(fps=10**400), "fps is a number of over 300 digits"),
    "half a character": (json.dumps(manifest(agency="\ud800")), "lone surrogate U+D800"),
    "half a character in a key": ('{"\\udfff": 1}', "lone surrogate U+DFFF"),
    "a null character": (manifest(product={"name": "a\0b"}), "product.name has the character"),
    "deep lists": ("[" * 100_000, "nests values over 50 levels deep"),
    "deep objects": ('{"a":' * 100_000, "nests values over 50 levels deep"),
    "deep and whole": ('{"a":' * 60 + "1" + "}" * 60, "nests values over 50 levels deep"),
    "itself": (manifest(own=NESTED), "nests values over 50 levels deep"),
    "true as a number": (manifest(duration=True), "it must be a number, not true or false"),
    "true as a rate": (manifest(fps=True), "it must be a number, not true or false"),
    "a list": ("[1]", "this is a list, it must be an object"),
    "a text": ('"film"', "this is a text, it must be an object"),
    "a number": ("1", "this is a number, it must be an object"),
    "an empty file": ("", "this is not JSON"),
    "a comment": ('{"duration": 1 // s\n}', "this is not JSON (Expecting ',' delimiter at line 1"),
    "a tab in a text": ('{"a": "\t"}', "this is not JSON"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_json_that_no_manifest_needs(name: str):
    """Each is refused with the key or the number, before it breaks what uses it."""
    document, said = UNUSABLE[name]
    assert said in refused(document)


def filled(start: str, item: str, end: str) -> bytes:
    """A manifest of the largest size allowed, made of one item over and over."""
    count = (MAX_MANIFEST_BYTES - len(start) - len(end)) // len(item) - 1
    return (start + item * count + item.rstrip(",") + end).encode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("document", "said"),
    [
        (filled('{"duration":1,"beats":[', "1,", "]}"), "beats has"),
        (filled('{"duration":1,"beats":[],"frames":[', "1,", "]}"), "frames has"),
        (filled('{"duration":1,"x":[', "[],", "]}"), "beats is missing"),
        (filled('{"duration":1,"style":{"mood":[', '"a",', "]}}"), "style is"),
        (filled('{"duration":1,"resolution":"', "9", 'x5"}'), "resolution is"),
        (filled('{"product":{', '"a":1,', "}}"), "twice"),
    ],
)
def test_the_largest_manifests_are_refused_in_seconds(document: bytes, said: str):
    """Time and the sentence stay bounded, whatever four megabytes hold."""
    assert said in refused(document)


def test_null_is_as_good_as_nothing():
    """Programs write what they do not know as null."""
    unknown = dict.fromkeys(("fps", "resolution", "product", "style", "transitions", "generator"))
    animatic = read_animatic(manifest(**unknown))
    assert (animatic.fps, animatic.resolution, animatic.product.name) == (24, (1024, 576), "")
    assert "duration is None" in refused(manifest(duration=None))


def test_a_models_file_with_a_byte_order_mark(tmp_path: Path):
    """The mark is ignored there, too."""
    path = tmp_path / "models.toml"
    path.write_text("[zeroscope-v2-xl]\nprice = {usd = 0.5}\n", encoding="utf-8-sig")
    assert load_catalog(path)["zeroscope-v2-xl"].price.range[1] == 0.5
