"""`takes`, `choose` and `accept`: every take is kept, and another one costs nothing."""

import json

import dagster as dg
import pytest

from chunk_assets.cli.chunk_jobs import person
from chunk_assets.dagster_internals.instance import film_lock
from chunk_assets.defs.assets.lineage import INPUT_VERSION, latest
from chunk_assets.defs.partitions.definitions import chunk_key
from chunk_assets.files.locks import FileLock
from chunk_assets.film.choices import read_choices
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.records import ClipRecord
from chunk_assets.settings import Settings
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cli.commands import done, rendered, sentence
from chunk_assets_tests.cli.conftest import Animatics
from chunk_assets_tests.manifests import small_manifest, write_animatic

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


def test_another_take_is_chosen_and_the_film_comes_back_at_no_cost(
    animatic: Animatics, store: ObjectStore, settings: Settings
):
    """It says what becomes stale first; then `render` chooses the takes that follow from it."""
    film = animatic(**TWO_CHUNKS)
    done("render", film)
    before = store.find(keys.stitched_video("film")).sha256
    assert rendered(done("render", film, "--chunks", "0", "--json")) == [0, 1]
    assert store.find(keys.stitched_video("film")).sha256 != before
    said = done("choose", "film", "0", "--take", "1", "--dry-run").stdout
    assert said.splitlines() == [
        "Chunk 01 becomes stale: take 1 of chunk 00 ends on another frame.",
        "Bringing the film up to date then costs nothing: another take is chosen of chunk 01.",
        "Nothing was changed.",
    ]
    assert chosen(store) == [2, 2]
    assert "Chunk 00 is take 1 now." in done("choose", "film", "00", "--take", "1").stdout
    assert chosen(store) == [1, 2]
    states = done("status", "film", "--json").document["chunks"]
    assert [state["state"] for state in states] == ["fresh", "stale"]
    assert states[1]["reason"] == "chunk 0 now ends on a different frame"
    [choice] = read_choices(FilmObjects(store, "film"), 0).choices
    assert (choice.take, choice.by) == (1, person())
    assert rendered(done("render", film, "--json")) == []
    assert chosen(store) == [1, 1]
    assert store.find(keys.stitched_video("film")).sha256 == before
    assert sentence("choose", "film", "0", "--take", "9") == (
        "chunk 0 of film 'film' has no take 9: choose one of 1, 2"
    )
    with film_lock(settings, "film"):
        assert "film 'film' is being rendered by another chunk-assets" in sentence(
            "choose", "film", "0", "--take", "2"
        )
    path = settings.home / "locks" / "chunks" / "film" / "00.lock"
    with FileLock(path):
        assert "chunk 0 of film 'film' is being rendered by another run" in sentence(
            "choose", "film", "0", "--take", "2"
        )


def test_unchosen_takes_are_pruned_and_their_numbers_stay(animatic: Animatics, store: ObjectStore):
    """A dry run deletes nothing; a take whose prediction is not in the ledger is never deleted."""
    film = animatic(**TWO_CHUNKS)
    done("render", film)
    done("render", film, "--chunks", "1")
    done("render", film, "--chunks", "1")
    record = keys.take("film", 1, 2) + "take.json"
    proof = json.loads(store.get_bytes(record)[0]) | {"prediction_id": "lost"}
    store.put_bytes(record, json.dumps(proof).encode(), "application/json")
    before = set(store.keys(""))
    dry = done("takes", "film", "--prune", "--json").document
    assert dry["dry_run"]
    assert [(row["chunk_num"], row["take"]) for row in dry["takes"]] == [(1, 1)]
    assert "1 take would be pruned" in done("takes", "film", "1", "--prune").stdout
    for option in ("--keep", "--older-than"):
        assert done("takes", "film", "--prune", option, "2", "--json").document["takes"] == []
    assert set(store.keys("")) == before
    assert "1 take pruned" in done("takes", "film", "--prune", "--yes").stdout
    gone = {key for key in before - set(store.keys("")) if "/seam_" not in key}
    assert gone == {
        keys.take("film", 1, 1) + name for name in ("clip.mp4", "last_frame.png", "moving.webp")
    }
    rows = done("takes", "film", "1", "--json").document["takes"]
    assert [row["state"] for row in rows] == ["pruned", "complete", "complete"]
    assert rows[0]["pruned_at"] is not None
    assert sentence("choose", "film", "1", "--take", "1") == (
        "take 1 of chunk 1 of film 'film' is pruned: choose one of 2, 3"
    )
    assert done("takes", "film", "--prune", "--yes", "--json").document["takes"] == []
    done("render", film, "--chunks", "1")
    assert chosen(store) == [1, 4]
    assert "need --prune" in sentence("takes", "film", "--yes")


def test_a_stale_chunk_is_accepted_and_that_is_taken_back(
    animatic: Animatics, store: ObjectStore, instance: dg.DagsterInstance
):
    """`status` and Dagster are quiet, and stale again after --undo."""
    document = small_manifest(**TWO_CHUNKS)
    film = animatic(**TWO_CHUNKS)
    done("render", film)
    assert "up to date: there is nothing to accept" in done("accept", "film", "0").stdout
    assert "chunk 0 of film 'film' is not accepted" in sentence("accept", "film", "0", "--undo")
    document["beats"][0]["prompt_template"] = "{product_name} leaps"
    write_animatic(film, document)
    done("submit", film)
    for chunk in ("0", "1"):
        assert "accepted as it is (changed: prompt)" in done("accept", "film", chunk).stdout
    states = done("status", "film", "--json").document["chunks"]
    assert [state["state"] for state in states] == ["fresh", "fresh"]
    assert states[0]["accepted"]["by"] == person()
    assert f"fresh: accepted by {person()} on " in done("status", "film").stdout
    spec = store.find(keys.chunk_spec("film", 0)).sha256
    assert used(instance, "chunk_specs") == spec
    assert rendered(done("render", film, "--json")) == []
    assert "no longer accepted" in done("accept", "film", "0", "--undo").stdout
    assert used(instance, "chunk_specs") not in ("", spec)
    states = done("status", "film", "--json").document["chunks"]
    assert [(state["state"], state["reason"]) for state in states] == [
        ("stale", "its spec changed"),
        ("fresh", ""),
    ]
    assert rendered(done("render", film, "--json"))[0] == 0


def chosen(store: ObjectStore) -> list[int]:
    """The take of each chunk."""
    numbers = range(2)
    return [ClipRecord.of(store.find(keys.chunk_video("film", one))).take for one in numbers]


def used(instance: dg.DagsterInstance, source: str) -> str:
    """The version of an input that Dagster says the clip of chunk 0 was made from."""
    recorded = latest(instance, "chunk_videos", chunk_key("film", 0))
    assert recorded is not None
    return recorded.tags[f"{INPUT_VERSION}/{source}"]
