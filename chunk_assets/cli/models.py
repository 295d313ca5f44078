"""`chunk-assets models`: the hosted models, their lengths, sizes and prices."""

from typing import TYPE_CHECKING, Any

import click

from chunk_assets.cli.options import json_option, pass_settings
from chunk_assets.frame_rate import FrameRate

if TYPE_CHECKING:  # they import pydantic, which `--help` does not need
    from chunk_assets.generation.hosted import HostedModel
    from chunk_assets.settings import Settings

_FPS = FrameRate(24)
"""The rate for which the table shows lengths that depend on it; most films have it."""


@click.command(short_help="List the hosted models: lengths, sizes, prices.")
@json_option
@pass_settings
def models(settings: "Settings", as_json: bool) -> None:
    """List the models that `render --generator replicate --model NAME` knows.

    A price with ~ is an estimate. CHUNK_ASSETS_MODELS names a TOML file of yours with more
    models, or with your own prices.
    """
    from chunk_assets.generation.catalog import DEFAULT_MODEL, load_catalog

    catalog = load_catalog(settings.models)
    if as_json:
        import json

        known = [_document(model) for model in catalog.values()]
        click.echo(json.dumps({"default": DEFAULT_MODEL, "models": known}, indent=2))
        return
    from chunk_assets.cli.terminal import print_sentence, print_table

    print_table(
        ["model", ">fps", ">seconds", "size", ">price", "input", "seed"],
        [_row(model) for model in catalog.values()],
        flexible="model",
    )
    print_sentence(
        f"{DEFAULT_MODEL} is the default. fps: the model's native frame rate. seconds: the allowed "
        f"lengths of a clip, at {_FPS} fps if fps is any. size: the clip's size. price: US dollars "
        "per clip or per second; ~ is an estimate. input: whether the conditioning image is sent "
        "as an image or as a still video. seed: whether the model accepts one."
    )


def _row(model: "HostedModel") -> list[object]:
    return [
        model.name,
        model.native_fps or "any",
        model.length.label(_FPS),
        model.size.label,
        _price(model),
        model.media.kind,
        "yes" if model.seed else "-",
    ]


def _price(model: "HostedModel") -> str:
    figures = "-".join(dict.fromkeys(map(_usd, model.price.range)))
    unit = "clip" if model.price.unit == "clip" else "s"
    return f"{'~' if model.price.is_estimate else ''}${figures}/{unit}"


def _usd(figure: float) -> str:
    return f"{figure:.2f}" if round(figure, 2) == figure else f"{figure:.3f}"


def _document(model: "HostedModel") -> dict[str, Any]:
    document = model.model_dump(mode="json")
    document["native_fps"] = int(model.native_fps) if model.native_fps else None
    document["shortest_seconds"] = model.shortest_seconds(_FPS)
    document["longest_seconds"] = model.longest_seconds(_FPS)
    return document
