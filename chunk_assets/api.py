"""The functions of the public Python API that render: one chunk, and a whole film."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from chunk_assets.cli.options import MAX_SEED, read_film
from chunk_assets.cli.output_file import check_ffmpeg, writable_target
from chunk_assets.cli.progress import ChunkProgress
from chunk_assets.cli.rendering import Rendering
from chunk_assets.dagster_internals.instance import open_instance
from chunk_assets.defs.resources import connect
from chunk_assets.defs.runs.chunk_locks import RunChunkLocks
from chunk_assets.deployment import configure
from chunk_assets.errors import SpecError
from chunk_assets.files.private_home import write_privately
from chunk_assets.files.workdirs import film_workdir
from chunk_assets.film.plan import FilmPlan, generation_context, plan_film
from chunk_assets.film.records import ClipRecord
from chunk_assets.generation.registry import DEFAULT_GENERATOR, choose_generator
from chunk_assets.render.context import RenderContext
from chunk_assets.render.request import RenderRequest
from chunk_assets.render.scenes import walk_scenes
from chunk_assets.schemas import ChunkGenerationOutput, ChunkSpec
from chunk_assets.settings import Settings, load_settings
from chunk_assets.usd import checked_usd

_LOGGER = logging.getLogger("chunk_assets")


@contextmanager
def _own_umask() -> Iterator[int]:
    """Restore the caller's umask after a block or function that makes it private; yields it."""
    umask = write_privately()
    try:
        yield umask
    finally:
        os.umask(umask)


@_own_umask()
def generate_single_chunk(
    chunk_spec: ChunkSpec | Mapping[str, Any],
    *,
    generator: str = DEFAULT_GENERATOR,
    model: str | None = None,
    max_cost_usd: float | None = None,
    new_take: bool = False,
) -> dict[str, str | float]:
    """Render one chunk of a film whose animatic is on S3.

    Downloads the pictures, blends the composite, has the generator render the clip, and stores
    the spec, the composite, the clip and the last frame. A stored clip that was made from the same
    inputs is kept and costs nothing. Waits for runs that render the same chunk, and logs it with
    the logger `chunk_assets`. Dagster does not record the result, and the limits of its pools do
    not apply; to have both, materialize the chunk.

    Args:
        chunk_spec: The chunk, as `build_chunk_specs` returns it or as a dict of its fields. Its
            pictures must be the animatic's; prompt, camera movement, seed and the like may differ
            from the film's plan.
        generator: The generator's name. `preview`, the default, is free.
        model: The hosted model; by default the manifest's.
        max_cost_usd: Limit on the film's total cost, in US dollars; by default the manifest's
            limit.
        new_take: Render the chunk even if its stored clip is up to date.

    Returns:
        `chunk_url` and `last_frame_url`, both S3 URIs, and `cost_usd`, the cost of this call.

    Raises:
        SpecError: The spec or an argument cannot be used.
        NotStored: The animatic, or the last frame of the chunk before, is not stored.
        GenerationError, MediaError, StorageError: The chunk could not be made.
    """
    spec = _checked(chunk_spec)
    number, settings = spec.chunk_num, _configured_settings()
    store = connect(settings)
    plan = _with_spec(plan_film(store, spec.video_id, seed=spec.seed), spec)
    context = generation_context(
        spec.video_id,
        plan.animatic,
        store,
        settings,
        model=model,
        max_cost_usd=max_cost_usd,
        log=_LOGGER.info,
    )
    request = RenderRequest(
        reuse="this_run" if new_take else "matching", root_run=str(uuid4()) if new_take else ""
    )
    with (
        open_instance(settings) as instance,
        closing(choose_generator(generator, context)) as chosen,
        film_workdir(settings.home) as workdir,
    ):
        locks = RunChunkLocks(
            settings.home, spec.video_id, instance=instance, run_id="", log=context.log
        )
        walked = walk_scenes(
            RenderContext(
                plan=plan,
                store=store,
                generator=chosen,
                workdir=workdir,
                request=request,
                locks=locks,
            ),
            [number],
        )
        made = {each.stage: each for each in walked}
    clip = made["chunk_videos"]
    return {
        "chunk_url": clip.stored.uri,
        "last_frame_url": made["last_frames"].stored.uri,
        "cost_usd": 0.0 if clip.is_kept else ClipRecord.of(clip.stored).cost_usd,
    }


