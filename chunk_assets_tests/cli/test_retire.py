"""`retire`: finished films leave the grid, and what a person is told of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chunk_assets.dagster_internals.instance import film_lock, open_instance
from chunk_assets.settings import Settings
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cli.commands import done, run, sentence
from chunk_assets_tests.cli.conftest import Animatics

pytestmark = pytest.mark.slow


def grid(settings: Settings) -> list[str]:
    """The films in the grid."""
    with open_instance(settings) as instance:
        return sorted(instance.get_dynamic_partitions("video_id"))


def test_a_film_is_retired_by_name_and_comes_back(
    animatic: Animatics, store: ObjectStore, settings: Settings, desk: Path
):
    """`status` counts and lists it, answers for it as before, and `submit` brings it back."""
    done("render", animatic())
    before = done("status", "film").stdout
    shown = done("retire", "film", "--dry-run").stdout
    assert shown.splitlines()[0] == "film: would be retired."
    assert grid(settings) == ["film"]
    assert done("retire", "film").stdout.splitlines() == [
        "film: retired.",
        "1 film retired. Kept: 0 too recent, 0 unfinished, 0 in use.",
    ]
    assert grid(settings) == []
    assert done("retire", "film").stdout.splitlines()[0] == "film: retired already."
    assert done("status").stdout == "Retired: 1 (chunk-assets status --retired lists them).\n"
    assert done("status", "--json").document == {"films": [], "retired": 1}
    [row] = done("status", "--retired", "--json").document["retired"]
    film = store.head(keys.stitched_video("film"))
    assert (row["video_id"], film and film.size) == ("film", row["size_bytes"])
    assert datetime.now(UTC) - datetime.fromisoformat(row["stitched"]) < timedelta(minutes=5)
    assert done("status", "--retired").stdout.splitlines()[1].startswith("film ")
    assert done("status", "film").stdout == before
    done("page", "film")
    assert (desk / "film.html").exists()
    assert "film: already there, unchanged" in done("submit", "film").stdout
    assert grid(settings) == ["film"]
    assert done("status", "--json").document["retired"] == 0
    assert done("status", "--retired").stdout == "No film is retired.\n"


def test_only_what_is_old_is_retired(animatic: Animatics, settings: Settings):
    """A film of today stays with --older-than, and one that is not rendered always does."""
    done("render", animatic())
    done("submit", animatic("planned"))
    document = done("retire", "--older-than", "30d", "--json").document
    assert document == {
        "dry_run": False,
        "retired": [],
        "retired_before": [],
        "at_work": {},
        "unfinished": {},
        "too_young": ["film", "planned"],
    }
    with film_lock(settings, "film"):
        shown = done("retire", "film", "planned").stdout.splitlines()
    assert shown == [
        "film: kept, it is being rendered in a terminal.",
        "planned: kept, it is not stitched.",
        "0 films retired. Kept: 0 too recent, 1 unfinished, 1 in use.",
    ]


@pytest.mark.parametrize("age", ["30", "d", "-1d", "1.5d", "0x1d", "99999999d", "36501d", "", "1m"])
def test_an_age_that_is_none(store: ObjectStore, age: str):
    """It is refused by value, with what is allowed."""
    said = sentence("retire", "--older-than", age)
    assert f"{age!r} is not an age: write 30d for days" in said


def test_retire_without_a_choice(store: ObjectStore):
    """It retires nothing unless it is told what; a name that no film has is named."""
    assert "Name the films to retire, or give --older-than" in sentence("retire")
    assert "there is no film 'nobody' in the partition grid" in sentence("retire", "nobody")
    assert "the video id 'a/b' cannot be used" in sentence("retire", "a/b")
    assert run("retire", "--older-than", "36500d").code == 0
    assert "cannot be combined" in sentence("status", "film", "--retired")
