r"""Sanitize text for display in the terminal, in Dagit, on a film's page and by `doctor`.

Error messages quote untrusted text: names, prompts, responses of servers. Control characters,
escape sequences and characters that reverse the direction of text are shown as `\x1b` or `\u202e`,
a password in a URL as `***`. Long text is shortened in the middle: its end says what to do.
"""

import re

LONGEST = 1_200
"""The most characters of an error that are shown."""

_BEFORE_A_HOST = re.compile(r"(?<=://)(?:([^\s/:@]*):)?[^\s/]*@")
_WORD = re.compile(r"\S{600,}")


def plain(text: object) -> str:
    r"""Return a text on one line, with control characters shown as `\x1b`."""
    characters = (c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
    return "".join(characters)


def shown(error: object, longest: int = LONGEST) -> str:
    """Return an error, or any untrusted text, safe to display on one line."""
    text = _BEFORE_A_HOST.sub(_hidden, str(error)[: 100 * longest])
    text = plain(" ".join(text.split("\n"))) if "\n" in text else plain(text)
    text = _WORD.sub(lambda word: shortened(word[0], 400), text)
    return shortened(text, longest)


def _hidden(found: re.Match[str]) -> str:
    return "***@" if found[1] is None else f"{found[1]}:***@"


def shown_lines(text: object, longest: int = 10 * LONGEST) -> str:
    """Return several lines, such as the end of a log, each treated by `shown`."""
    lines = str(text)[-longest:].splitlines()
    return "\n".join(shown(line) for line in lines)


def shortened(text: str, longest: int) -> str:
    """Return a text of at most `longest` characters, its middle left out if necessary."""
    if len(text) <= longest:
        return text
    end = longest // 3
    return f"{text[: longest - end - 3]} … {text[-end:]}"
