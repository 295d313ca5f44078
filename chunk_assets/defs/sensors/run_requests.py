"""The runs that the sensors request."""

from typing import Any

import dagster as dg

from chunk_assets.defs.assets.lineage import latest
from chunk_assets.defs.partitions.definitions import range_tags
from chunk_assets.defs.runs.active_films import PARTITION
from chunk_assets.defs.runs.tags import film_tags
from chunk_assets.defs.sensors.spending_limits import SensorLimits, reservation_tags
from chunk_assets.errors import SpecError
from chunk_assets.film.plan import FilmPlan
from chunk_assets.generation.registry import DEFAULT_GENERATOR


def check_overwritten(plan: FilmPlan, generators: frozenset[str]) -> None:
    """Check that no preview replaces clips of a generator that a person has chosen.

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
    """A run over the film's chunks, which keeps what is up to date, within the deployment's limits.

    Dagster ignores a key it has had; the stamp has a manifest that comes back to what it was
    before rendered like any other change.

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
    """A run that stitches the film: one for each set of clips.

    Dagster ignores a key it has had. The last stitching is part of it, so that clips which come
    back after others were stitched are stitched again, but those which failed are not.
    """
    last = latest(instance, "stitched_videos", video_id)
    return dg.RunRequest(
        run_key=f"{video_id}:{fingerprint}:{last.storage_id if last else 0}",
        job_name="stitch_film",
        tags={PARTITION: video_id, **film_tags(video_id)},
    )
