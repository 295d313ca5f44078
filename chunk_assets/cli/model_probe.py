"""`chunk-assets models --probe MODEL`: ask for one clip, and show what the model really does."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from chunk_assets.cli.output_file import check_ffmpeg
from chunk_assets.cli.terminal import print_sentence, print_table
from chunk_assets.defs.resources import connect
from chunk_assets.film.model_probe import plan_probe
from chunk_assets.settings import Settings


def probe_model(settings: Settings, name: str, *, is_agreed: bool, as_json: bool) -> None:
    """Say what the clip costs, ask for consent, request it, and print what was measured.

    Raises:
        SpecError: The model does not exist or is retired, or there is no API token.
        GenerationError: There is no clip.
    """
    check_ffmpeg()
    planned = plan_probe(connect(settings), settings, name)
    model = planned.model
    about = "about " if model.price.is_estimate else ""
    asked = (
        f"A probe requests one clip of {planned.seconds:g} s from {model.name} "
        f"({model.replicate}): {about}${planned.price_usd:.2f}."
    )
    if not is_agreed:
        click.confirm(f"{asked} Continue?", abort=True, err=True)
    with TemporaryDirectory(prefix="chunk-assets-probe-") as workdir:
        probe = planned.run(Path(workdir))
    if as_json:
        click.echo(json.dumps(probe.as_json(), indent=2))
        return
    print_table(
        ["", "asked or expected", "measured"],
        [[one.name, one.asked, one.measured] for one in probe.findings],
    )
    print_sentence(
        f"Prediction {probe.prediction_id}: ${probe.cost_usd:.2f}. The clip is kept at "
        f"{probe.clip}."
    )
