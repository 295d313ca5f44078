"""The status of a film: which chunks are missing or out of date, and whether it is stitched."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

from chunk_assets.errors import Damaged, NotStored
from chunk_assets.film.chunk_states import ChunkState, chunk_states
from chunk_assets.film.fingerprints import digest
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import FilmPlan
from chunk_assets.planning.timeline import plan_joins
from chunk_assets.schemas import ChunkGenerationOutput
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject

FilmState = Literal["up to date", "out of date", "missing"]

_REASONS = 5
"""A sentence gives the reasons for this many chunks."""


@dataclass(frozen=True)
class FilmStatus:
    """How much of a film's plan is stored.

    Attributes:
        planned: How many chunks the film has.
        missing: The chunks that are not stored.
        stale: Why chunks are out of date, by number.
        film: Whether the stitched film is made of the stored chunks.
        fingerprint: The fingerprint of the film the chunks make; None while one is missing or out
            of date.
        generators: The generators of the stored clips.
    """

    planned: int
    missing: Sequence[int] = ()
    stale: Mapping[int, str] = field(default_factory=dict)
    film: FilmState = "missing"
    fingerprint: str | None = None
    generators: frozenset[str] = frozenset()

    @classmethod
    def of(cls, plan: FilmPlan, states: Sequence[ChunkState], store: ObjectStore) -> Self:
        """Return a film's status from the states of its planned chunks, in order.

        Raises:
            StorageError: S3 cannot be read.
        """
        clips = [state.stored for state in states]
        stale = {state.spec.chunk_num: state.reason for state in states if state.state == "stale"}
        is_fresh = all(state.state == "fresh" for state in states)
        return cls(
            planned=len(plan.specs),
            missing=[state.spec.chunk_num for state in states if state.stored is None],
            stale=stale,
            film=film_state(plan, clips, stored_film(store, plan.video_id)),
            fingerprint=film_fingerprint(plan, clips) if is_fresh else None,
            generators=frozenset(state.clip.generator for state in states if state.clip),
        )

    @classmethod
    def from_listing(cls, planned: int, stored: Collection[int]) -> Self:
        """Return the status of a film with missing chunks; it omits whether others are stale."""
        return cls(planned, [number for number in range(planned) if number not in stored])

    @property
    def is_rendered(self) -> bool:
        """Whether every planned chunk is stored and up to date."""
        return not self.missing and not self.stale

    @property
    def is_complete(self) -> bool:
        """Whether the film is rendered, and stitched from these chunks."""
        return self.is_rendered and self.film == "up to date"

    @property
    def complete_chunks(self) -> int:
        """How many chunks are stored and up to date."""
        return self.planned - len(self.missing) - len(self.stale)

    @property
    def chunks(self) -> str:
        """How many chunks are stored and up to date, such as `13 of 15`."""
        return f"{self.complete_chunks} of {self.planned}"

    @property
    def sentence(self) -> str:
        """The status in words."""
        parts = [f"{self.chunks} chunks"]
        if self.missing:
            parts.append(f"missing: {ranges(self.missing)}")
        if self.stale:
            parts.append(f"out of date: {self.reasons}")
        return "; ".join([*parts, f"the film is {self.film}"])

    @property
    def reasons(self) -> str:
        """The chunks that are out of date, the first of them with their reasons."""
        named = [f"{number:02d} ({why})" for number, why in list(self.stale.items())[:_REASONS]]
        others = list(self.stale)[_REASONS:]
        return ", ".join([*named, ranges(others)] if others else named)


def film_status(plan: FilmPlan, store: ObjectStore) -> FilmStatus:
    """Compare everything that is stored of a film with its plan.

    Raises:
        StorageError: S3 cannot be read.
    """
    if not planned_clips(plan, store):  # one request instead of one a chunk
        return FilmStatus.from_listing(len(plan.specs), ())
    return FilmStatus.of(plan, list(chunk_states(plan, store)), store)


def planned_clips(plan: FilmPlan, store: ObjectStore) -> set[int]:
    """Return the planned chunks that have a clip, of any version; takes one request.

    Raises:
        StorageError: S3 cannot be read.
    """
    stored = FilmObjects(store, plan.video_id).stored_clips()
    return stored & {spec.chunk_num for spec in plan.specs}


def film_state(
    plan: FilmPlan, clips: Sequence[StoredObject | None], output: ChunkGenerationOutput | None
) -> FilmState:
    """Compare the stored film with the planned chunks' clips, in order."""
    if output is None:
        return "missing"
    is_current = None not in clips and output.made_from == film_fingerprint(plan, clips)
    return "up to date" if is_current else "out of date"


def film_fingerprint(plan: FilmPlan, clips: Iterable[StoredObject | None]) -> str:
    """Return the fingerprint of a film stitched from these clips, in order."""
    joins = [(join.kind, join.frames) for join in plan_joins(plan.animatic, plan.specs)]
    return digest({"clips": [clip.sha256 for clip in clips if clip], "joins": joins})


def stored_film(store: ObjectStore, video_id: str) -> ChunkGenerationOutput | None:
    """Return the output of the stored film; None if there is none, or it is damaged."""
    objects = FilmObjects(store, video_id)
    film = objects.film().head()
    if film is None or store.damage(film):
        return None
    try:
        return objects.output().read_json(ChunkGenerationOutput)[0]
    except (NotStored, Damaged):
        return None


def ranges(numbers: Iterable[int]) -> str:
    """Return chunk numbers as ranges: `03, 05-07`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(
        f"{first:02d}" if first == last else f"{first:02d}-{last:02d}" for first, last in runs
    )
