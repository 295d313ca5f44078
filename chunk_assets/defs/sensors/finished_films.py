"""The sensor that starts stitching once all chunks of a film are stored and up to date."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import dagster as dg

from chunk_assets.defs.assets.check_events import report_completeness
from chunk_assets.defs.partitions.definitions import read_chunk_key
from chunk_assets.defs.partitions.registry import register
from chunk_assets.defs.resources import FilmStore
from chunk_assets.defs.runs import active_runs
from chunk_assets.defs.runs.jobs import stitch_film
from chunk_assets.defs.sensors.run_requests import TICK_SECONDS, TickTime, stitching_request
from chunk_assets.errors import ChunkAssetsError, NotStored, StorageError
from chunk_assets.film.plan import plan_film
from chunk_assets.film.status import FilmStatus, film_status, planned_clips
from chunk_assets.settings import Settings, load_settings

MAX_EVENTS = 300
"""Recorded clips read in one tick; each includes its preview."""

MAX_FILMS = 20
"""Films checked in one tick; each asks S3 for up to eighty objects."""

MAX_SECONDS = 20.0
"""No further film is started after this many seconds of a tick; Dagster ends it after sixty."""

MAX_PENDING = 200
"""Limit on remembered films: complete but being stitched, or unreadable."""


@dataclass
class StitchingCursor:
    """The sensor's cursor.

    Attributes:
        after: The storage id of the last recorded clip that was handled.
        pending: Films to check again: they were being rendered or stitched, or S3 failed.
    """

    after: int = 0
    pending: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, text: str | None) -> "StitchingCursor":
        """Read a cursor; an unreadable one counts as empty."""
        try:
            document = json.loads(text or "")
            return cls(int(document["after"]), [str(name) for name in document["pending"]])
        except (ValueError, KeyError, TypeError):
            return cls()

    def written(self) -> str:
        """Return the cursor as Dagster stores it."""
        return json.dumps({"after": self.after, "pending": self.pending[-MAX_PENDING:]})


@dg.sensor(
    name="finished_films",
    job=stitch_film,
    minimum_interval_seconds=TICK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Stitches a film as soon as every planned chunk is stored and up to date, and again "
        "after one of them was rendered again."
    ),
)
def finished_films(context: dg.SensorEvaluationContext, films: FilmStore) -> dg.SensorResult:
    """Check the films of newly recorded clips, until one is complete or time is up."""
    cursor = StitchingCursor.read(context.cursor)
    try:
        settings = load_settings()
        time_left = TickTime(settings)
        look = _look(context, films, settings, cursor)
        while not look.requests and time_left.has_another_look():
            if _recorded(context.instance, cursor, limit=1):
                look = _look(context, films, settings, cursor)
    except ChunkAssetsError as error:
        skip = dg.SkipReason(f"Nothing was checked: {error}")
        return dg.SensorResult(skip_reason=skip, cursor=cursor.written())
    skip = None if look.requests else dg.SkipReason("; ".join(look.notes) or "No film is complete.")
    return dg.SensorResult(look.requests, skip_reason=skip, cursor=cursor.written())


def _recorded(
    instance: dg.DagsterInstance, cursor: StitchingCursor, limit: int
) -> Sequence[dg.EventLogRecord]:
    """Return the clips that were recorded after those the cursor has handled."""
    return instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey("chunk_videos"), after_storage_id=cursor.after),
        limit=limit,
        ascending=True,
    ).records


def _look(
    context: dg.SensorEvaluationContext,
    films: FilmStore,
    settings: Settings,
    cursor: StitchingCursor,
) -> "Look":
    """Handle as many recorded clips as one poll allows; the cursor records how many that is."""
    look = Look(context, films, settings, time.monotonic() + MAX_SECONDS)
    recorded = _recorded(context.instance, cursor, limit=MAX_EVENTS)
    if not recorded and not cursor.pending:
        look.notes.append("No clip was recorded since the last poll.")
        return look
    films.store()  # raises if S3 cannot be reached
    # Pending films take turns in at most half of a poll, so that new ones are not held up.
    again, later = cursor.pending[: MAX_FILMS // 2], cursor.pending[MAX_FILMS // 2 :]
    for video_id in again:
        look.check(video_id)
    for record in recorded:
        read = read_chunk_key(record.partition_key or "")
        if read is not None and not look.check(read[0]):
            break
        cursor.after = record.storage_id
    cursor.pending = list(dict.fromkeys([*later, *look.pending]))
    return look


@dataclass
class Look:
    """One poll of films: its inputs and its results."""

    context: dg.SensorEvaluationContext
    films: FilmStore
    settings: Settings
    deadline: float
    requests: list[dg.RunRequest] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def check(self, video_id: str) -> bool:
        """Check a film, once per poll; return false if it is left to the next poll."""
        if video_id in self.seen:
            return True
        is_late = bool(self.seen) and time.monotonic() >= self.deadline
        if len(self.seen) >= MAX_FILMS or is_late:
            return False
        self.seen.add(video_id)
        try:
            self._check(video_id)
        except (NotStored, StorageError) as error:
            if not isinstance(error, NotStored):  # S3 may recover; a missing object is final
                self.pending.append(video_id)
            self.notes.append(str(error))
        except ChunkAssetsError as error:
            self.notes.append(str(error))
        return True

    def _check(self, video_id: str) -> None:
        store = self.films.store()
        plan = plan_film(store, video_id)
        instance = self.context.instance
        stored = planned_clips(plan, store)
        if len(stored) < len(plan.specs):
            status = FilmStatus.from_listing(len(plan.specs), stored)
            report_completeness(instance, video_id, status)
            return
        status = film_status(plan, store)
        report_completeness(instance, video_id, status)
        if status.fingerprint is None or status.is_complete:
            return
        if active_runs.is_in_terminal(self.settings, video_id):
            # `render` stitches the film itself, unless it is stopped before.
            self.pending.append(video_id)
            self.notes.append(f"film {video_id!r} is being rendered in a terminal")
        elif active_runs.is_being_stitched(instance, video_id):
            # Perhaps from other clips: two stitching runs at once would finish in any order.
            self.pending.append(video_id)
            self.notes.append(f"film {video_id!r} is being stitched")
        else:
            register(instance, video_id, len(plan.specs))
            self.requests.append(stitching_request(instance, video_id, status.fingerprint))
            self.context.log.info(f"film {video_id!r} is complete: stitch_film is requested")
