"""Models that no longer exist, and what to use instead."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chunk_assets.errors import SpecError

_Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Retirement(BaseModel):
    """When and why a model went, and its successors' short names, best first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    date: date
    reason: _Text | None = None
    successors: tuple[_Text, ...] = Field(min_length=1)


class RetiredModel(BaseModel):
    """A model that no longer exists; other fields of its table have no meaning."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    replicate: str
    retired: Retirement

    @property
    def refusal(self) -> SpecError:
        """The error for a film that asks for it."""
        day, reason = self.retired.date, self.retired.reason
        why = f" ({reason})" if reason else ""
        return SpecError(
            f"the model {self.name!r} was retired on {day.day} {day:%B %Y}{why}: choose "
            f"{' or '.join(self.retired.successors)} instead",
            model=self.name,
            successors=list(self.retired.successors),
        )
