"""A Dagster database that cannot be used: one sentence that names it and the way on."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from chunk_assets.cli import system_errors
from chunk_assets.dagster_internals.damaged_databases import check_databases, database_sentence
from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cli.commands import done, run, sentence
from chunk_assets_tests.cli.conftest import Animatics

pytestmark = pytest.mark.slow

RUNS, INDEX = Path("history", "runs.db"), Path("history", "runs", "index.db")
SCHEDULES = Path("schedules", "schedules.db")


def garbage(path: Path) -> None:
    """Nothing that SQLite knows."""
    path.write_bytes(b"garbage" * 1000)


def cut_off(path: Path) -> None:
    """Its second half is gone."""
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("name", "damage"), [(RUNS, garbage), (INDEX, cut_off), (SCHEDULES, garbage)]
)
def test_a_damaged_database_is_named_and_moving_it_away_is_safe(
    settings: Settings,
    store: ObjectStore,
    animatic: Animatics,
    name: Path,
    damage: Callable[[Path], None],
):
    """By every command that opens it; without it the film is rendered."""
    home = settings.home / "dagster"
    damage(home / name)
    film = animatic()
    for command in (["render", film], ["status"], ["retire", "--older-than", "1d"], ["dev"]):
        said = sentence(*command)
        assert said.startswith(f"Dagster's database {str(home / name)!r} is damaged (")
        safe = "away; this is safe, since films and costs are on S3"
        assert f"move the directory {str(home)!r} {safe}" in said
    found = {one["name"]: one["measured"] for one in run("doctor", "--json").document["checks"]}
    assert f"{str(home / name)!r} is damaged" in found["dagster_storage"]
    home.rename(settings.home / "away")
    done("render", film)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("database is locked", "is locked by another process"),
        ("attempt to write a readonly database", "check that all of its files are writable"),
        ("no such column: runs.later", "was written by another version of Dagster"),
        ("database or disk is full", "is writable and has space"),
    ],
)
def test_a_database_that_is_not_damaged_is_not_called_so(
    settings: Settings, message: str, words: str
):
    """Locked, read-only, of another version, on a full disk."""
    home = (settings.home / "dagster").resolve()
    check_databases(home)
    said = system_errors.sentence(sqlite3.OperationalError(message), settings)
    assert said == database_sentence(home, sqlite3.OperationalError(message))
    assert said is not None
    assert words in said
    assert str(home) in said or "CHUNK_ASSETS_HOME" in said
    assert "is damaged" not in said
