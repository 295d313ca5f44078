"""Helpers for all sensors: the runs they request, and how long a tick keeps polling."""

import time
from typing import Any

import dagster as dg

from chunk_assets.dagster_internals.tag_names import PARTITION
from chunk_assets.defs.assets.lineage import latest
from chunk_assets.defs.partitions.definitions import range_tags
from chunk_assets.defs.runs.tags import film_tags
from chunk_assets.defs.sensors.spending_limits import SensorLimits, reservation_tags
from chunk_assets.errors import SpecError
from chunk_assets.film.plan import FilmPlan
from chunk_assets.generation.registry import DEFAULT_GENERATOR
from chunk_assets.settings import Settings

TICK_SECONDS = 1
"""Seconds between a sensor's ticks: at each loop of Dagster's daemon, which takes 5 s. With 5 here,
every other loop would come a moment too soon."""

_LOOK_SECONDS = 0.5
"""Seconds between two polls in one tick."""


class TickTime:
    """The time for which a tick keeps polling (`Settings.sensor_poll_seconds`), from now on.

    Dagster's daemon starts a tick every 5 s only. A tick that has found something ends, since
    Dagster acts on it after the tick.
    """

    def __init__(self, settings: Settings):
        self._end = time.monotonic() + settings.sensor_poll_seconds

    def has_another_look(self) -> bool:
        """Wait until the next poll; return false at once if there is no time for it."""
        if time.monotonic() + _LOOK_SECONDS >= self._end:
            return False
        time.sleep(_LOOK_SECONDS)
        return True


def check_overwritten(plan: FilmPlan, generators: frozenset[str]) -> None:
    """Check that the free preview does not replace clips of a generator that a person chose.

    Raises:
        SpecError: It would.
    """
    chosen = sorted(generators - {DEFAULT_GENERATOR})
    if chosen and plan.animatic.generator is None:
        raise SpecError(
            f"its clips were made by {chosen[0]!r}, and '{DEFAULT_GENERATOR}' would replace "
            "those that changed; name the 'generator' in the manifest, or render it yourself",
            generators=chosen,
        )


def rendering_request(plan: FilmPlan, stamp: str, limits: SensorLimits) -> dg.RunRequest:
    """Return a run over a film's chunks that keeps those up to date, within the limits.

    Dagster ignores a run key that it has seen. The key contains the stamp, so that a manifest that
    is changed back to an earlier version is rendered, too.

    Raises:
        NotAllowed: The deployment does not allow it.
    """
    run_key = f"{plan.video_id}:{plan.version}:{stamp}"
    config: dict[str, Any] = {
        "generator": plan.animatic.generator or DEFAULT_GENERATOR,
        "reuse": "matching",
    }
    paid_tags = {}
    max_cost_usd = limits.reserved(plan, run_key)
    if max_cost_usd is not None:
        config["max_cost_usd"] = max_cost_usd
        paid_tags = reservation_tags(run_key, max_cost_usd)
    return dg.RunRequest(
        run_key=run_key,
        job_name="render_chunks",
        run_config={"ops": {"film_chunks": {"config": config}}},
        tags={
            **range_tags(plan.video_id, range(len(plan.specs))),
            **film_tags(plan.video_id, range(len(plan.specs))),
            **paid_tags,
        },
    )


def stitching_request(
    instance: dg.DagsterInstance, video_id: str, fingerprint: str
) -> dg.RunRequest:
    """Return a run that stitches a film, one for each set of clips.

    Dagster ignores a run key that it has seen. The key contains the last stitching, so that earlier
    clips that return after others were stitched are stitched again; a failed run is not repeated.
    """
    last = latest(instance, "stitched_videos", video_id)
    return dg.RunRequest(
        run_key=f"{video_id}:{fingerprint}:{last.storage_id if last else 0}",
        job_name="stitch_film",
        tags={PARTITION: video_id, **film_tags(video_id)},
    )
