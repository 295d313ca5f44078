"""The asset checks: what a person sees beside each partition of the clips and the films.

They are judged in ops of their own, never on the chain's way: `check_chunks` is asked for when
chunks are stored, by a person or a sensor. An evaluation names its partition and points to the
materialization it is about; Dagit clears it when a newer one comes. None of them blocks.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress

import dagster as dg

from chunk_assets.checks import results
from chunk_assets.checks.clip import Judge
from chunk_assets.checks.completeness import completeness_result
from chunk_assets.checks.conformance import whole
from chunk_assets.checks.results import Verdict
from chunk_assets.checks.stored_results import store_verdicts
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
from chunk_assets.defs.runs import tags
from chunk_assets.defs.runs.failures import as_failures
from chunk_assets.defs.runs.jobs import RETRIED
from chunk_assets.errors import ChunkAssetsError, NotStored, SpecError
from chunk_assets.files.workdirs import film_workdir
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import plan_film
from chunk_assets.film.status import film_status
from chunk_assets.report.writing import write_page
from chunk_assets.settings import load_settings
from chunk_assets.storage.objects import content_version
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject

CLIPS = dg.AssetKey("chunk_videos")


@dg.multi_asset_check(
    name="judge_clips",
    specs=check_specs(CLIPS, results.OF_A_CHUNK, chunks),
    can_subset=True,
    description="Looks at clips: one by one, in their film's order.",
)
def clip_checks(
    context: dg.AssetCheckExecutionContext, films: FilmStore
) -> Iterator[dg.AssetCheckEvaluation]:
    """Judge the selected chunks, all that were ever made where none is selected."""
    with as_failures(), film_workdir(films.home()) as workdir:
        store = films.store()
        judge = Judge(store, workdir, load_settings().quality)
        selected = _partitions(context, CLIPS)
        refuse_foreign(selected, context.log.warning)
        tags.say(context, by_film(selected))
        for video_id, numbers in by_film(selected).items():
            is_judged = False
            for number in numbers:
                partition = chunk_key(video_id, number)
                # The grid is a product: in a range, a film's chunks may be followed by none.
                if len(selected) > 1 and not judge.is_known(video_id, number):
                    context.log.info(f"{partition}: there is nothing to judge")
                    continue
                judged = judge.chunk(video_id, number)
                is_judged = True
                store_verdicts(store, video_id, number, judged.clip, judged.verdicts)
                yield from _evaluations(context, CLIPS, partition, judged.clip, judged.verdicts)
            if is_judged and FilmObjects(store, video_id).film().head() is not None:
                _write_page(context, films, store, video_id)


@dg.multi_asset_check(
    name="judge_films",
    specs=check_specs(FILMS, results.OF_A_FILM, videos),
    can_subset=True,
    description="Measures stitched films.",
)
def film_checks(
    context: dg.AssetCheckExecutionContext, films: FilmStore
) -> Iterator[dg.AssetCheckEvaluation]:
    """Judge the selected films, all that were ever made where none is selected."""
    with as_failures(), film_workdir(films.home()) as workdir:
        store = films.store()
        selected = _partitions(context, FILMS)
        refuse_foreign(selected, context.log.warning, are_films=True)
        selected = [video_id for video_id in selected if is_usable(VIDEO_ID, video_id)]
        tags.say(context, {video_id: [] for video_id in selected})
        for video_id in selected:
            stored = FilmObjects(store, video_id).film().head()
            judged = [whole(store, video_id, workdir / "film.mp4")]
            with suppress(NotStored, SpecError):  # the first verdict says so
                found = film_status(plan_film(store, video_id), store)
                judged.insert(0, completeness_result(found))
            yield from _evaluations(context, FILMS, video_id, stored, judged)


check_chunks = dg.define_asset_job(
    "check_chunks",
    tags={**RETRIED, "dagster/priority": "-1"},  # a film that is being made goes first
    selection=dg.AssetSelection.checks(clip_checks),
    description="Look at rendered chunks: is the clip whole, does it move, does it follow the one "
    "before, have its colours held? Renders nothing and costs nothing.",
)


def _write_page(
    context: dg.AssetCheckExecutionContext, films: FilmStore, store: ObjectStore, video_id: str
) -> None:
    """Write the film's page again, with the verdicts; without it they stand all the same."""
    try:
        page = write_page(films.home(), store, plan_film(store, video_id))
    except ChunkAssetsError as error:
        context.log.warning(f"the page of film {video_id!r} could not be written: {error}")
    else:
        context.log.info(f"{page.uri} shows what was judged")


def _partitions(context: dg.AssetCheckExecutionContext, asset: dg.AssetKey) -> list[str]:
    tags = context.run.tags
    if "dagster/partition" in tags or "dagster/asset_partition_range_start" in tags:
        return list(context.partition_keys)
    return sorted(context.instance.get_materialized_partitions(asset))


def _evaluations(
    context: dg.AssetCheckExecutionContext,
    asset: dg.AssetKey,
    partition: str,
    stored: StoredObject | None,
    judged: Sequence[Verdict],
) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield verdicts as Dagster's events, those whose checks were selected."""
    target = None
    if stored is not None:
        version = content_version(stored) if asset == CLIPS else None
        target = latest_target(context.instance, asset, partition, version)
    for verdict in judged:
        if dg.AssetCheckKey(asset, verdict.check) in context.selected_asset_check_keys:
            yield evaluation(asset, partition, verdict, target)
