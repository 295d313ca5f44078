"""Names of an animatic's files."""

import unicodedata

import pytest

from chunk_assets.errors import SpecError
from chunk_assets.file_names import same_names
from chunk_assets.schemas import read_animatic
from chunk_assets.storage import keys
from chunk_assets_tests.manifests import manifest

ACCEPTED = [
    "Screenshot 2024-05-01 at 3.45.12\u202fPM.png",
    "a\u00a0b.png",
    "a\u3000b.png",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467.png",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f.png",
    "می\u200cخواهم.png",
    "שלום\u200f.png",
    "e\u0301.png",
    "日本語/場面.png",
    "\ufefffirst.png",
    "soft\u00adhyphen.png",
    "\ue000 of a font of ours.png",
    " leading and trailing ",
    "dots...",
    ".hidden",
    "a:b*c?d|e<f>g\"h'i%2f#&;=+.png",
    "é" * 125 + ".png",
]


@pytest.mark.parametrize("name", ACCEPTED)
def test_spaces_joiners_and_every_script_can_be_used(name: str):
    """A name is refused for what it does, not for how unusual it is."""
    frames = read_animatic(manifest(frames=[name] * 5)).frames
    assert frames == [name] * 5


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a\0.png", "U+0000 (NULL)"),
        ("a\n.png", "it has the control character U+000A (LINE FEED)"),
        ("\x1b[31m.png", "U+001B (ESCAPE)"),
        ("a\x7f.png", "U+007F (DELETE)"),
        ("a\x85.png", "U+0085 (NEXT LINE)"),
        ("a\x01.png", "it has the control character U+0001"),
        ("a\u2028.png", "U+2028 (LINE SEPARATOR)"),
        ("photo\u202egnp.exe", "U+202E (RIGHT-TO-LEFT OVERRIDE)"),
        ("a\u2066b.png", "U+2066 (LEFT-TO-RIGHT ISOLATE)"),
        ("a\ud800.png", "lone surrogate U+D800"),
        ("a\uffff.png", "U+FFFF, which is not a character"),
        ("a\U0001fffe.png", "U+1FFFE, which is not a character"),
        ("a\\b.png", "not by a backslash"),
        ("../x.png", "without '..' and not absolute"),
        ("a/../b.png", "without '..' and not absolute"),
        ("/etc/passwd", "without '..' and not absolute"),
        ("", "it does not name a file"),
        (".", "it does not name a file"),
        ("./.", "it does not name a file"),
        ("folder/", "it does not name a file"),
        ("é" * 128, "a part of it has 256 bytes; the limit is 255"),
        ("/".join(["x" * 200] * 5), "it has 1004 bytes; the limit is 900"),
    ],
)
def test_what_cannot_be_used_is_named(name: str, said: str):
    """The sentence names the character or the part, on one line of printable characters."""
    with pytest.raises(SpecError) as caught:
        read_animatic(manifest(frames=[name] * 5))
    assert said in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_normal_forms_of_a_name():
    """A name comes first as it is written, then as other systems write it."""
    composed, decomposed = "é한.png", unicodedata.normalize("NFD", "é한.png")
    assert same_names("plain.png") == ["plain.png"]
    assert same_names(composed) == [composed, decomposed]
    assert same_names(decomposed) == [decomposed, composed]


def test_a_key_has_no_empty_parts():
    """S3 servers refuse keys such as animatics/film/./a.png, which is a good name of a file."""
    assert keys.animatic_file("film", "./a//b.png") == "animatics/film/a/b.png"
