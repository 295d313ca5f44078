"""The four assets of a chunk, made by one op that walks the chain of each film."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Literal

import dagster as dg
from pydantic import Field

from chunk_assets.chain.film_plan import FilmPlan, commissioned, plan_film
from chunk_assets.chain.fingerprints import COMPOSITING, Weights
from chunk_assets.chain.listener import Listener
from chunk_assets.chain.objects import ChunkObject
from chunk_assets.chain.order import Order
from chunk_assets.chain.scenes import MAX_PARALLEL_SCENES, walk_scenes
from chunk_assets.compositing import ANIMATIC_WEIGHT, STYLE_WEIGHT, TEMPORAL_WEIGHT
from chunk_assets.defs import backfills, lineage, run_tags
from chunk_assets.defs.claims import RunClaims
from chunk_assets.defs.failures import as_failures
from chunk_assets.defs.metadata import chunk_metadata, stored_metadata
from chunk_assets.defs.partitions import OWNERS, by_film, chunk_key, chunks, of_film
from chunk_assets.defs.pools import pooled
from chunk_assets.defs.sightings import announce
from chunk_assets.errors import ChunkAssetsError
from chunk_assets.generation.registry import DEFAULT_GENERATOR, Generators, choose_generator
from chunk_assets.resources import FilmStore
from chunk_assets.schemas import Continuity
from chunk_assets.storage import keys
from chunk_assets.storage.objects import content_version
from chunk_assets.storage.store import ObjectStore
from chunk_assets.workdirs import film_workdir

CODE_VERSIONS = {
    "chunk_specs": "1",
    "composites": COMPOSITING,
    "chunk_videos": "1",
    "last_frames": "1",
}

Event = dg.AssetMaterialization | dg.AssetObservation


class ChunkConfig(dg.Config):
    """What one run renders with."""

    generator: str = Field(
        default=DEFAULT_GENERATOR,
        description="Who renders the clips. 'preview' costs nothing, 'replicate' costs money.",
    )
    model: str | None = Field(
        default=None,
        description="The hosted model; the manifest's without it. It must make clips as long as "
        "the film's chunks, which are planned for the manifest's.",
    )
    continuity: Literal["manifest", "film", "scene"] = Field(
        default="manifest",
        description="How far the chain of last frames reaches: through the 'film', to the end of "
        "each 'scene', whose first chunk is then made from animatic and style guide, or as the "
        "'manifest' says.",
    )
    max_parallel_scenes: int = Field(
        default=MAX_PARALLEL_SCENES,
        description="How many scenes are rendered at a time, with the continuity 'scene'.",
    )
    max_cost_usd: float | None = Field(
        default=None,
        description="What the film may cost in all, US dollars; the manifest's limit without it.",
    )
    reuse: Literal["this_run", "matching"] = Field(
        default="this_run",
        description=(
            "Which stored clips stay: 'this_run' makes a new take of every selected chunk (a "
            "retry keeps what the run before it made); 'matching' keeps every clip that was made "
            "from what it would be made from now."
        ),
    )
    seed: int | None = Field(
        default=None,
        description="A seed for the whole film; without it each chunk and take has its own.",
    )
    animatic_weight: float = Field(
        default=ANIMATIC_WEIGHT,
        description="Chunk 0: the animatic's share of the composite.",
    )
    style_weight: float = Field(
        default=STYLE_WEIGHT,
        description="Chunk 0: the style guide's share of the composite.",
    )
    temporal_weight: float = Field(
        default=TEMPORAL_WEIGHT,
        description="Chunks 1 and later: the share of the last frame of the chunk before.",
    )

    @property
    def chosen_continuity(self) -> Continuity | None:
        """What takes the place of the manifest's."""
        return None if self.continuity == "manifest" else self.continuity

    @property
    def weights(self) -> Weights:
        """The composite's weights."""
        return Weights(self.animatic_weight, self.style_weight, self.temporal_weight)


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
        "What each chunk is to be: its slot of the film, its beat, pictures and prompt.",
        "json_io",
    ),
    _spec(
        "composites",
        [dg.AssetDep("chunk_specs"), dg.AssetDep("previous_last_frames")],
        {"png"},
        "The conditioning image: 70 % animatic and 30 % style guide for chunk 0, 70 % of the "
        "last frame of the chunk before and 30 % animatic for the others.",
        "image_io",
    ),
    _spec(
        "chunk_videos",
        [dg.AssetDep("chunk_specs"), dg.AssetDep("composites")],
        {"mp4"},
        "The clip: the composite, set in motion by the generator. `preview` moves, `link` plays "
        "it. To render a chunk anew and hand its end to the next one, materialize all four chunk "
        "assets (the job render_chunks): this one alone hands nothing on.",
        "video_io",
    ),
    _spec(
        "last_frames",
        [dg.AssetDep("chunk_videos")],
        {"png"},
        "The frame in which the clip ends, handed over to the next chunk.",
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
    """Walk the selected chunks of each film in order; record each object as soon as it is on S3."""
    with as_failures():
        order = Order(
            stages=frozenset(key.path[-1] for key in context.selected_asset_keys),
            reuse=config.reuse,
            root_run=backfills.root_run(context.run),
            weights=config.weights,
        )
        asked_of = by_film(context.partition_keys)
        run_tags.say(context, asked_of)
        failed: list[ChunkAssetsError] = []
        first = min(number for asked in asked_of.values() for number in asked)
        for video_id, asked in backfills.spread(list(asked_of.items()), context.run, first):
            try:
                yield from _film(
                    context, config, films, generators, listener, order, video_id, asked
                )
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
    order: Order,
    video_id: str,
    asked: list[int],
) -> Iterator[Event]:
    """One film's selected chunks; what goes wrong with it leaves the run's other films alone."""
    store = films.store()
    partitions = frozenset(context.partition_keys)
    plan = plan_film(store, video_id, seed=config.seed, continuity=config.chosen_continuity)
    announce(context.instance, store, plan)  # it may have been put on S3 a moment ago
    numbers = backfills.with_predecessors(
        _planned(context, plan, asked, is_single=len(context.partition_keys) == 1),
        video_id,
        instance=context.instance,
        run=context.run,
        stages=order.stages,
        store=store,
        specs=plan.specs,
    )
    commission = commissioned(
        video_id,
        plan.animatic,
        store,
        model=config.model,
        max_cost_usd=config.max_cost_usd,
        log=context.log.info,
    )
    claims = partial(
        RunClaims,
        films.home(),
        video_id,
        instance=context.instance,
        run_id=context.run.run_id,
        log=context.log.info,
    )
    with (
        closing(choose_generator(config.generator, commission, generators)) as generator,
        film_workdir(films.home()) as workdir,
    ):
        for made in walk_scenes(
            plan,
            numbers,
            store=store,
            generator=pooled(generator, context),
            order=order,
            workdir=workdir,
            listener=listener,
            claims=claims,
            max_parallel=config.max_parallel_scenes,
        ):
            yield from _events(
                context, store, plan, made, is_quiet=config.reuse == "matching", asked=partitions
            )


