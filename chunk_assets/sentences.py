r"""How an error's sentence is shown: in the terminal, in Dagit, on a film's page and by `doctor`.

What strangers wrote (names, prompts, answers of servers) stands in sentences. Here, and nowhere
else, it loses what could act upon a reader: control characters, escape sequences and characters
that turn the direction of text show as `\x1b` or `\u202e`, a password in a URL as `***`, and what
is too long is shortened in the middle, since the end says what to do.
"""

import re

LONGEST = 1_200
"""Characters of a sentence that is shown."""

_BEFORE_A_HOST = re.compile(r"(?<=://)(?:([^\s/?#'\"<>:@]*):)?[^\s/?#'\"<>]*@")
_WORD = re.compile(r"\S{600,}")


def plain(text: object) -> str:
    r"""A text as it was written, on one line: what a terminal would act upon shows as `\x1b`."""
    characters = (c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
    return "".join(characters)


def shown(error: object, longest: int = LONGEST) -> str:
    """An error, or any text of a stranger's, as a person may see it."""
    text = _BEFORE_A_HOST.sub(_hidden, str(error)[: 100 * longest])
    text = plain(" ".join(text.split("\n"))) if "\n" in text else plain(text)
    text = _WORD.sub(lambda word: shortened(word[0], 400), text)
    return shortened(text, longest)


def _hidden(found: re.Match[str]) -> str:
    return "***@" if found[1] is None else f"{found[1]}:***@"


def shown_lines(text: object, longest: int = 10 * LONGEST) -> str:
    """A text of several lines, such as the end of a log, each as `shown` has it."""
    lines = str(text)[-longest:].splitlines()
    return "\n".join(shown(line) for line in lines)


def shortened(text: str, longest: int) -> str:
    """The beginning and the end of a text that is longer than so many characters."""
    if len(text) <= longest:
        return text
    end = longest // 3
    return f"{text[: longest - end - 3]} … {text[-end:]}"
