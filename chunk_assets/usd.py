"""Amounts of money in US dollars, and their limits."""

from typing import Annotated, Any

from pydantic import Field

from chunk_assets.errors import SpecError

MAX_USD = 1_000_000.0
"""No film, clip or day costs more: a larger number is a typing error."""

Usd = Annotated[float, Field(ge=0, le=MAX_USD, allow_inf_nan=False)]
"""An amount in text, such as an environment variable."""

StrictUsd = Annotated[float, Field(ge=0, le=MAX_USD, allow_inf_nan=False, strict=True)]
"""An amount in JSON or TOML: a number, not `true` and not a string."""


def checked_usd(value: Any, what: str) -> float:
    """Return the amount as a float.

    Raises:
        SpecError: It is not a number from 0 to `MAX_USD`; the error begins with `what`.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and 0 <= value <= MAX_USD:  # which is false of NaN
        return float(value)
    shown = repr(value)
    shown = shown if len(shown) <= 40 else f"{shown[:37]}…"
    raise SpecError(f"{what} is {shown}: it must be 0 to {MAX_USD:,.0f} US dollars")