def render_film(
    directory: str | Path,
    output: str | Path | None = None,
    *,
    video_id: str | None = None,
    generator: str = DEFAULT_GENERATOR,
    model: str | None = None,
    max_cost_usd: float | None = None,
    seed: int | None = None,
) -> ChunkGenerationOutput:
    """Render the animatic in a directory to a film, as `chunk-assets render` does.

    Chunks that are stored and up to date are kept. Progress is printed on stderr.

    Args:
        directory: Holds `animatic.json`, the manifest, and the pictures that it names.
        output: Where the film is written; by default `VIDEO_ID.mp4` in the current directory.
        video_id: The film's name on S3; by default made from the directory's name.
        generator: The generator's name. `preview`, the default, is free.
        model: The hosted model; by default the manifest's.
        max_cost_usd: Limit on the film's total cost, in US dollars; by default the manifest's
            limit.
        seed: One seed for the whole film; by default each chunk and take has its own.

    Returns:
        Where the film and its clips are on S3, and the film's total cost.

    Raises:
        SpecError: The manifest or an argument cannot be used.
        GenerationError, MediaError, StorageError: The film could not be made; what was rendered is
            kept.
    """
    if max_cost_usd is not None:
        checked_usd(max_cost_usd, "max_cost_usd")
    if seed is not None and (type(seed) is not int or not 0 <= seed <= MAX_SEED):
        raise SpecError(f"the seed is {seed!r}: expected 0 to {MAX_SEED}")
    settings = _configured_settings()
    name, animatic = read_film(Path(directory), video_id, model)
    check_ffmpeg()
    target = writable_target(Path(output or f"{name}.mp4"), animatic.sources)
    with _own_umask() as umask, ChunkProgress(len(animatic.specs(name))) as progress:
        rendering = Rendering(
            settings,
            name,
            animatic,
            generator=generator,
            seed=seed,
            max_cost_usd=max_cost_usd,
            umask=umask,
        )
        return rendering.run(progress, target).output


def _configured_settings() -> Settings:
    settings = load_settings()
    configure(settings.deployment)
    return settings


def _checked(chunk_spec: ChunkSpec | Mapping[str, Any]) -> ChunkSpec:
    try:
        return ChunkSpec.model_validate(
            chunk_spec.model_dump() if isinstance(chunk_spec, ChunkSpec) else dict(chunk_spec)
        )
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise SpecError(f"the chunk's spec cannot be used: {place}: {fault['msg']}") from None


def _with_spec(plan: FilmPlan, spec: ChunkSpec) -> FilmPlan:
    """Return the plan with this spec in place of the chunk's own.

    What only S3 knows (the versions of pictures, the URI of the last frame before) is taken from
    the plan, so that a spec from `build_chunk_specs` gives the same clip as the plan's own.

    Raises:
        SpecError: The film has no such chunk, or the spec names other pictures than the animatic.
    """
    planned = plan.spec(spec.chunk_num)
    named = (
        "animatic_frame_url",
        "end_frame_url",
        "style_guide_url",
        "previous_chunk_last_frame",
    )
    for name in named:
        url, known = getattr(spec, name), getattr(planned, name)
        if url not in (known, None):
            raise SpecError(f"the chunk's spec has the {name} {url!r}: expected {known!r}")
    stored = (
        "animatic_frame_version",
        "end_frame_version",
        "style_guide_url",
        "style_guide_version",
        "previous_chunk_last_frame",
        "reference_urls",
        "reference_versions",
    )
    placed = spec.model_copy(update={name: getattr(planned, name) for name in stored})
    specs = [placed if each.chunk_num == spec.chunk_num else each for each in plan.specs]
    return replace(plan, specs=specs)
