"""How chunks hang together: which start from a picture of their own, and which end on one."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from chunk_assets.schemas import FilmSpec, Transition


@dataclass(frozen=True)
class ChunkPlace:
    """How one chunk follows the one before.

    Attributes:
        opens_scene: Whether it begins a chain of its own, as chunk 0 does.
        has_key_picture: Whether it starts from its own picture.
        is_led_into: Whether the chunk before ends on that picture.
        is_unblended: Whether it starts from one picture: its own, or the last frame before.
    """

    opens_scene: bool
    has_key_picture: bool
    is_led_into: bool
    is_unblended: bool


def chunk_places(film: FilmSpec, beats: Sequence[int], pictures: Sequence[str]) -> list[ChunkPlace]:
    """Return how each chunk follows the one before.

    A chunk starts from its own picture if it is the first that shows the picture, or the first of
    its beat, and the beat's `starts_from` or else the film's continuity says so. The other chunks
    of the beat continue from the last frame before, unblended. No chunk leads into a new scene.

    Args:
        film: The film.
        beats: The number of each chunk's beat.
        pictures: Each chunk's picture of the animatic.
    """
    is_key = _starts_from_picture(film, beats[0])
    places = [ChunkPlace(True, is_key, False, is_key)]
    for number, (before, beat) in enumerate(pairwise(beats), start=1):
        is_new = beat != before
        is_first = is_new or pictures[number] != pictures[number - 1]
        is_unblended = _starts_from_picture(film, beat)
        has_key = is_first and is_unblended
        places.append(
            ChunkPlace(
                opens_scene=is_new and _opens_scene(film, before, beat),
                has_key_picture=has_key,
                is_led_into=has_key and not (is_new and _is_apart(film, before, beat)),
                is_unblended=is_unblended,
            )
        )
    return places


def transition_into(film: FilmSpec, before: int, beat: int) -> Transition | None:
    """Return the manifest's transition for this change of beat; None if the beat stays the same."""
    if beat == before or film.transitions is None:
        return None
    return film.transitions[beat - 1]


def transition_frames(film: FilmSpec, before: int, beat: int) -> int:
    """Return the length of that transition in frames; 0 for a cut, or if there is none."""
    transition = transition_into(film, before, beat)
    if transition is None or transition.type == "cut":
        return 0
    return film.fps.frames_in(transition.duration)


def _starts_from_picture(film: FilmSpec, beat: int) -> bool:
    said = film.beats[beat].starts_from
    return film.continuity == "keyframes" if said is None else said == "picture"


def _opens_scene(film: FilmSpec, before: int, beat: int) -> bool:
    """Return whether a beat begins a chain of its own: if it says so, or else after a cut."""
    said = film.beats[beat].opens_scene
    transition = transition_into(film, before, beat)
    is_cut = transition is not None and transition.type == "cut"
    return film.continuity != "film" and (is_cut if said is None else said)


def _is_apart(film: FilmSpec, before: int, beat: int) -> bool:
    """Return whether a beat is seen apart from the one before, so that nothing leads into it.

    It is if it opens a scene, or else after a cut or a fade through black.
    """
    said = film.beats[beat].opens_scene
    transition = transition_into(film, before, beat)
    is_broken = transition is not None and transition.type in ("cut", "fade")
    return is_broken if said is None else said
