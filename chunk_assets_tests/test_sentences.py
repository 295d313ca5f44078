"""Untrusted text in errors is harmless to display."""

import pytest

from chunk_assets.errors import ChunkAssetsError
from chunk_assets.sentences import LONGEST, shown, shown_lines


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("red \x1b[31m", r"red \x1b[31m"),
        ("name \u202egpj.exe", r"name \u202egpj.exe"),
        ("\u2066x\u2069\u200b\ufeff", r"\u2066x\u2069\u200b\ufeff"),
        ("a\nb\r\x00\x07\x9b", r"a b\r\x00\x07\x9b"),
        ("\ud800", r"\ud800"),
        ("[bold red]film[/]", "[bold red]film[/]"),
        ("Ä 漢字 👍", "Ä 漢字 👍"),
    ],
)
def test_an_error_says_nothing_that_acts(written: str, expected: str):
    """Control characters, escape sequences, bidirectional overrides: by their code, on one line."""
    assert shown(written) == str(ChunkAssetsError(written)) == expected


def test_an_error_is_short():
    """The beginning says what, the end what to do; a word without end is cut by itself."""
    long = ChunkAssetsError(f"the name {'x' * 100_000} is too long: at most 40 are allowed")
    assert len(str(long)) < 600
    assert str(long).endswith("is too long: at most 40 are allowed")
    assert len(shown("word " * 10_000)) <= LONGEST
    assert shown(shown("word " * 10_000)) == shown("word " * 10_000)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("https://ann:s3cret@host:9000/a", "https://ann:***@host:9000/a"),
        ("https://s3cret@host", "https://***@host"),
        ("redis://:s3cret@host/0", "redis://:***@host/0"),
        ("http://user:pa<ss@proxy:3128", "http://user:***@proxy:3128"),
        ("http://user:pa#s?s'\"@proxy:1", "http://user:***@proxy:1"),
        ("http://user:p@ss@proxy:1", "http://user:***@proxy:1"),
        ("ask ann@example.com or see https://example.com/@ann", None),
    ],
)
def test_a_password_in_a_url_is_not_said(written: str, expected: str | None):
    """Whatever library's error quotes the URL; other @ signs stay."""
    assert shown(f"at {written}: no answer") == f"at {expected or written}: no answer"


def test_a_log_keeps_its_lines():
    """What is metadata in Dagit may have several, each harmless."""
    assert shown_lines("one\ntwo\x1b[2J") == "one\ntwo\\x1b[2J"
