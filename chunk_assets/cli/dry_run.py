"""`render --dry-run`: what would be rendered, and its price; nothing is written or asked."""

import json
from collections.abc import Iterator

import click

from chunk_assets.chain.animatic_directory import AnimaticDirectory
from chunk_assets.chain.film import film_cost
from chunk_assets.chain.film_plan import FilmPlan, placed_specs
from chunk_assets.chain.inspect import ChunkState, inspect
from chunk_assets.cli.report import slot
from chunk_assets.cli.terminal import cut, print_table
from chunk_assets.generation.catalog import DEFAULT_MODEL, load_catalog
from chunk_assets.generation.registry import DEFAULT_GENERATOR
from chunk_assets.resources import connect
from chunk_assets.schemas import ChunkSpec
from chunk_assets.settings import Settings


def print_dry_run(
    settings: Settings,
    video_id: str,
    directory: AnimaticDirectory,
    generator: str,
    again: range | None,
    *,
    only: bool,
    as_json: bool,
) -> None:
    """Print each chunk, whether it would be rendered, and its price.

    From the first chunk on that is not as it should be, all are taken to be rendered: each begins
    with the last frame of the one before.
    """
    store = connect(settings)
    versions = {name: directory.version(name) for name in directory.pictures}
    specs = placed_specs(store, video_id, directory.animatic, versions)
    states = list(inspect(FilmPlan(video_id, directory.animatic, specs, ""), store))
    model = directory.animatic.model or DEFAULT_MODEL
    is_paid = generator != DEFAULT_GENERATOR
    hosted = load_catalog(settings.models).find(model) if is_paid else None

    def price(spec: ChunkSpec) -> float:
        if hosted is None:
            return 0.0
        return hosted.price_usd(hosted.clip_length(spec.num_frames, spec.fps), spec.size)

    maker = (generator, hosted.replicate if hosted else None)
    rendered = set(_rendered(states, maker, again, only=only))
    prices = {s.chunk_num: price(s) if s.chunk_num in rendered else 0.0 for s in specs}
    clips = {state.spec.chunk_num: state.clip for state in states if state.clip}
    spent, total = film_cost(store, video_id, clips), round(sum(prices.values()), 6)
    if as_json:
        document = {
            "video_id": video_id,
            "generator": generator,
            "model": hosted.name if hosted else None,
            "chunks": [
                {
                    "chunk_num": spec.chunk_num,
                    "is_rendered": spec.chunk_num in rendered,
                    "price_usd": prices[spec.chunk_num],
                }
                for spec in specs
            ],
            "price_usd": total,
            "is_estimate": hosted.price.is_estimate if hosted else False,
            "spent_usd": spent,
        }
        click.echo(json.dumps(document, indent=2))
        return
    about = "about " if hosted and hosted.price.is_estimate else ""
    print_table(
        ["chunk", "beat", ">film", "", ">price"],
        [
            [
                f"{spec.chunk_num:02d}",
                cut(spec.beat.get("name", ""), 32),
                slot(spec),
                "rendered" if spec.chunk_num in rendered else "kept",
                f"{about}${prices[spec.chunk_num]:.2f}" if spec.chunk_num in rendered else "",
            ]
            for spec in specs
        ],
    )
    on = f" on {hosted.name} ({hosted.replicate})" if hosted else f" by {generator}"
    click.echo(
        f"{len(rendered)} of {len(specs)} chunks would be rendered{on}: {about}${total:.2f}; "
        f"spent so far ${spent:.2f}. Nothing was asked or written."
    )


def _rendered(
    states: list[ChunkState],
    maker: tuple[str, str | None],
    again: range | None,
    *,
    only: bool,
) -> Iterator[int]:
    has_changed = False
    for state in states:
        number = state.spec.chunk_num
        if again is not None:
            if number in again or (number > again[-1] and not only):
                yield number
            continue
        has_changed = has_changed or state.state != "fresh" or not _is_by(state, maker)
        if has_changed:
            yield number


def _is_by(state: ChunkState, maker: tuple[str, str | None]) -> bool:
    """Whether the stored clip is by that generator, and by that model's present or past version."""
    generator, model = maker
    if state.clip is None or state.clip.generator != generator:
        return False
    return model is None or state.clip.model.partition(":")[0] == model
