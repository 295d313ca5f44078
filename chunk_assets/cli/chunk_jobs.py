"""Runs over one chunk that choose a take or accept one; they cost nothing."""

import getpass
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg

from chunk_assets.cli.job_execution import execute_job
from chunk_assets.dagster_internals.instance import end_orphans, film_lock, open_instance
from chunk_assets.definitions import build_definitions
from chunk_assets.defs.assets.check_events import report_completeness
from chunk_assets.defs.partitions.definitions import range_tags
from chunk_assets.defs.runs.film_progress import chunk_holder
from chunk_assets.defs.runs.tags import film_tags
from chunk_assets.errors import SpecError
from chunk_assets.film.plan import FilmPlan
from chunk_assets.film.status import FilmStatus, film_status
from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore


@contextmanager
def free_chunk(settings: Settings, video_id: str, chunk_num: int) -> Iterator[dg.DagsterInstance]:
    """Lock a film against other commands on this machine, and open the Dagster instance.

    Raises:
        SpecError: Another command has the film, or a run renders the chunk.
    """
    with film_lock(settings, video_id), open_instance(settings) as instance:
        end_orphans(instance, video_id)
        if holder := chunk_holder(instance, settings, video_id, chunk_num):
            raise SpecError(
                f"chunk {chunk_num} of film {video_id!r} is being rendered by {holder}: wait for "
                "it to end, or terminate it in Dagit first",
                video_id=video_id,
                chunk_num=chunk_num,
            )
        yield instance


def run_on_chunk(
    instance: dg.DagsterInstance, job: str, plan: FilmPlan, chunk_num: int, **config: Any
) -> None:
    """Execute a job over one chunk, keeping what is up to date.

    Raises:
        ChunkAssetsError: It failed.
        KeyboardInterrupt: A person stopped it.
    """
    tags = {
        **range_tags(plan.video_id, [chunk_num]),
        **film_tags(plan.video_id, [chunk_num]),
    }
    said = {**config, "reuse": "matching", "by": person()}
    execute_job(build_definitions(), job, instance, tags, config=said)


def report_film(instance: dg.DagsterInstance, store: ObjectStore, plan: FilmPlan) -> FilmStatus:
    """Record whether the film is complete, and return its status.

    Raises:
        StorageError: S3 does not answer.
    """
    status = film_status(plan, store)
    report_completeness(instance, plan.video_id, status)
    return status


def person() -> str:
    """Return who runs this command, such as "anna@workstation"."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # the user has no name on this machine
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
