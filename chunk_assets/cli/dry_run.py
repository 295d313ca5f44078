"""`render --dry-run`: what would be rendered, and its price, without writing anything."""

import json
from contextlib import closing

import click

from chunk_assets.cli.chunk_details import slot
from chunk_assets.cli.terminal import cut, print_table
from chunk_assets.defs.resources import connect
from chunk_assets.film.bill import film_bill
from chunk_assets.film.chunk_states import ChunkState, chunk_states, clip_records
from chunk_assets.film.forecast import Step, forecast
from chunk_assets.film.plan import FilmPlan, generation_context, placed_specs
from chunk_assets.film.quotes import chunk_price
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
    seed: int | None = None,
    as_json: bool,
    generators: Generators = GENERATORS,
) -> None:
    """Print what would happen to each chunk, and its price: kept, another take chosen, or rendered.

    Raises:
        SpecError: The generator cannot make such clips.
    """
    store = connect(settings)
    versions = {name: directory.version(name) for name in directory.pictures}
    specs = placed_specs(store, video_id, directory.animatic, versions, seed=seed)
    states = list(chunk_states(FilmPlan(video_id, directory.animatic, specs, ""), store))
    generator_context = generation_context(video_id, directory.animatic, store, settings)
    with closing(build_generator(generator, generator_context, generators)) as maker:
        steps = list(forecast(states, store, maker, again=again or ()))
        if only and again is not None:
            steps = [
                step if step.chunk_num in again else _kept(state)
                for step, state in zip(steps, states, strict=True)
            ]
        rendered = {step.chunk_num for step in steps if step.what == "rendered"}
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
                    "chunk_num": step.chunk_num,
                    "what": step.what,
                    "take": step.take,
                    "is_rendered": step.what == "rendered",
                    "price_usd": prices[step.chunk_num],
                }
                for step in steps
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
                f"take {step.take} chosen" if step.what == "chosen" else step.what,
                f"{about}${prices[spec.chunk_num]:.2f}" if step.what == "rendered" else "",
            ]
            for spec, step in zip(specs, steps, strict=True)
        ],
    )
    on = f" on {offer.label}" if offer.label else f" by {generator}"
    click.echo(
        f"{len(rendered)} of {len(specs)} chunks would be rendered{on}: {about}${total:.2f}; "
        f"spent so far ${spent:.2f}. Nothing was requested or written."
    )


def _kept(state: ChunkState) -> Step:
    """Return the step of a chunk that `--only` leaves as it is."""
    return Step(state.spec.chunk_num, "kept", state.clip.take if state.clip else None)
