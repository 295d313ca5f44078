"""`render --dry-run`: what would be rendered, and its price, without writing anything."""

import json
from contextlib import closing

import click

from chunk_assets.cli.chunk_details import slot
from chunk_assets.cli.terminal import cut, print_table
from chunk_assets.defs.resources import connect
from chunk_assets.film.bill import film_bill
from chunk_assets.film.chunk_states import chunk_states, clip_records
from chunk_assets.film.plan import FilmPlan, generation_context, placed_specs
from chunk_assets.film.quotes import chunk_price, chunks_to_render
from chunk_assets.film.submission import AnimaticDirectory
from chunk_assets.generation.registry import GENERATORS, Generators, build_generator
from chunk_assets.settings import Settings


def print_dry_run(
    settings: Settings,
    video_id: str,
    directory: AnimaticDirectory,
    generator: str,
    again: range | None,
    *,
    takes: int,
    only: bool,
    as_json: bool,
    generators: Generators = GENERATORS,
) -> None:
    """Print each chunk, whether it would be rendered, and its price.

    Raises:
        SpecError: The generator cannot make such clips.
    """
    store = connect(settings)
    versions = {name: directory.version(name) for name in directory.pictures}
    specs = placed_specs(store, video_id, directory.animatic, versions)
    states = list(chunk_states(FilmPlan(video_id, directory.animatic, specs, ""), store))
    generator_context = generation_context(video_id, directory.animatic, store, settings)
    with closing(build_generator(generator, generator_context, generators)) as maker:
        if again is None:
            rendered = set(chunks_to_render(states, maker))
        else:
            behind = () if only else range(again[-1] + 1, len(specs))
            rendered = {*again, *behind}
        prices = {
            spec.chunk_num: (
                chunk_price(maker, spec) * (takes if spec.chunk_num in (again or ()) else 1)
                if spec.chunk_num in rendered
                else 0.0
            )
            for spec in specs
        }
        offer = maker.offer
    spent = film_bill(store, video_id, clip_records(states)).total_usd
    total = round(sum(prices.values()), 6)
    if as_json:
        document = {
            "video_id": video_id,
            "generator": generator,
            "model": offer.model,
            "chunks": [
                {
                    "chunk_num": spec.chunk_num,
                    "is_rendered": spec.chunk_num in rendered,
                    "price_usd": prices[spec.chunk_num],
                }
                for spec in specs
            ],
            "price_usd": total,
            "is_estimate": offer.is_estimate,
            "spent_usd": spent,
        }
        click.echo(json.dumps(document, indent=2))
        return
    about = "about " if offer.is_estimate else ""
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
    on = f" on {offer.label}" if offer.label else f" by {generator}"
    click.echo(
        f"{len(rendered)} of {len(specs)} chunks would be rendered{on}: {about}${total:.2f}; "
        f"spent so far ${spent:.2f}. Nothing was requested or written."
    )
