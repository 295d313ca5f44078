"""Texts of the film page: truncated, but not yet escaped."""

from dataclasses import dataclass
from datetime import datetime

from chunk_assets.checks.results import CheckResult

MAX_SENTENCE = 300
"""Characters of a check's or an error's sentence."""


@dataclass(frozen=True)
class Check:
    """The result of one check; `mark` is "passed", "failed" or "skipped"."""

    name: str
    mark: str
    sentence: str

    @classmethod
    def of(cls, result: CheckResult, characters: int = MAX_SENTENCE) -> "Check":
        """Return a check result as the page shows it."""
        name, sentence = _in_words(result.check).capitalize(), result.sentence
        mark = "passed" if result.passed else "failed"
        if (cause := result.values.get("not_judged")) is not None:
            mark, sentence = "skipped", sentence.replace(str(cause), _in_words(str(cause)))
        return cls(name, mark, cut(sentence, characters))


def cut(text: str, characters: int) -> str:
    """Truncate a text to this many characters."""
    return text if len(text) <= characters else f"{text[: characters - 1]}…"


def money(usd: float) -> str:
    """Format US dollars, with four decimals below one cent."""
    return f"${usd:.4f}" if 0 < usd < 0.01 else f"${usd:,.2f}"


def moment(at: datetime) -> str:
    """Format a time, which is in UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _in_words(check: str) -> str:
    return check.replace("_", " ")
