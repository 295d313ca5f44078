"""Frame rates, exact.

A rate is a fraction, so that times computed from it are exact and later rates such as 30000/1001
need no other arithmetic. For now only whole rates are supported: no others have been tested with
the containers, editing programs and models that clips pass through.
"""

from fractions import Fraction
from typing import Any

from chunk_assets.errors import SpecError


class FrameRate(Fraction):
    """Frames per second. In JSON, in TOML and as text it is a whole number.

    Raises:
        SpecError: The rate is not a whole number of 1 or more.
    """

    __slots__ = ()

    def __new__(cls, numerator: int | Fraction, denominator: int | None = None) -> "FrameRate":
        """Create a rate; `copy` and `pickle` pass text, or both numbers."""
        rate = super().__new__(cls, numerator, denominator)
        if rate.denominator != 1 or rate < 1:
            raise SpecError(
                f"the frame rate is {rate}: only whole numbers of 1 or more are supported",
                fps=str(rate),
            )
        return rate

    def frames_in(self, seconds: float | Fraction) -> int:
        """Return how many frames `seconds` last, rounded to the nearest."""
        return round(seconds * self)

    def seconds(self, frames: int) -> Fraction:
        """Return how long `frames` last."""
        return frames / self

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> Any:
        """Have pydantic read and write a whole number."""
        from pydantic_core import core_schema  # imported here, since most commands do not need it

        whole = core_schema.no_info_before_validator_function(
            lambda value: int(value) if isinstance(value, cls) else value,
            core_schema.int_schema(ge=1),
        )
        written = core_schema.plain_serializer_function_ser_schema(int)
        return core_schema.no_info_after_validator_function(cls, whole, serialization=written)
