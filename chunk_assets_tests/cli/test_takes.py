"""`takes`, `choose` and `accept`: every take is kept, and another one costs nothing."""

import pytest

from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cli.commands import done, sentence
from chunk_assets_tests.cli.conftest import Animatics

pytestmark = pytest.mark.slow

TWO_CHUNKS = {
    "duration": 4,
    "beats": [{"name": "one", "duration": 4, "prompt_template": "{product_name} at rest"}],
    "transitions": [],
    "frames": ["one.png"],
}


def test_takes_are_listed_and_a_film_without_takes_shows_its_clips(
    animatic: Animatics, store: ObjectStore
):
    """A clip that was stored before takes were kept is take 1; its original is unknown."""
    film = animatic(**TWO_CHUNKS)
    done("render", film)
    done("render", film, "--chunks", "1")
    for key in list(store.keys(keys.takes("film", 0))):
        store.delete(key)
    listed = done("takes", "film", "--json").document["takes"]
    assert [(row["chunk_num"], row["take"], row["is_chosen"], row["state"]) for row in listed] == [
        (0, 1, True, "complete"),
        (1, 1, False, "complete"),
        (1, 2, True, "complete"),
    ]
    assert listed[0]["original"] is None
    original = listed[2]["original"]
    assert (original["width"], original["height"], original["has_sound"]) == (128, 72, False)
    assert original["sha256"] == store.find(keys.chunk_video("film", 1)).sha256
    lines = done("takes", "film").stdout.splitlines()
    assert "unknown" in lines[1]
    assert "chosen" in lines[3]
    assert "128x72, 8 fps, no sound" in lines[3]
    assert "not checked" in lines[3]
    assert len(done("takes", "film", "1", "--json").document["takes"]) == 2
    assert sentence("takes", "film", "7") == ("film 'film' has no chunk 7: it has 2 chunks, 0 to 1")
