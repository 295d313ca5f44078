"""The four assets of a chunk, made by one op that walks the chain of each film."""

from collections.abc import Iterator
from contextlib import closing
from typing import Literal

import dagster as dg
from pydantic import Field

from chunk_assets.chain.film_plan import FilmPlan, commissioned, plan_film
from chunk_assets.chain.fingerprints import COMPOSITING, Weights
from chunk_assets.chain.listener import Listener
from chunk_assets.chain.objects import ChunkObject
from chunk_assets.chain.order import Order
from chunk_assets.chain.walk import walk
from chunk_assets.compositing import ANIMATIC_WEIGHT, STYLE_WEIGHT, TEMPORAL_WEIGHT
from chunk_assets.defs import lineage
from chunk_assets.defs.claims import RunClaims
from chunk_assets.defs.failures import as_failures
from chunk_assets.defs.metadata import chunk_metadata
from chunk_assets.defs.partitions import by_film, chunk_key, chunks, of_film
from chunk_assets.defs.pools import pooled
from chunk_assets.errors import ChunkAssetsError
from chunk_assets.generation.registry import DEFAULT_GENERATOR, Generators, choose_generator
from chunk_assets.resources import FilmStore
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
    max_cost_usd: float | None = Field(
        default=None,
        ge=0,
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
        default=ANIMATIC_WEIGHT, description="Chunk 0: the animatic's share of the composite."
    )
    style_weight: float = Field(
        default=STYLE_WEIGHT, description="Chunk 0: the style guide's share of the composite."
    )
    temporal_weight: float = Field(
        default=TEMPORAL_WEIGHT,
        description="Chunks 1 and later: the share of the last frame of the chunk before.",
    )

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
        kinds=kinds,
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
        "The clip: the composite, rendered by the generator.",
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
            root_run=context.run.root_run_id or context.run.run_id,
            weights=config.weights,
        )
        failed: list[ChunkAssetsError] = []
        for video_id, asked in by_film(context.partition_keys).items():
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
    plan = plan_film(store, video_id, seed=config.seed)
    numbers = _planned(context, plan, asked, is_single=len(context.partition_keys) == 1)
    commission = commissioned(
        video_id,
        plan.animatic,
        store,
        model=config.model,
        max_cost_usd=config.max_cost_usd,
        log=context.log.info,
    )
    claims = RunClaims(
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
        for made in walk(
            plan,
            numbers,
            store=store,
            generator=pooled(generator, context),
            order=order,
            workdir=workdir,
            listener=listener,
            claims=claims,
        ):
            yield from _events(context, store, plan, made, is_quiet=config.reuse == "matching")


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
) -> Iterator[Event]:
    """The events of one object: its materialization, and the hand-over behind a last frame.

    A quiet run does not record again what is kept and recorded.
    """
    spec = made.spec
    partition = lineage.chunk_partition(spec.video_id, spec.chunk_num)
    tags = lineage.provenance(
        context.instance,
        version=made.version,
        code_version=CODE_VERSIONS[made.stage],
        inputs=made.inputs,
        video_id=spec.video_id,
        chunk_num=spec.chunk_num,
    )
    recorded = lineage.latest(context.instance, made.stage, str(partition))
    # Dagit counts a backfill's partition as failed unless its run recorded it.
    is_asked_for = not is_quiet or "dagster/backfill" in context.run.tags
    metadata = None
    if made.is_kept and not is_asked_for and lineage.is_recorded(recorded, tags):
        context.log.info(f"{made.stage} {partition}: kept, {made.stored.uri} is up to date")
    else:
        metadata = chunk_metadata(store, made)
        yield dg.AssetMaterialization(made.stage, partition=partition, metadata=metadata, tags=tags)
    if made.stage == "last_frames" and spec.chunk_num + 1 < len(plan.specs):
        yield from lineage.hand_over(
            context.instance,
            video_id=spec.video_id,
            chunk_num=spec.chunk_num + 1,
            version=made.version,
            metadata=metadata or {},
        )
