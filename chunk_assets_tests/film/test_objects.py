"""A film's objects: which keys are its own, and which clips are stored."""

import pytest

from chunk_assets.film.objects import FilmObjects
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (keys.manifest("film"), True),
        (keys.animatic_file("film", "frames/one.png"), True),
        (keys.chunk_video("film", 1), True),
        (keys.page("film"), True),
        (f"{keys.ledgers('film')}chunk_01.json", False),
        (keys.chunk_video("films", 1), False),
        (keys.animatic_file("other", "one.png"), False),
    ],
)
def test_all_objects_of_a_film_but_its_ledgers_can_be_made_again(
    store: ObjectStore, key: str, expected: bool
):
    """Objects of other films, also of similar names, are not its own."""
    assert FilmObjects(store, "film").can_be_made_again(key) is expected


def test_the_chunk_of_an_object(store: ObjectStore):
    """Objects of the whole film, and of other films, belong to no chunk of it."""
    objects = FilmObjects(store, "film")
    assert objects.chunk_of(objects.clip(12).key) == 12
    assert objects.chunk_of(objects.last_frame(3).key) == 3
    assert objects.chunk_of(objects.seam(3).key) == 3
    assert objects.chunk_of(objects.film().key) is None
    assert objects.chunk_of(keys.chunk_video("other", 3)) is None


def test_only_names_of_clips_count_as_clips(store: ObjectStore):
    """Files that a user put beside the clips are ignored."""
    for name in ("chunk_00.mp4", "chunk_100.mp4", "chunk_007.mp4", "chunk_1.mp4", "backup.mp4"):
        store.put_bytes(f"{keys.clips('film')}{name}", b"clip", "video/mp4")
    store.put_bytes(keys.composite("film", 2), b"composite", "image/png")
    assert FilmObjects(store, "film").stored_clips() == {0, 100}
