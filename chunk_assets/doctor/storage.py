"""Dagster's storage: its answer, its schema, and the partition grid."""

import sqlite3
import time
from typing import Any

import dagster as dg

from chunk_assets.dagster_internals.damaged_databases import database_sentence
from chunk_assets.dagster_internals.instance import dagster_home, open_instance
from chunk_assets.defs.partitions.definitions import CHUNK_NUM, VIDEO_ID, shown
from chunk_assets.defs.partitions.registry import foreign_keys
from chunk_assets.defs.partitions.retirement import retired_films
from chunk_assets.doctor.findings import Finding, fails, ok, warning
from chunk_assets.errors import ChunkAssetsError
from chunk_assets.settings import Settings

ADVISED_PARTITIONS = 100_000
"""The limit on an asset's partitions that Dagster's documentation recommends."""

_SHOWN = 10
"""Limit on the foreign keys that are listed, for each dimension."""


def dagster_storage(settings: Settings) -> Finding:
    """Check that runs and events can be read."""
    began = time.monotonic()
    try:
        with open_instance(settings) as instance:
            kind = _kind(instance)
            began = time.monotonic()
            runs = instance.get_runs_count()
            seconds = time.monotonic() - began
    except ChunkAssetsError:
        raise
    except Exception as error:
        if isinstance(cause := _root(error), sqlite3.DatabaseError):
            return fails(database_sentence(dagster_home(settings), cause))
        return fails(
            f"the storage in {dagster_home(settings) / 'dagster.yaml'} does not answer: "
            f"{_cause(error)}",
            "check that its server runs, and that name, user and password in the URL are right",
        )
    return ok(f"{kind} with {runs} runs, answers in {seconds * 1000:.0f} ms")


def dagster_migrated(settings: Settings) -> Finding:
    """Check that the database schema is the one that this version of Dagster expects."""
    with open_instance(settings) as instance:
        storages: list[Any] = [instance.run_storage, instance.event_log_storage]
        storages.append(instance.schedule_storage)
        found = {type(each).__name__: each.alembic_version() for each in storages if each}
    behind = [name for name, at in found.items() if at is not None and at[0] != at[1]]
    if behind:
        return fails(
            f"{', '.join(behind)} does not have the schema that Dagster {dg.__version__} expects",
            "run 'dagster instance migrate' once, while nothing is running",
        )
    return ok(f"has the schema of Dagster {dg.__version__}")


def dagster_grid(settings: Settings) -> Finding:
    """Check that the partition grid is within the size that Dagster recommends."""
    with open_instance(settings) as instance:
        films = len(instance.get_dynamic_partitions(VIDEO_ID))
        numbers = len(instance.get_dynamic_partitions(CHUNK_NUM))
        away = len(retired_films(instance))
    measured = (
        f"{films} films × {numbers} chunk numbers = {films * numbers:,} partitions; "
        f"limit {ADVISED_PARTITIONS:,}; {away} films are retired"
    )
    if films * numbers > ADVISED_PARTITIONS:
        return fails(measured, "remove finished films: chunk-assets retire --older-than 30d")
    return ok(measured)


def dagster_keys(settings: Settings) -> Finding:
    """Check that every partition key names a film or a chunk."""
    with open_instance(settings) as instance:
        foreign = foreign_keys(instance)
    counted = sum(map(len, foreign.values()))
    if not counted:
        return ok("every partition key names a film or a chunk")
    named = [
        f"{dimension} {', '.join(map(shown, keys[:_SHOWN]))}"
        + (f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else "")
        for dimension, keys in foreign.items()
        if keys
    ]
    return warning(
        f"{counted} partition keys name no film and no chunk: {'; '.join(named)}",
        "remove them: chunk-assets retire --foreign",
    )


def _kind(instance: dg.DagsterInstance) -> str:
    # Ours is a subclass: the base class has the name that people know.
    names = [each.__name__ for each in type(instance.event_log_storage).__mro__]
    known = next(name for name in names if name.endswith("EventLogStorage"))
    return known.removesuffix("EventLogStorage") or "storage"


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _cause(error: BaseException) -> str:
    """Return the database driver's message, without SQLAlchemy's further lines."""
    error = _root(error)
    return str(error).strip().split("\n\n")[0][:300] or type(error).__name__
