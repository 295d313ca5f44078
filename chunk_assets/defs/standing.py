"""How far a film is, by what is stored of it."""

from dataclasses import dataclass

from chunk_assets.chain.film_plan import FilmPlan
from chunk_assets.chain.inspect import film_fingerprint, inspect, stored_film
from chunk_assets.errors import StorageError
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore


@dataclass(frozen=True)
class Standing:
    """How far a film is.

    Attributes:
        fingerprint: Of what would be stitched now; None while a planned chunk is missing or stale.
        is_stitched: Whether the stored film is made of exactly that.
        generators: Who made the stored clips of planned chunks.
    """

    fingerprint: str | None
    is_stitched: bool
    generators: frozenset[str]


def standing(plan: FilmPlan, store: ObjectStore) -> Standing:
    """Look at everything that is stored of a film.

    Raises:
        StorageError: S3 cannot be read.
    """
    if not any(_clips_there(plan, store)):
        return Standing(None, False, frozenset())  # one request instead of one a chunk
    states = list(inspect(plan, store))
    generators = frozenset(state.clip.generator for state in states if state.clip)
    clips = [state.stored for state in states if state.state == "fresh" and state.stored]
    if len(clips) < len(plan.specs):
        return Standing(None, False, generators)
    fingerprint = film_fingerprint(plan, clips)
    try:
        film = stored_film(store, plan.video_id)
    except StorageError:
        film = None  # damaged: as good as none
    return Standing(fingerprint, film is not None and film.made_from == fingerprint, generators)


def is_rendered(plan: FilmPlan, store: ObjectStore) -> bool:
    """Whether each planned chunk has a clip, of whatever version; asks S3 once.

    Raises:
        StorageError: S3 cannot be read.
    """
    return all(_clips_there(plan, store))


def _clips_there(plan: FilmPlan, store: ObjectStore) -> list[bool]:
    folder = f"{keys.CHUNKS}{plan.video_id}/"
    stored = {f"{folder}{name}" for name in store.names(folder)}
    return [keys.chunk_video(plan.video_id, spec.chunk_num) in stored for spec in plan.specs]
