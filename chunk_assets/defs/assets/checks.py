"""The asset checks, which Dagit shows beside each partition of the clips and the films.

They run in ops of their own and never delay rendering: the job `check_chunks` is started by a
person, or by a sensor after chunks are stored. An evaluation names its partition and the
materialization that was checked; Dagit clears it when there is a newer one. No check blocks.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress

import dagster as dg

from chunk_assets.checks import results
from chunk_assets.checks.clip import ClipChecker
from chunk_assets.checks.conformance import check_film
from chunk_assets.checks.results import CheckResult, completeness_result, store_results
from chunk_assets.dagster_internals.tag_names import PRIORITY
from chunk_assets.defs.assets.check_events import FILMS, check_specs, evaluation, latest_target
from chunk_assets.defs.partitions.definitions import (
    VIDEO_ID,
    by_film,
    chunk_key,
    chunks,
    is_usable,
    refuse_foreign,
    videos,
)
from chunk_assets.defs.resources import FilmStore
from chunk_assets.defs.runs import coverage, tags
from chunk_assets.defs.runs.coverage import CLIPS
from chunk_assets.defs.runs.failures import as_failures
from chunk_assets.defs.runs.jobs import RETRIED
from chunk_assets.errors import ChunkAssetsError, NotStored, SpecError
from chunk_assets.files.workdirs import film_workdir
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import plan_film
from chunk_assets.film.status import film_status
from chunk_assets.report.page import write_page
from chunk_assets.settings import load_settings
from chunk_assets.storage.objects import content_version
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject


@dg.multi_asset_check(
    name="judge_clips",
    specs=check_specs(CLIPS, results.CLIP_CHECKS, chunks),
    can_subset=True,
    description="Checks clips one by one, in the order of the film.",
)
def clip_checks(
    context: dg.AssetCheckExecutionContext, films: FilmStore
) -> Iterator[dg.AssetCheckEvaluation]:
    """Check the selected chunks, or all recorded chunks if none is selected."""
    with as_failures(), film_workdir(films.home()) as workdir:
        store = films.store()
        checker = ClipChecker(store, workdir, load_settings().quality)
        selected = _partitions(context, CLIPS)
        refuse_foreign(selected, context.log.warning)
        tags.tag_run(context, by_film(selected))
        for video_id, numbers in by_film(selected).items():
            is_checked = False
            for number in numbers:
                partition = chunk_key(video_id, number)
                # In a range, the chunk numbers of longer films are partitions of shorter ones, too.
                if len(selected) > 1 and not checker.is_stored(video_id, number):
                    context.log.info(f"{partition}: nothing is stored to check")
                    continue
                checked = checker.check(video_id, number)
                is_checked = True
                store_results(store, video_id, number, checked.clip, checked.results)
                yield from _evaluations(context, CLIPS, partition, checked.clip, checked.results)
            if is_checked and FilmObjects(store, video_id).film().head() is not None:
                _write_page(context, films, store, video_id)


@dg.multi_asset_check(
    name="judge_films",
    specs=check_specs(FILMS, results.FILM_CHECKS, videos),
    can_subset=True,
    description="Measures stitched films, and checks that they are complete.",
)
def film_checks(
    context: dg.AssetCheckExecutionContext, films: FilmStore
) -> Iterator[dg.AssetCheckEvaluation]:
    """Check the selected films, or all recorded films if none is selected."""
    with as_failures(), film_workdir(films.home()) as workdir:
        store = films.store()
        selected = _partitions(context, FILMS)
        refuse_foreign(selected, context.log.warning, are_films=True)
        selected = [video_id for video_id in selected if is_usable(VIDEO_ID, video_id)]
        tags.tag_run(context, {video_id: [] for video_id in selected})
        for video_id in selected:
            stored = FilmObjects(store, video_id).film().head()
            found = [check_film(store, video_id, workdir / "film.mp4")]
            with suppress(NotStored, SpecError):  # check_film reports this
                status = film_status(plan_film(store, video_id), store)
                found.insert(0, completeness_result(status))
            yield from _evaluations(context, FILMS, video_id, stored, found)


check_chunks = dg.define_asset_job(
    "check_chunks",
    tags={**RETRIED, PRIORITY: "-1"},  # rendering goes first
    selection=dg.AssetSelection.checks(clip_checks),
    description="Check rendered chunks: is the clip whole, does it move, does it continue the "
    "previous one, do its colours hold? Renders nothing and costs nothing.",
)


def _write_page(
    context: dg.AssetCheckExecutionContext, films: FilmStore, store: ObjectStore, video_id: str
) -> None:
    """Write the film page again, with the results; they are kept even if that fails."""
    try:
        page = write_page(films.home(), store, plan_film(store, video_id))
    except ChunkAssetsError as error:
        context.log.warning(f"the page of film {video_id!r} could not be written: {error}")
    else:
        context.log.info(f"{page.uri} has the check results")


def _partitions(context: dg.AssetCheckExecutionContext, asset: dg.AssetKey) -> list[str]:
    if coverage.range_ends(context.run) is not None:
        return list(context.partition_keys)
    return sorted(context.instance.get_materialized_partitions(asset))


def _evaluations(
    context: dg.AssetCheckExecutionContext,
    asset: dg.AssetKey,
    partition: str,
    stored: StoredObject | None,
    found: Sequence[CheckResult],
) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield the results of the selected checks as Dagster events."""
    target = None
    if stored is not None:
        version = content_version(stored) if asset == CLIPS else None
        target = latest_target(context.instance, asset, partition, version)
    for result in found:
        if dg.AssetCheckKey(asset, result.check) in context.selected_asset_check_keys:
            yield evaluation(asset, partition, result, target)
