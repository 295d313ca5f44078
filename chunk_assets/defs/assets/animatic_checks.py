"""The check of animatics: whether a film can be planned and rendered from what is on S3."""

from collections.abc import Iterator

import dagster as dg

from chunk_assets.checks import results
from chunk_assets.checks.results import CheckResult
from chunk_assets.defs.assets.check_events import check_specs, evaluation, latest_target
from chunk_assets.defs.partitions.definitions import VIDEO_ID, is_usable, refuse_foreign, videos
from chunk_assets.defs.partitions.observations import ANIMATICS
from chunk_assets.defs.resources import FilmStore
from chunk_assets.defs.runs import tags
from chunk_assets.defs.runs.failures import as_failures
from chunk_assets.errors import NotStored, SpecError
from chunk_assets.film.plan import FilmPlan, plan_film
from chunk_assets.generation.registry import (
    DEFAULT_GENERATOR,
    Generators,
    check_generator,
    named_fallback,
)
from chunk_assets.storage.store import ObjectStore


def usable_plan(store: ObjectStore, video_id: str, generators: Generators) -> FilmPlan:
    """Plan a film, and check that its generator and fallback are among these.

    Raises:
        SpecError: The name, the manifest or the generator cannot be used.
        NotStored: The manifest, or a picture it names, is not stored.
        StorageError: S3 cannot be read.
    """
    plan = plan_film(store, video_id)
    name = plan.animatic.generator or DEFAULT_GENERATOR
    check_generator(name, generators)
    named_fallback(plan.animatic.fallback_model, name, generators)
    return plan


@dg.multi_asset_check(
    name="judge_animatics",
    specs=check_specs(ANIMATICS, results.ANIMATIC_CHECKS, videos),
    can_subset=True,
    description="Plans films from their animatics. The sensor `new_animatics` also does this for "
    "new, changed and deleted manifests.",
)
def animatic_checks(
    context: dg.AssetCheckExecutionContext,
    films: FilmStore,
    generators: dg.ResourceParam[Generators],
) -> Iterator[dg.AssetCheckEvaluation]:
    """Check the selected animatics, or all registered ones if none is selected."""
    with as_failures():
        store = films.store()
        selected = (
            list(context.partition_keys)
            if context.has_partition_key or context.has_partition_key_range
            else list(context.instance.get_dynamic_partitions(VIDEO_ID))
        )
        refuse_foreign(selected, context.log.warning, are_films=True)
        selected = [video_id for video_id in selected if is_usable(VIDEO_ID, video_id)]
        tags.tag_run(context, {video_id: [] for video_id in selected})
        for video_id in selected:
            target = latest_target(context.instance, ANIMATICS, video_id)
            yield evaluation(ANIMATICS, video_id, _result(store, video_id, generators), target)


def _result(store: ObjectStore, video_id: str, generators: Generators) -> CheckResult:
    try:
        plan = usable_plan(store, video_id, generators)
    except (SpecError, NotStored) as error:
        return CheckResult(results.USABLE, False, str(error))
    return CheckResult(results.USABLE, True, f"{len(plan.specs)} chunks are planned from it")
