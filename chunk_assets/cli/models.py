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
@click.option(
    "--probe",
    metavar="MODEL",
    help="Request one short clip of this model, which costs money, and show what it really does.",
)
@click.option("--yes", is_flag=True, help="With --probe: do not ask before paying.")
@json_option
@pass_settings
def models(settings: "Settings", probe: str | None, yes: bool, as_json: bool) -> None:
    """List the models that `render --generator replicate --model NAME` knows.

    A price with ~ is an estimate. CHUNK_ASSETS_MODELS names a TOML file of yours with more
    models, or with your own prices.
    """
    if yes and probe is None:
        raise click.UsageError("--yes needs --probe")
    if probe is not None:
        from chunk_assets.cli.model_probe import probe_model

        probe_model(settings, probe, is_agreed=yes, as_json=as_json)
        return
    from chunk_assets.generation.catalog import DEFAULT_MODEL, load_catalog

    catalog = load_catalog(settings.models)
    if as_json:
        import json

        known = [_document(model) for model in catalog.values()]
        gone = [
            model.model_dump(mode="json", exclude_none=True) for model in catalog.retired.values()
        ]
        document = {"default": DEFAULT_MODEL, "models": known, "retired": gone}
        click.echo(json.dumps(document, indent=2))
        return
    from chunk_assets.cli.terminal import print_sentence, print_table

    print_table(
        ["model", ">seconds", "size", ">price", "sound", "takes"],
        [_row(model) for model in catalog.values()],
        flexible="model",
    )
    print_sentence(
        f"{DEFAULT_MODEL} is the default. seconds: the allowed lengths of a clip, at {_FPS} fps if "
        "they depend on the film's rate. size: the clip's size. price: US dollars per clip or per "
        "second, without sound where it can be turned off; ~ is an estimate. sound: whether clips "
        "have it; it is turned off where possible. takes: a picture to end with, reference "
        "pictures beside the first picture, a seed."
    )
    for model in catalog.retired.values():
        print_sentence(f"Retired: {model.name}; use {' or '.join(model.retired.successors)}.")


_SOUND = {"choice": "off", "never": "never", "always": "always"}


def _row(model: "HostedModel") -> list[object]:
    able = model.abilities
    takes = [
        word
        for word, is_taken in (
            ("end", able.end_image),
            ("refs", able.references > 0),
            ("seed", able.seeds),
        )
        if is_taken
    ]
    return [
        model.name,
        model.length.label(_FPS),
        model.size.label,
        _price(model),
        "?" if model.sound == "unknown" else _SOUND[able.sound],
        ", ".join(takes) or "-",
    ]


def _price(model: "HostedModel") -> str:
    figures = "-".join(dict.fromkeys(map(_usd, model.price.range)))
    unit = "clip" if model.price.unit == "clip" else "s"
    return f"{'~' if model.price.is_estimate else ''}${figures}/{unit}"


def _usd(figure: float) -> str:
    return f"{figure:.2f}" if round(figure, 2) == figure else f"{figure:.3f}"


def _document(model: "HostedModel") -> dict[str, Any]:
    document = model.model_dump(mode="json")
    able = model.abilities
    document["abilities"] = {
        "end_image": able.end_image,
        "references": able.references,
        "sound": able.sound,
        "seeds": able.seeds,
    }
    document["native_fps"] = int(model.native_fps) if model.native_fps else None
    document["shortest_seconds"] = model.shortest_seconds(_FPS)
    document["longest_seconds"] = model.longest_seconds(_FPS)
    return document
