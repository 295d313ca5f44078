"""How far a film is, by what is stored of it."""

from dataclasses import dataclass

from chunk_assets.film.completeness import Completeness, completeness, stored_only
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import FilmPlan
from chunk_assets.film.status import film_fingerprint, inspect
from chunk_assets.storage.store import ObjectStore


@dataclass(frozen=True)
class Standing:
    """How far a film is.

    Attributes:
        fingerprint: Of what would be stitched now; None while a planned chunk is missing or stale.
        is_stitched: Whether the stored film is made of exactly that.
        generators: Who made the stored clips of planned chunks.
        found: What of the plan is there.
    """

    fingerprint: str | None
    is_stitched: bool
    generators: frozenset[str]
    found: Completeness


def standing(plan: FilmPlan, store: ObjectStore) -> Standing:
    """Look at everything that is stored of a film.

    Raises:
        StorageError: S3 cannot be read.
    """
    if not clips_there(plan, store):
        # One request instead of one a chunk.
        return Standing(None, False, frozenset(), stored_only(len(plan.specs), ()))
    states = list(inspect(plan, store))
    generators = frozenset(state.clip.generator for state in states if state.clip)
    clips = [state.stored for state in states if state.state == "fresh" and state.stored]
    found = completeness(plan, states, store)
    if not found.is_rendered:
        return Standing(None, False, generators, found)
    fingerprint = film_fingerprint(plan, clips)
    return Standing(fingerprint, found.film == "up to date", generators, found)


def clips_there(plan: FilmPlan, store: ObjectStore) -> set[int]:
    """Return the planned chunks that have a clip, of whatever version; asks S3 once.

    Raises:
        StorageError: S3 cannot be read.
    """
    stored = FilmObjects(store, plan.video_id).stored_clips()
    return {spec.chunk_num for spec in plan.specs if spec.chunk_num in stored}
