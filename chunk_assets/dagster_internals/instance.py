"""This machine's Dagster instance, shared by `render`, `dev` and a plain `dagster dev`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

# Breaks when moved: no command can open the instance, whose public constructors take no overrides.
from dagster._core.instance.ref import InstanceRef

from chunk_assets.dagster_internals.damaged_databases import check_databases
from chunk_assets.errors import SpecError, StorageError
from chunk_assets.files.atomic import atomic_write
from chunk_assets.files.locks import FileLock
from chunk_assets.files.private_home import private_home
from chunk_assets.settings import Settings

CONFIG = """\
# Written by chunk_assets, since there was none; you may change it.
telemetry:
  enabled: false
nux:
  # Dagit's first question, to join the Dagster community with an e-mail address.
  enabled: false
storage:
  # Dagster's SQLite, which keeps its connections from one event to the next.
  custom:
    module: chunk_assets.dagster_internals.sqlite_storage
    class: KeptSqliteStorage
    config:
      base_dir:
        env: DAGSTER_HOME
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    dequeue_interval_seconds: 1
sensors:
  # Each sensor on its own thread: a tick waits a few seconds for something to happen.
  use_threads: true
  num_workers: 4
run_launcher:
  module: chunk_assets.dagster_internals.warm_launcher
  class: WarmRunLauncher
run_retries:
  # Only for the jobs that ask for it by a tag, which cost nothing.
  enabled: true
  max_retries: 0
"""

CODE_MODULE, CODE_LOCATION = "chunk_assets.definitions", "chunk_assets"
"""The module with the assets, and Dagster's name for it. They are the same as in the project's
`workspace.yaml`, so that runs, backfills and links stay valid whichever way Dagster is restarted.
"""

FILM_TAG, CHUNKS_TAG = "film", "chunks"
"""Tags for finding the runs of a film in Dagit."""

TERMINAL_TAG = "chunk_assets/launched_from"

KEPT_TAG, KEPT_BY_DEV = ".dagster/chunk_assets_kept_by", "dev"
"""Tag of runs whose processes end with the `dev` that launched them; Dagit hides such tags."""

UNFINISHED = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
"""The status of runs whose process is alive, or was killed."""


def dagster_home(settings: Settings) -> Path:
    """Return the instance's directory; create it with a `dagster.yaml` if it is missing.

    Raises:
        StorageError: The disk refuses it.
    """
    home = settings.dagster_home or settings.home / "dagster"
    private_home(settings.home)
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"Dagster's directory {str(home)!r} cannot be written: {error.strerror}"
        raise StorageError(message, path=str(home)) from error
    config = home / "dagster.yaml"
    if not config.exists():
        with atomic_write(config) as part:  # two commands may start at the same time
            part.write_text(CONFIG)
    return home.resolve()


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Open the instance for runs in this process, whose output stays in the terminal."""
    silent: dict[str, Any] = {
        "compute_logs": {
            # Breaks when moved: no command can open the instance.
            "module": "dagster._core.storage.noop_compute_log_manager",
            "class": "NoOpComputeLogManager",
        }
    }
    home = str(dagster_home(settings))
    ref = InstanceRef.from_dir(home, overrides=silent)
    storage = ref.storage_data
    if storage is not None and storage.class_name == "KeptSqliteStorage":
        # `dagster.yaml` names the home by a variable that may not be set in this process.
        check_databases(Path(home))
        here = storage._replace(config_yaml=json.dumps({"base_dir": home}))
        ref = ref._replace(storage_data=here)
    with dg.DagsterInstance.from_ref(ref) as instance:
        yield instance


@contextmanager
def film_lock(settings: Settings, video_id: str) -> Iterator[None]:
    """Lock a film, so that only one `render` on this machine has it; unlocked with the process.

    Raises:
        SpecError: Another `render` has it.
        StorageError: The disk refuses the lock's file.
    """
    private_home(settings.home)
    try:
        lock = FileLock(settings.home / "locks" / f"{video_id}.lock", wait=False)
    except BlockingIOError:
        raise SpecError(
            f"film {video_id!r} is being rendered by another chunk-assets on this machine: "
            "wait for it, or stop it first",
            video_id=video_id,
        ) from None
    with lock:
        yield


def end_lost_runs(instance: dg.DagsterInstance) -> None:
    """Report the runs of a killed `dev` as failed; the caller holds the lock of `dev`."""
    why = "The chunk-assets dev that executed this run was killed."
    _report_failed(instance, {KEPT_TAG: KEPT_BY_DEV}, why)


def end_orphans(instance: dg.DagsterInstance, video_id: str) -> None:
    """Report the runs of a killed `render` as failed; the caller holds the film's lock."""
    tags = {FILM_TAG: video_id, TERMINAL_TAG: "terminal"}
    _report_failed(instance, tags, "The process that rendered this film was killed.")


def _report_failed(instance: dg.DagsterInstance, tags: dict[str, str], why: str) -> None:
    for run in instance.get_runs(dg.RunsFilter(tags=tags, statuses=list(UNFINISHED))):
        instance.report_run_failed(run, why)
