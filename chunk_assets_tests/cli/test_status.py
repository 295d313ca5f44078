"""`submit` uploads an animatic, and `status` shows what is stored."""

import json
from pathlib import Path

import dagster as dg
import pytest

from chunk_assets.dagster_internals.instance import open_instance
from chunk_assets.settings import Settings
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cli.commands import done, sentence
from chunk_assets_tests.cli.conftest import Animatics

pytestmark = pytest.mark.slow


def test_a_submitted_film_is_on_s3_and_known_to_dagster(
    animatic: Animatics, store: ObjectStore, settings: Settings
):
    """It writes pictures, manifest and partitions; a second time it writes nothing."""
    ended = done("submit", animatic())
    assert ended.stdout == "film: submitted; 3 chunks, 6 s.\n"
    pictures = {f"animatics/film/{name}.png" for name in ("one", "two", "style", "product")}
    assert set(store.keys("")) == {"animatics/film.json", *pictures}
    with open_instance(settings) as instance:
        assert instance.get_dynamic_partitions("video_id") == ["film"]
        assert instance.get_dynamic_partitions("chunk_num") == ["00", "01", "02"]
        assert instance.get_latest_materialization_event(dg.AssetKey("chunk_videos")) is None
    before = {key: store.head(key) for key in store.keys("")}
    ended = done("submit", "film")
    assert ended.stdout == "film: already there, unchanged; 3 chunks, 6 s.\n"
    assert {key: store.head(key) for key in store.keys("")} == before


def test_a_dry_run_checks_and_writes_nothing(animatic: Animatics, store: ObjectStore):
    """It says what there would be."""
    ended = done("submit", animatic(), "--dry-run")
    assert ended.stdout == "film: in order; 3 chunks, 6 s. Nothing was written.\n"
    assert list(store.keys("")) == []
    assert "duration is 0" in sentence("submit", animatic(duration=0), "--dry-run")


def test_status_tells_what_is_missing_fresh_and_stale(
    animatic: Animatics, store: ObjectStore, desk: Path
):
    """A film's chunks before it is rendered, after, and after a prompt has changed."""
    done("submit", animatic())
    ended = done("status", "film")
    assert ended.stderr == ""
    assert "film: 3 chunks, 0 stale, 3 missing; film missing; cost $0.00" in ended.stdout
    done("render", "film")
    lines = done("status", "film").stdout.splitlines()
    assert lines[0].split() == ["chunk", "beat", "film", "state", "take", "cost"]
    assert lines[3].split() == ["02", "two", "4.0-6.0", "s", "fresh", "1", "$0.00"]
    document = json.loads((desk / "film" / "animatic.json").read_text())
    document["beats"][1]["prompt_template"] = "{product_name} leaps"
    (desk / "film" / "animatic.json").write_text(json.dumps(document))
    done("submit", "film")
    shown = done("status", "film", "--json").document
    assert [chunk["state"] for chunk in shown["chunks"]] == ["fresh", "fresh", "stale"]
    assert shown["chunks"][2]["reason"] == "changed: prompt"
    assert (shown["stale"], shown["missing"], shown["cost_usd"]) == (1, 0, 0)
    assert "stale: changed: prompt" in done("status", "film").stdout


def test_status_lists_every_film_also_one_that_cannot_be_used(
    animatic: Animatics, store: ObjectStore
):
    """A broken manifest hides no other film, and its name and reason are shown as they are."""
    assert "There are no films at s3://" in done("status").stdout
    done("submit", animatic())
    store.put_bytes(keys.manifest("bad[red]"), b"{}", "application/json")
    store.put_bytes(keys.manifest("worse"), b"{}", "application/json")
    ended = done("status")
    assert "film        3      0        3  missing  $0.00" in ended.stdout
    assert "bad[red] cannot be used: the video id 'bad[red]' cannot be used" in ended.stdout
    assert "worse cannot be used: s3://" in ended.stdout
    films = {film["video_id"]: film for film in done("status", "--json").document["films"]}
    assert films["film"]["missing"] == 3
    assert films["worse"]["error"].endswith("duration is missing (and 2 more)")


def test_status_of_a_film_that_is_not_there(store: ObjectStore):
    """It is named; a name that no film can have is refused before S3 is asked."""
    assert "there is no animatic 'nobody'" in sentence("status", "nobody")
    assert "the video id 'a/b' cannot be used" in sentence("status", "a/b")
