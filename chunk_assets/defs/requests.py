"""The runs that the sensors request."""

import dagster as dg

from chunk_assets.chain.film_plan import FilmPlan
from chunk_assets.defs.going_on import PARTITION
from chunk_assets.defs.lineage import latest
from chunk_assets.defs.partitions import range_tags
from chunk_assets.defs.run_tags import film_tags
from chunk_assets.errors import SpecError
from chunk_assets.generation.registry import DEFAULT_GENERATOR


def check_overwritten(plan: FilmPlan, generators: frozenset[str]) -> None:
    """See that no paid clip would make way for a preview that nobody asked for.

    Raises:
        SpecError: It would.
    """
    paid = sorted(generators - {DEFAULT_GENERATOR})
    if paid and plan.animatic.generator is None:
        raise SpecError(
            f"its clips were made by {paid[0]!r}, and a '{DEFAULT_GENERATOR}' would replace those "
            "that changed; name the 'generator' in the manifest, or render it yourself",
            generators=paid,
        )


def rendering_request(plan: FilmPlan, stamp: str) -> dg.RunRequest:
    """A run over the film's chunks, which keeps what is up to date.

    Dagster ignores a key it has had; the stamp has a manifest that comes back to what it was
    before rendered like any other change.
    """
    config = {
        "generator": plan.animatic.generator or DEFAULT_GENERATOR,
        "reuse": "matching",
    }
    return dg.RunRequest(
        run_key=f"{plan.video_id}:{plan.version}:{stamp}",
        job_name="render_chunks",
        run_config={"ops": {"film_chunks": {"config": config}}},
        tags={
            **range_tags(plan.video_id, range(len(plan.specs))),
            **film_tags(plan.video_id, range(len(plan.specs))),
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
