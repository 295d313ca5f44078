"""Classify failed predictions by whether another attempt, or another model, may help."""

import re
from typing import Literal

Kind = Literal["transient", "moderated", "final"]

# The E-codes are Replicate's own: https://replicate.com/docs/topics/predictions/error-codes
_MODERATED = re.compile(
    r"\bE005\b|nsfw|sensitive|moderat|flagged|safety|content polic|inappropriate|prohibited",
    re.IGNORECASE,
)
_TRANSIENT = re.compile(
    r"\bE(?:1000|1001|6716|8367|8765|9243|9825)\b|\bcode: PA\b|interrupted|retry|try again"
    r"|out of memory|cuda error|timed? ?out|connection|temporar|unavailable|overloaded|capacity"
    r"|rate limit|internal server error|\b50[0234]\b",
    re.IGNORECASE,
)


def kind_of_failure(error: str | None) -> Kind:
    """Return the kind of a failed prediction, by its `error`.

    `moderated`: declined for its content; the same request would be declined again. `transient`: a
    machine failed, or there is no reason. `final`: everything else, mostly an input that the model
    cannot use; unknown errors are not paid for twice.
    """
    if not error or not error.strip():
        return "transient"
    if _MODERATED.search(error):
        return "moderated"
    return "transient" if _TRANSIENT.search(error) else "final"