def _planned(
    context: dg.AssetExecutionContext, plan: FilmPlan, asked: list[int], *, is_single: bool
) -> list[int]:
    """The asked chunks that the film has: the grid is a product, and films differ in length."""
    if is_single:
        plan.spec(asked[0])
    beyond = [number for number in asked if number >= len(plan.specs)]
    if beyond:
        context.log.info(
            f"film {plan.video_id!r} has {len(plan.specs)} chunks: "
            f"skipping {', '.join(chunk_key(plan.video_id, number) for number in beyond)}"
        )
    return [number for number in asked if number < len(plan.specs)]


def _events(
    context: dg.AssetExecutionContext,
    store: ObjectStore,
    plan: FilmPlan,
    made: ChunkObject,
    *,
    is_quiet: bool,
    asked: frozenset[str],
) -> Iterator[Event]:
    """The events of one object: its materialization, and the hand-over behind a last frame.

    What is kept and recorded is recorded again only where a person asked for it: by a click, or in
    a backfill, whose partition Dagit counts as failed unless its run recorded it.
    """
    spec = made.spec
    partition = lineage.chunk_partition(spec.video_id, spec.chunk_num)
    yield from _used_frame(context.instance, store, made)
    tags = lineage.provenance(
        context.instance,
        version=made.version,
        code_version=CODE_VERSIONS[made.stage],
        inputs=made.inputs,
        video_id=spec.video_id,
        chunk_num=spec.chunk_num,
    )
    recorded = lineage.latest(context.instance, made.stage, str(partition))
    is_in_backfill = backfills.BACKFILL in context.run.tags
    is_asked_for = str(partition) in asked if is_in_backfill else not is_quiet
    metadata = None
    if made.is_kept and not is_asked_for and lineage.is_recorded(recorded, tags):
        context.log.info(f"{made.stage} {partition}: kept, {made.stored.uri} is up to date")
    else:
        metadata = chunk_metadata(store, made)
        yield dg.AssetMaterialization(made.stage, partition=partition, metadata=metadata, tags=tags)
    following = plan.specs[spec.chunk_num + 1 : spec.chunk_num + 2]
    if made.stage == "last_frames" and following and not following[0].begins_anew:
        yield from lineage.hand_over(
            context.instance,
            video_id=spec.video_id,
            chunk_num=spec.chunk_num + 1,
            version=made.version,
            metadata=metadata or {},
        )


def _used_frame(
    instance: dg.DagsterInstance, store: ObjectStore, made: ChunkObject
) -> Iterator[Event]:
    """The hand-over of the frame that a composite was made from, where nobody has recorded it.

    That frame was stored by a run that was not asked for last frames, or when the film ended
    there. An input that Dagster does not know of would never make the composite stale.
    """
    film, number = made.spec.video_id, made.spec.chunk_num
    used = made.inputs.get("previous_last_frames")
    recorded = lineage.latest(instance, "previous_last_frames", chunk_key(film, number))
    if used is None or (recorded is not None and recorded.version == used):
        return
    stored = store.head(keys.last_frame(film, number - 1))
    if stored is not None and content_version(stored) == used:
        yield from lineage.hand_over(
            instance,
            video_id=film,
            chunk_num=number,
            version=used,
            metadata=stored_metadata(store, stored),
        )
