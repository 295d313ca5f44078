"""Handle new or changed manifests: plan each film, and request the run that it needs."""

import time
from dataclasses import dataclass, field

import dagster as dg

from chunk_assets.defs.assets.animatic_checks import usable_plan
from chunk_assets.defs.assets.check_events import report_completeness
from chunk_assets.defs.partitions import observations
from chunk_assets.defs.partitions.observations import Observation
from chunk_assets.defs.runs import active_runs
from chunk_assets.defs.sensors.manifest_cursor import ListedManifest, ManifestCursor
from chunk_assets.defs.sensors.run_requests import (
    check_overwritten,
    rendering_request,
    stitching_request,
)
from chunk_assets.defs.sensors.spending_limits import SensorLimits
from chunk_assets.errors import (
    ChunkAssetsError,
    NotAllowed,
    NotStored,
    OutOfTime,
    SpecError,
    StorageError,
)
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import FilmPlan
from chunk_assets.film.status import film_status
from chunk_assets.generation.registry import Generators
from chunk_assets.schemas import MAX_MANIFEST_BYTES, check_video_id
from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore

MAX_FILMS = 25
"""Films planned in one tick. Planning one asks S3 for twenty objects, or eighty if the film was
rendered before: at 20 ms each that is half a minute, and Dagster ends a tick after one minute."""

MAX_SECONDS = 20.0
"""No further film is started after this many seconds of a tick: S3 may be slow."""

FILM_SECONDS = 5.0
"""A film that takes longer to plan waits for the end of later ticks, where it may use the rest of
`MAX_SECONDS`: one film of an hour must not hold up the others."""

MAX_TRIES = 3
"""Ticks in which planning a film may run out of time, or fail by a bug in this program, before the
film is refused. A shutdown can look like such a bug (a thread pool that accepts no more work), and
is not the film's fault."""


@dataclass
class FilmHandler:
    """Handles the manifests of one tick.

    Attributes:
        cursor: The sensor's cursor; remembers what must be tried again.
        requests: The runs to request.
        notes: Notes on the tick for people, one sentence each.
        handled: How many manifests were handled.
        planned: How many of them were planned.
    """

    context: dg.SensorEvaluationContext
    store: ObjectStore
    settings: Settings
    generators: Generators
    cursor: ManifestCursor
    requests: list[dg.RunRequest] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    handled: int = 0
    planned: int = 0

    def __post_init__(self) -> None:
        self._deadline = time.monotonic() + MAX_SECONDS
        self._limits = SensorLimits(self.settings, self.store, self.instance, self.generators)
        self.limits_token = self._limits.token()

    @property
    def instance(self) -> dg.DagsterInstance:
        """The instance whose films these are."""
        return self.context.instance

    def is_over(self) -> bool:
        """Return whether to leave the rest to the next tick; a tick handles at least one film."""
        is_late = self.handled > 0 and time.monotonic() >= self._deadline
        return self.planned >= MAX_FILMS or is_late

    def handle(self, manifest: ListedManifest, before: Observation) -> bool:
        """Plan a film and request the run that it needs.

        No error of one film stops the others.

        Args:
            manifest: The film's manifest.
            before: What was recorded of it.

        Returns:
            Whether the manifest is settled; otherwise the next tick handles it again.
        """
        name = manifest.name
        self.handled += 1
        try:
            check_video_id(name)
            if active_runs.is_in_terminal(self.settings, name):
                return self._later(f"film {name!r} is being rendered in a terminal")
            if active_runs.has_run(self.instance, name):
                return self._later(f"film {name!r} waits for its active run to end")
            self.planned += 1
            self.cursor.waiting.pop(name, None)
            is_settled = self._plan(manifest, before, self.store.until(self._deadline_of(name)))
            self.cursor.tries.pop(name, None)
            return is_settled
        except NotStored as error:
            picture = str(error.data.get("uri", ""))
            if picture:
                self.cursor.wait(name, picture.removeprefix(self.store.uri("")))
                self._refuse(manifest, before, error)
            return bool(picture)  # otherwise the manifest itself was deleted meanwhile
        except StorageError as error:
            return self._later(str(error))
        except OutOfTime as error:
            return self._failed(manifest, before, error)
        except ChunkAssetsError as error:
            self._refuse(manifest, before, error)
        except Exception as error:  # a bug in this program, which must not be hidden
            self.context.log.exception(f"film {name!r} cannot be planned")
            return self._failed(manifest, before, error)
        return True

    def _deadline_of(self, name: str) -> float:
        soon = time.monotonic() + FILM_SECONDS
        return max(soon, self._deadline) if name in self.cursor.tries else soon

    def _plan(self, manifest: ListedManifest, before: Observation, store: ObjectStore) -> bool:
        name = manifest.name
        if manifest.listed.size > MAX_MANIFEST_BYTES:
            raise SpecError(
                f"{FilmObjects(self.store, name).manifest().uri} has {manifest.listed.size} bytes: "
                f"at most {MAX_MANIFEST_BYTES} are allowed"
            )
        plan = usable_plan(store, name, self.generators)
        observations.announce(self.instance, self.store, plan)
        if before.is_settled(plan.version):
            return self._settle(manifest, plan, "The same content was written again.")
        written = manifest.listed.last_modified
        if active_runs.was_in_terminal_since(self.instance, name, written):
            return self._settle(manifest, plan, "It was rendered in a terminal.")
        status = film_status(plan, store)
        report_completeness(self.instance, name, status)
        if status.is_complete:
            return self._settle(manifest, plan, "Its film is stored already.")
        if status.fingerprint is not None:
            request = stitching_request(self.instance, name, status.fingerprint)
        else:
            check_overwritten(plan, status.generators)
            request = rendering_request(plan, manifest.stamp, self._limits)
        self.requests.append(request)
        self.cursor.asked[name] = (manifest.stamp, plan.version)
        self.context.log.info(f"film {name!r}: {request.job_name} is requested")
        return True

    def _settle(self, manifest: ListedManifest, plan: FilmPlan, why: str) -> bool:
        name = manifest.name
        observations.record_settled(
            self.instance, self.store, name, plan.version, manifest.stamp, why
        )
        self.context.log.info(f"film {name!r}: {why}")
        return True

    def _failed(self, manifest: ListedManifest, before: Observation, error: Exception) -> bool:
        name = manifest.name
        tries = self.cursor.tries.get(name, 0) + 1
        why = f"it takes too long ({error})" if isinstance(error, OutOfTime) else repr(error)
        if tries < MAX_TRIES:
            self.cursor.note_try(name, tries)
            return self._later(f"film {name!r} was not planned: {why}; it will be retried")
        refusal = SpecError(
            f"planning failed in {tries} ticks: {why}; render it with `chunk-assets render`, or "
            "write the manifest again to retry"
        )
        self._refuse(manifest, before, refusal)
        return True

    def _refuse(self, manifest: ListedManifest, before: Observation, error: Exception) -> None:
        self.cursor.tries.pop(manifest.name, None)
        why = f"Film {manifest.name!r} is not rendered: {error}"
        self.context.log.warning(why)
        self.notes.append(why)
        limits = self.limits_token if isinstance(error, NotAllowed) else ""
        observations.record_refused(
            self.instance, self.store, manifest.name, before, manifest.stamp, why, limits
        )

    def _later(self, why: str) -> bool:
        self.notes.append(why)
        return False
