"""Films finish by themselves: once every chunk is stored and up to date, the film is stitched."""

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
"""Recorded clips read in one tick; each carries its preview."""

MAX_FILMS = 20
"""Films looked at in one tick; each asks S3 for up to eighty objects."""

MAX_SECONDS = 20.0
"""No other film is begun in a tick after that; Dagster ends a tick after sixty."""

MAX_PENDING = 200
"""Films that are complete but being stitched, or cannot be read, at one time."""


@dataclass
class StitchingCursor:
    """Where the sensor stands.

    Attributes:
        after: The storage id of the last recorded clip that was dealt with.
        pending: Films to look at again, since something was going on with them.
    """

    after: int = 0
    pending: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, text: str | None) -> "StitchingCursor":
        """Read it back; what nobody wrote is as none at all."""
        try:
            document = json.loads(text or "")
            return cls(int(document["after"]), [str(name) for name in document["pending"]])
        except (ValueError, KeyError, TypeError):
            return cls()

    def written(self) -> str:
        """The cursor as Dagster keeps it."""
        return json.dumps({"after": self.after, "pending": self.pending[-MAX_PENDING:]})


@dg.sensor(
    name="finished_films",
    job=stitch_film,
    minimum_interval_seconds=TICK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Stitches a film as soon as every planned chunk is stored and up to date, and again "
        "after one of them was rendered anew."
    ),
)
def finished_films(context: dg.SensorEvaluationContext, films: FilmStore) -> dg.SensorResult:
    """Look at the clips that were recorded since the last, until one completes its film."""
    cursor = StitchingCursor.read(context.cursor)
    try:
        settings = load_settings()
        time_left = TickTime(settings)
        look = _look(context, films, settings, cursor)
        while not look.requests and time_left.has_another_look():
            time_left.pause()
            if _recorded(context.instance, cursor, limit=1):
                look = _look(context, films, settings, cursor)
    except ChunkAssetsError as error:
        skip = dg.SkipReason(f"Nothing was looked at: {error}")
        return dg.SensorResult(skip_reason=skip, cursor=cursor.written())
    skip = None if look.requests else dg.SkipReason("; ".join(look.said) or "No film is complete.")
    return dg.SensorResult(look.requests, skip_reason=skip, cursor=cursor.written())


def _recorded(
    instance: dg.DagsterInstance, cursor: StitchingCursor, limit: int
) -> Sequence[dg.EventLogRecord]:
    """The clips that were recorded after those the cursor has dealt with."""
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
    """Deal with what is recorded, as far as one look goes; the cursor says how far that was."""
    look = Look(context, films, settings, time.monotonic() + MAX_SECONDS)
    recorded = _recorded(context.instance, cursor, limit=MAX_EVENTS)
    if not recorded and not cursor.pending:
        look.said.append("No clip was recorded since the last look.")
        return look
    films.store()  # where S3 cannot be reached, nothing is looked at
    # At most half of it is for what waits, in turns: it must not keep back what is new.
    again, later = cursor.pending[: MAX_FILMS // 2], cursor.pending[MAX_FILMS // 2 :]
    for video_id in again:
        look.at(video_id)
    for record in recorded:
        read = read_chunk_key(record.partition_key or "")
        if read is not None and not look.at(read[0]):
            break
        cursor.after = record.storage_id
    cursor.pending = list(dict.fromkeys([*later, *look.pending]))
    return look


@dataclass
class Look:
    """What one look works with, and what it has found."""

    context: dg.SensorEvaluationContext
    films: FilmStore
    settings: Settings
    deadline: float
    requests: list[dg.RunRequest] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def at(self, video_id: str) -> bool:
        """Look at a film unless this look did already; False if that is left to the next one."""
        if video_id in self.seen:
            return True
        is_late = bool(self.seen) and time.monotonic() >= self.deadline
        if len(self.seen) >= MAX_FILMS or is_late:
            return False
        self.seen.add(video_id)
        try:
            self._judge(video_id)
        except (NotStored, StorageError) as error:
            if not isinstance(error, NotStored):  # S3's fault, maybe; a manifest's is not ours
                self.pending.append(video_id)
            self.said.append(str(error))
        except ChunkAssetsError as error:
            self.said.append(str(error))
        return True

    def _judge(self, video_id: str) -> None:
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
            # `render` stitches by itself, unless it is stopped before.
            self.pending.append(video_id)
            self.said.append(f"film {video_id!r} is being rendered in a terminal")
        elif active_runs.is_being_stitched(instance, video_id):
            # Of other clips, perhaps: two stitchings at once would end in any order.
            self.pending.append(video_id)
            self.said.append(f"film {video_id!r} is being stitched")
        else:
            register(instance, video_id, len(plan.specs))
            self.requests.append(stitching_request(instance, video_id, status.fingerprint))
            self.context.log.info(f"film {video_id!r} is complete: stitch_film is requested")
