"""What a prediction that failed says: whether another try, or another model, may help."""

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
    """What to make of a failed prediction's `error`.

    `moderated`: declined for its content; the same request would be again. `transient`: the
    machine's fault, or nothing is said. `final`: anything else, above all an input that the model
    cannot use; what is not known is not paid for a second time.
    """
    if not error or not error.strip():
        return "transient"
    if _MODERATED.search(error):
        return "moderated"
    return "transient" if _TRANSIENT.search(error) else "final"
