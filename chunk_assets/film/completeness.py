"""Whether a film is complete: its planned chunks stored and up to date, and stitched."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from chunk_assets.errors import StorageError
from chunk_assets.film.plan import FilmPlan
from chunk_assets.film.status import ChunkState, film_fingerprint, stored_film
from chunk_assets.storage.store import ObjectStore

FilmState = Literal["up to date", "out of date", "missing"]

_NAMED = 5
"""Chunks that are out of date whose reasons a sentence gives."""


@dataclass(frozen=True)
class Completeness:
    """How much of a film's plan is stored.

    Attributes:
        planned: How many chunks the film has.
        missing: The chunks that are not stored.
        stale: Why chunks are out of date, by number.
        film: Whether the stitched film is made of the stored chunks.
    """

    planned: int
    missing: Sequence[int] = ()
    stale: Mapping[int, str] = field(default_factory=dict)
    film: FilmState = "missing"

    @property
    def is_rendered(self) -> bool:
        """Whether every planned chunk is stored and up to date."""
        return not self.missing and not self.stale

    @property
    def chunks(self) -> str:
        """How many chunks are stored and up to date, such as `13 of 15`."""
        return f"{self.planned - len(self.missing) - len(self.stale)} of {self.planned}"

    @property
    def sentence(self) -> str:
        """All of it, for a person."""
        said = [f"{self.chunks} chunks"]
        if self.missing:
            said.append(f"missing: {ranges(self.missing)}")
        if self.stale:
            said.append(f"out of date: {self.reasons}")
        return "; ".join([*said, f"the film is {self.film}"])

    @property
    def reasons(self) -> str:
        """The chunks that are out of date, and why the first of them are."""
        named = [f"{number:02d} ({why})" for number, why in list(self.stale.items())[:_NAMED]]
        others = list(self.stale)[_NAMED:]
        return ", ".join([*named, ranges(others)] if others else named)


def completeness(plan: FilmPlan, states: Sequence[ChunkState], store: ObjectStore) -> Completeness:
    """Compare a film with its plan.

    Args:
        plan: The film.
        states: The state of each planned chunk, in order.
        store: Where the film is.

    Raises:
        StorageError: S3 cannot be read.
    """
    missing = [state.spec.chunk_num for state in states if state.stored is None]
    stale = {state.spec.chunk_num: state.reason for state in states if state.state == "stale"}
    return Completeness(len(plan.specs), missing, stale, _film_state(plan, states, store))


def _film_state(plan: FilmPlan, states: Sequence[ChunkState], store: ObjectStore) -> FilmState:
    try:
        output = stored_film(store, plan.video_id)
    except StorageError:
        output = None  # damaged: as good as none
    if output is None:
        return "missing"
    clips = [state.stored for state in states if state.stored is not None]
    is_whole = len(clips) == len(plan.specs)
    is_made_of_them = is_whole and output.made_from == film_fingerprint(plan, clips)
    return "up to date" if is_made_of_them else "out of date"


def stored_only(planned: int, stored: Collection[int]) -> Completeness:
    """Return what a listing tells of a film with missing chunks: not whether others are stale."""
    return Completeness(planned, [number for number in range(planned) if number not in stored])


def ranges(numbers: Iterable[int]) -> str:
    """Return chunk numbers as a person writes them: `03, 05-07`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(
        f"{first:02d}" if first == last else f"{first:02d}-{last:02d}" for first, last in runs
    )
