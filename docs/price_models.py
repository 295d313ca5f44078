"""Writes the table of models in docs/models.md: what each takes and makes, and what it costs.

`python docs/price_models.py` writes the table; `--check` only reports whether it is up to date.
The last column is the price of the example film (examples/aurora), without retries, and as one
chain (continuity `film`): not every model can render its key pictures.
"""

import sys
from pathlib import Path

from chunk_assets.film.plan import named_specs
from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.catalog import DEFAULT_MODEL, load_catalog
from chunk_assets.generation.hosted import HostedModel
from chunk_assets.schemas import Animatic, read_animatic

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "docs" / "models.md"
EXAMPLE = REPOSITORY / "examples" / "aurora" / "animatic.json"
BEGIN = "<!-- written by docs/price_models.py -->\n"
END = "<!-- end of the table -->\n"
HEADER = (
    "| Model | Takes | Sound | Clip length | Native rate | Clip size | Price | Example film |\n"
    "|---|---|---|---|---|---|---|---|\n"
)
FPS = FrameRate(24)


def table() -> str:
    """Return the table in Markdown."""
    drawn = read_animatic(EXAMPLE.read_bytes(), where=str(EXAMPLE))
    example = drawn.model_copy(update={"continuity": "film"})
    return HEADER + "".join(_row(model, example) for model in load_catalog().values())


def _row(model: HostedModel, example: Animatic) -> str:
    default = " (default)" if model.name == DEFAULT_MODEL else ""
    cells = [
        f"`{model.name}`{default}",
        _takes(model),
        {"choice": "turned off", "never": "never", "always": "always"}[model.abilities.sound]
        if model.sound != "unknown"
        else "unknown",
        f"{model.length.label(FPS)} s",
        f"{model.native_fps} fps" if model.native_fps else "can be chosen",
        model.size.label,
        _price(model),
        _film(model, example),
    ]
    return f"| {' | '.join(cells)} |\n"


def _takes(model: HostedModel) -> str:
    able = model.abilities
    return ", ".join(
        word
        for word, is_taken in (
            ("picture" if model.media.kind == "image" else "video", True),
            ("end picture", able.end_image),
            (f"{able.references} references", able.references > 0),
            ("negative prompt", model.negative_prompt is not None),
            ("camera", model.camera is not None),
            ("seed", able.seeds),
        )
        if is_taken
    )


def _price(model: HostedModel) -> str:
    price = model.price
    unit = "clip" if price.unit == "clip" else "second"
    if price.billed_fps:
        unit += f" at {price.billed_fps} fps"
    more = f", with sound {_figures(price.usd_with_sound)}" if price.usd_with_sound else ""
    return f"{_figures(price.usd)} per {unit}{more}"


def _figures(usd: float | dict[str, float]) -> str:
    figures = usd.values() if isinstance(usd, dict) else [usd]
    return " / ".join(
        f"${figure:.2f}" if round(figure, 2) == figure else f"${figure:g}" for figure in figures
    )


def _film(model: HostedModel, example: Animatic) -> str:
    chosen = example.model_copy(update={"model": model.name})
    specs = named_specs("example", chosen)
    usd = sum(
        model.price_usd(model.clip_length(spec.num_frames, spec.fps), spec.size) for spec in specs
    )
    return f"${usd:.2f} for {len(specs)} clips"


def page_with(written: str) -> str:
    """Return the page with this table in it."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{written}{END}{after}"


def main() -> None:
    """Write the table, or report whether it is up to date."""
    page = page_with(table())
    if "--check" in sys.argv[1:]:
        if page != PAGE.read_text(encoding="utf-8"):
            sys.exit("docs/models.md is out of date: run python docs/price_models.py")
        return
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
