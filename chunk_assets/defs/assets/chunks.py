"""The four assets of a chunk, made by one op that renders each film's chunks in order."""

import socket
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import dagster as dg

from chunk_assets.checks.takes import CheckingJudge
from chunk_assets.defs.assets.lineage import CODE_VERSIONS, Event, chunk_events
from chunk_assets.defs.partitions.definitions import (
    OWNERS,
    by_film,
    chunk_key,
    chunks,
    of_film,
    refuse_foreign,
)
from chunk_assets.defs.partitions.observations import announce
from chunk_assets.defs.resources import FilmStore
from chunk_assets.defs.runs import backfills, handoff, tags
from chunk_assets.defs.runs.chunk_locks import RunChunkLocks
from chunk_assets.defs.runs.concurrency import clip_slot
from chunk_assets.defs.runs.config import ChunkConfig
from chunk_assets.defs.runs.failures import as_failures
from chunk_assets.errors import ChunkAssetsError, HandedOff
from chunk_assets.files.workdirs import film_workdir
from chunk_assets.film.plan import FilmPlan, generation_context, plan_film
from chunk_assets.generation.registry import Generators, choose_generator
from chunk_assets.render.context import RenderContext
from chunk_assets.render.hooks import Listener
from chunk_assets.render.request import RenderRequest
from chunk_assets.render.scenes import walk_scenes
from chunk_assets.settings import load_settings


def _spec(name: str, deps: list[dg.AssetDep], kinds: set[str], text: str, io: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        name,
        deps=deps,
        partitions_def=chunks,
        skippable=True,
        group_name="films",
        owners=OWNERS,
        kinds={"s3", *kinds},
        tags={"step": f"{list(CODE_VERSIONS).index(name) + 1}_of_4"},
        description=text,
        code_version=CODE_VERSIONS[name],
    ).with_io_manager_key(io)


SPECS = [
    _spec(
        "chunk_specs",
        [dg.AssetDep("animatics", partition_mapping=of_film)],
        {"json"},
        "The plan of each chunk: its slot in the film, beat, pictures and prompt.",
        "json_io",
    ),
    _spec(
        "composites",
        [dg.AssetDep("chunk_specs"), dg.AssetDep("previous_last_frames")],
        {"png"},
        "The conditioning image: 70 % animatic and 30 % style guide for chunk 0; 70 % previous "
        "last frame and 30 % animatic for the others. With the continuity 'keyframes' it is the "
        "chunk's own picture, or the previous last frame, unblended.",
        "image_io",
    ),
    _spec(
        "chunk_videos",
        [dg.AssetDep("chunk_specs"), dg.AssetDep("composites")],
        {"mp4"},
        "The clip: the composite, set in motion by the generator. `preview` is a moving picture, "
        "`watch` plays the clip. To render a chunk again and hand its last frame to the next one, "
        "materialize all four chunk assets (the job render_chunks).",
        "video_io",
    ),
    _spec(
        "last_frames",
        [dg.AssetDep("chunk_videos")],
        {"png"},
        "The last frame of the clip, with which the next chunk begins.",
        "image_io",
    ),
]


@dg.multi_asset(
    name="film_chunks",
    specs=SPECS,
    can_subset=True,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def film_chunks(
    context: dg.AssetExecutionContext,
    config: ChunkConfig,
    films: FilmStore,
    generators: dg.ResourceParam[Generators],
    listener: dg.ResourceParam[Listener],
) -> Iterator[Event]:
    """Render the selected chunks of each film in order; record each object once it is on S3."""
    with as_failures():
        request = RenderRequest(
            stages=frozenset(key.path[-1] for key in context.selected_asset_keys),
            reuse=config.reuse,
            root_run=backfills.root_run(context.run),
            weights=config.weights,
            takes=config.takes,
            take=config.take,
            accepts=config.accept,
            by=config.by,
        )
        refuse_foreign(context.partition_keys, context.log.warning)
        asked_of = by_film(context.partition_keys)
        tags.tag_run(context, asked_of)
        failed: list[ChunkAssetsError] = []
        first = min(number for asked in asked_of.values() for number in asked)
        for video_id, asked in backfills.spread(list(asked_of.items()), context.run, first):
            try:
                yield from _film(
                    context, config, films, generators, listener, request, video_id, asked
                )
            except HandedOff:
                handoff.hand_off(context.instance, context.run, socket.gethostname())
                raise
            except ChunkAssetsError as error:
                failed.append(error)
                context.log.error(str(error))
        if len(failed) == 1:
            raise failed[0]
        if failed:
            others = f" (and {len(failed) - 1} more films failed, see the run's errors)"
            raise type(failed[0])(f"{failed[0]}{others}", **failed[0].data) from failed[0]


def _film(
    context: dg.AssetExecutionContext,
    config: ChunkConfig,
    films: FilmStore,
    generators: Generators,
    listener: Listener,
    request: RenderRequest,
    video_id: str,
    asked: list[int],
) -> Iterator[Event]:
    """Render the selected chunks of one film."""
    store, settings = films.store(), load_settings()
    partitions = frozenset(context.partition_keys)
    plan = plan_film(store, video_id, seed=config.seed, continuity=config.chosen_continuity)
    announce(context.instance, store, plan)  # it may have been written a moment ago
    numbers = backfills.with_predecessors(
        _planned(context, plan, asked, is_single=len(context.partition_keys) == 1),
        video_id,
        instance=context.instance,
        run=context.run,
        stages=request.stages,
        store=store,
        specs=plan.specs,
    )

    def log(sentence: str) -> None:
        context.log.info(sentence)
        listener.noticed(sentence)

    generator_context = generation_context(
        video_id,
        plan.animatic,
        store,
        settings,
        model=config.model,
        max_cost_usd=config.max_cost_usd,
        log=log,
    )
    locks = RunChunkLocks(
        films.home(),
        video_id,
        instance=context.instance,
        run_id=context.run.run_id,
        log=log,
    )
    with (
        closing(choose_generator(config.generator, generator_context, generators)) as generator,
        film_workdir(films.home()) as workdir,
    ):
        rendering = RenderContext(
            plan=plan,
            store=store,
            generator=generator,
            clip_slot=partial(clip_slot, generator.pool, context, log),
            workdir=workdir,
            request=request,
            listener=listener,
            locks=locks,
            judge=CheckingJudge(store, workdir, settings.quality, config.weights.temporal),
            shutdown=handoff.current_shutdown(),
        )
        for made in walk_scenes(rendering, numbers, config.max_parallel_scenes):
            yield from chunk_events(
                context, store, plan, made, is_quiet=config.reuse == "matching", asked=partitions
            )


def _planned(
    context: dg.AssetExecutionContext, plan: FilmPlan, asked: list[int], *, is_single: bool
) -> list[int]:
    """Return the selected chunks that the film has: it may have fewer than others in the range."""
    if is_single:
        plan.spec(asked[0])
    beyond = [number for number in asked if number >= len(plan.specs)]
    if beyond:
        context.log.info(
            f"film {plan.video_id!r} has {len(plan.specs)} chunks: "
            f"skipping {', '.join(chunk_key(plan.video_id, number) for number in beyond)}"
        )
    return [number for number in asked if number < len(plan.specs)]
